#!/usr/bin/env python3
"""Makes english.txt, the text that docs/ACCURACY.md measures on: prose of this repository.

    make_text.py [REVISION] > english.txt

First the prose of the documentation (no code, no tables), then conversations of the demo's generator,
written as dialogues. The text is committed and must stay as it is, or figures of different days
cannot be compared; run this again only to begin anew. Standard library only.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DOCUMENTS = ["README.md", "docs/ARCHITECTURE.md", "docs/STYLE.md", "docs/HACKING.md", "docs/API.md",
             "docs/support-assistant.md", "docs/adr/0001-own-engine-libraries-for-the-rest.md",
             "docs/adr/0002-clang-first.md", "docs/adr/0003-batch-invariance.md",
             "docs/adr/0004-weights-are-converted-at-load.md", "docs/adr/0005-queue-full-is-503.md",
             "CONTRIBUTING.md", "CHANGELOG.md"]
DIALOGUE_SEED = 20261125
CHARACTERS_MIN = 84_000  # for at least 32 chunks of 512 tokens
HEADING, BULLET, LINK = re.compile(r"^#+ "), re.compile(r"^(-|\d+\.) "), re.compile(r"\[([^]]*)\]\([^)]*\)")


def plain(text: str) -> str:
    """Markdown's marks taken off."""
    return LINK.sub(r"\1", text).replace("**", "").replace("`", "")


def paragraphs(markdown: str) -> list[str]:
    """The paragraphs and list entries of a document, each on one line, without code and tables."""
    found: list[str] = []
    current: list[str] = []
    in_code = False
    for line in [*markdown.splitlines(), ""]:
        stripped = line.strip()
        if stripped.startswith("```"):
            in_code = not in_code
        is_break = in_code or not stripped or stripped[0] in "|!" or HEADING.match(stripped)
        if (is_break or BULLET.match(stripped)) and current:
            found.append(plain(" ".join(current)))
            current = []
        if not is_break:
            current.append(BULLET.sub("", stripped))
    return [paragraph for paragraph in found if len(paragraph) > 60]


def document(revision: str, path: str) -> str:
    return subprocess.run(["git", "show", f"{revision}:{path}"], cwd=ROOT, check=True,
                          capture_output=True, text=True).stdout


def dialogues(characters: int) -> list[str]:
    """Conversations until there are so many characters; an answer is told once in each."""
    sys.path.insert(0, str(ROOT / "models/demo"))
    from conversations import make_dialogues

    told: list[str] = []
    for turns in make_dialogues(DIALOGUE_SEED):
        if sum(map(len, told)) >= characters:
            return told
        answers: set[str] = set()
        lines = []
        for turn in turns:
            if turn.answer not in answers:
                answers.add(turn.answer)
                lines += [f'"{turn.question}"', f'"{turn.answer}"']
        told.append("\n".join(lines))
    return told


def main() -> None:
    revision = sys.argv[1] if len(sys.argv) > 1 else "HEAD"
    prose = [text for path in DOCUMENTS for text in paragraphs(document(revision, path))]
    rest = CHARACTERS_MIN - sum(map(len, prose))
    print("\n\n".join([*prose, *dialogues(rest)]))


if __name__ == "__main__":
    main()
