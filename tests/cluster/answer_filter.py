"""An answer filter for tests, named by PUNA_ANSWER_FILTER=answer_filter:loud."""


def loud(text: str) -> str:
    return text.upper()
