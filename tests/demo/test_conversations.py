"""The generator of the demo's conversations: the same for a seed, wide enough, with every slot filled,
and without the held-out questions."""

import itertools
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "models" / "demo"))

import conversations  # noqa: E402
import follow_ups  # noqa: E402
import phrasings  # noqa: E402
import scoring  # noqa: E402
import shop  # noqa: E402
import slots  # noqa: E402
from held_out import held_out_sentences, normalised  # noqa: E402

DIALOGUES = 20000
INTENTS_MIN = 25
SENTENCES_PER_INTENT_MIN = 30
SAME_WORDS_MAX = 0.75


def questions(seed, count):
    stream = conversations.make_dialogues(seed)
    return [turn.question for dialogue in itertools.islice(stream, count) for turn in dialogue]


def template_pattern(template):
    """A pattern of every sentence that a phrasing stands for."""
    text = re.sub(r"[^\w'\- |\[\]{}]", " ", template.lower())  # marks vanish when normalised
    for plain, pattern in (("[", "(?:"), ("]", ")"), (" ", r"\s*")):
        text = text.replace(plain, pattern)
    for slot, values in slots.CHOICES.items():
        anyone = "|".join(re.escape(normalised(value)) for value in values)
        text = text.replace("{" + slot + "}", f"(?:{anyone})")
    text = text.replace("{small}", r"\d+").replace("{order}", r"(?:order |number |nr |no |qf-)?\d{5}")
    return re.compile(text)


class Generator(unittest.TestCase):
    def test_the_same_seed_gives_the_same_dialogues(self):
        self.assertEqual(questions(7, 300), questions(7, 300))

    def test_another_seed_gives_other_dialogues(self):
        self.assertNotEqual(questions(7, 300), questions(8, 300))

    def test_there_are_many_intents_each_with_many_phrasings(self):
        self.assertGreaterEqual(len(conversations.INTENTS), INTENTS_MIN)
        for intent, templates in conversations.INTENTS.items():
            with self.subTest(intent=intent):
                count = sum(map(phrasings.count_sentences, templates))
                self.assertGreaterEqual(count, SENTENCES_PER_INTENT_MIN)

    def test_every_intent_has_an_answer_and_every_answer_is_reached(self):
        self.assertLessEqual(set(conversations.INTENTS), set(shop.ANSWERS))
        stream = itertools.islice(conversations.make_dialogues(1), DIALOGUES)
        intents = {turn.intent for dialogue in stream for turn in dialogue}
        self.assertEqual(intents | {"order_unknown"}, set(shop.ANSWERS))

    def test_follow_ups_name_phrasings_and_answers_that_exist(self):
        for topic, answers in {**follow_ups.FOLLOW_UPS, "greeting": follow_ups.AFTER_ANY}.items():
            self.assertIn(topic, shop.ANSWERS)
            for kind, intent in answers.items():
                self.assertIn(kind, conversations.FOLLOW_UP_PHRASINGS)
                self.assertIn(intent, shop.ANSWERS)

    def test_no_slot_and_no_choice_is_left_open(self):
        for dialogue in itertools.islice(conversations.make_dialogues(3), DIALOGUES):
            for turn in dialogue:
                self.assertNotRegex(turn.question, r"[\[\]{}|]")
                self.assertNotRegex(turn.answer, r"[\[\]{}|]|None")

    def test_an_order_number_that_was_told_is_used_in_later_answers(self):
        seen = 0
        for dialogue in itertools.islice(conversations.make_dialogues(4), DIALOGUES):
            told = None
            for turn in dialogue:
                numbers = re.findall(r"(?<!\d)\d{5}(?!\d)", turn.question)
                told = numbers[-1] if numbers else told
                for number in re.findall(r"(?<!\d)\d{5}(?!\d)", turn.answer):
                    seen += 1
                    self.assertEqual(number, told, dialogue)
        self.assertGreater(seen, 1000)

    def test_the_shops_own_answers_are_right_by_the_rules_and_no_other_is(self):
        for intent, other in itertools.permutations(shop.ANSWERS, 2):
            item = {"intent": intent, "order": "48213", "name": "Anna", "place": "Poland"}
            reply = shop.answer(other, "48213", "Anna", "Poland")
            same = reply == scoring.expected_answer(item)
            self.assertEqual(scoring.is_right(item, reply), same, (intent, other))
            self.assertEqual(scoring.is_hand_over(reply), other == "out_of_scope", other)


class HeldOut(unittest.TestCase):
    def test_no_phrasing_can_say_a_held_out_sentence(self):
        sections = [conversations.INTENTS, conversations.FOLLOW_UP_PHRASINGS, conversations.OUT_OF_SCOPE]
        templates = [line for section in sections for lines in section.values() for line in lines]
        patterns = [(template, template_pattern(template)) for template in templates]
        for sentence in held_out_sentences():
            for template, pattern in patterns:
                with self.subTest(sentence=sentence, template=template):
                    self.assertIsNone(pattern.fullmatch(normalised(sentence)))

    def test_the_pattern_of_a_phrasing_finds_what_it_says(self):
        pattern = template_pattern("[hi|hello], where is [my|the] order {order}")
        self.assertTrue(pattern.fullmatch(normalised("Hello, where is the order 48213?")))
        self.assertFalse(pattern.fullmatch(normalised("Hello, where is an order 48213?")))

    def test_no_generated_question_has_nearly_the_words_of_a_held_out_sentence(self):
        generated = {frozenset(normalised(text).split()) for text in questions(5, DIALOGUES)}
        for sentence in held_out_sentences():
            words = set(normalised(sentence).split())
            for other in generated:
                if len(other) * SAME_WORDS_MAX > len(words) or len(words) * SAME_WORDS_MAX > len(other):
                    continue
                with self.subTest(sentence=sentence, generated=sorted(other)):
                    self.assertLess(len(words & other) / len(words | other), SAME_WORDS_MAX)


if __name__ == "__main__":
    unittest.main()
