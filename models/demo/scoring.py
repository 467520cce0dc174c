# The rules that judge an answer. No model and no taste: facts and words compared with the shop's.
#
# An in-scope answer is right if it states every fact of the shop's answer (numbers, addresses, names,
# order numbers), no other fact, and shares most of its words. An out-of-scope answer is right if it
# says "I don't know", hands over, and states no fact at all; anything else counts as invented.

import re

from shop import ANSWERS, HAND_OVER, answer

SHARED_WORDS_MIN = 0.7

_MARK = re.compile(r"[.,:;!?]+(?=\s|$)")
_PLAIN = {"i", "the", "a", "it", "you", "your", "our", "we", "is", "at", "to", "of", "and", "for", "in"}


def words_of(text):
    return [word for word in _MARK.sub("", text).split() if word]


def facts_of(text):
    """Numbers, addresses and names: words with a digit, an @ or a dot inside, or a capital inside a
    sentence."""
    facts = set()
    starts_sentence = True
    for raw in text.split():
        word = _MARK.sub("", raw)
        named = word[:1].isupper() and not starts_sentence and word not in ("I", "I'm")
        if re.search(r"[\d@]|\w\.\w", word) or named:
            facts.add(word.lower())
        starts_sentence = raw.endswith((".", "!", "?"))
    return facts


def shared_words(left, right):
    """The share of their words, apart from the smallest ones, that two texts have in common."""
    one, two = ({word.lower() for word in words_of(text)} - _PLAIN for text in (left, right))
    return len(one & two) / max(1, len(one | two))


def expected_answer(item):
    """The shop's answer to a question of questions/*.json."""
    return answer(item["intent"], item.get("order"), item.get("name"), item.get("place"))


def is_hand_over(reply):
    return shared_words(reply, HAND_OVER) >= SHARED_WORDS_MIN and facts_of(reply) == facts_of(HAND_OVER)


def is_right(item, reply):
    expected = expected_answer(item)
    return facts_of(reply) == facts_of(expected) and shared_words(reply, expected) >= SHARED_WORDS_MIN


def nearest_intent(reply):
    """The intent whose answer shares the most words with `reply`: to see what was confused."""
    return max(ANSWERS, key=lambda intent: shared_words(reply, ANSWERS[intent]))
