# Makes support conversations of the shop: a stream of dialogues, the same for the same seed.
#
# A dialogue is a list of turns (question, answer, intent). It remembers what the customer told: the
# order number, the name, the place, and the topic that a later "and what does that cost?" means.
# Run as a program it prints some, to be read by a person.

import random as random_module
import re
import sys
from typing import NamedTuple

from follow_ups import AFTER_ANY, FOLLOW_UPS
from phrasings import expand, read_phrasings, write_as_customer
from shop import answer
from slots import fill, order_number, written_order
from synonyms import with_synonyms

FILES = (
    "talk",
    "shop",
    "delivery",
    "orders",
    "returns",
    "payment",
    "products",
    "account",
    "wider_visit",
    "wider_orders",
    "wider_rules",
    "wider_products",
    "indirect",
    "stories",
    "plain",
)
INTENTS = {}
for _file in FILES:
    for _intent, _lines in read_phrasings(_file).items():
        INTENTS.setdefault(_intent, []).extend(_lines)
FOLLOW_UP_PHRASINGS = read_phrasings("follow_ups")
OUT_OF_SCOPE = read_phrasings("out_of_scope") | read_phrasings("wider_out_of_scope")

# Small talk, said without openers and settings.
SHORT_TALK = {"greeting", "greeting_named", "thanks", "goodbye", "order_given"}
# Asked when nothing was said before.
OPENING = ("greeting", "greeting_named")
# Answers that name the order: a number given afterwards brings the answer again, with the number.
ABOUT_ORDER = {
    "order_status",
    "lost_parcel",
    "change_address",
    "cancel_order",
    "change_items",
    "damaged",
    "wrong_item",
    "missing_item",
    "invoice",
}

OUT_OF_SCOPE_SHARE = 0.20
SYNONYMS_SHARE = 0.25
TURNS_MAX = 6


class Turn(NamedTuple):
    question: str
    answer: str
    intent: str


class Dialogue:
    """One customer's conversation, built turn by turn."""

    def __init__(self, random):
        self.random = random
        self.turns = []
        self.order = None
        self.name = None
        self.place = None
        self.topic = None

    def say(self, template, intent):
        """Adds the turn in which the customer says `template` and is answered as to `intent`."""
        random = self.random
        sentence = with_synonyms(random, expand(random, template), SYNONYMS_SHARE)
        frozen = []
        for slot in re.findall(r"\{(\w+)\}", sentence):
            if slot == "order":
                if self.order is None or (intent != "order_given" and random.random() < 0.1):
                    self.order = order_number(random)
                value = written_order(random, self.order)
            else:
                value = fill(random, slot)
                if slot == "name" and intent == "greeting_named":
                    self.name = value
                if slot in ("eu_place", "far_place"):
                    self.place = value
            frozen.extend(value.split())
            sentence = sentence.replace("{" + slot + "}", value, 1)
        chatty = intent not in SHORT_TALK
        question = write_as_customer(random, sentence, frozen, chatty)
        if intent == "order_given" and self.topic in ABOUT_ORDER:
            intent = self.topic
        reply = answer(intent, self.order, self.name, self.place)
        self.turns.append(Turn(question, reply, intent))
        self.topic = intent if intent != "out_of_scope" else None

    def say_intent(self, intent):
        self.say(self.random.choice(INTENTS[intent]), intent)

    def say_out_of_scope(self):
        kind = self.random.choice(list(OUT_OF_SCOPE))
        self.say(self.random.choice(OUT_OF_SCOPE[kind]), "out_of_scope")

    def say_follow_up(self):
        follow_ups = FOLLOW_UPS.get(self.topic) or {}
        if self.random.random() < 0.05 or not follow_ups:
            follow_ups = AFTER_ANY
        kind = self.random.choice(list(follow_ups))
        template = self.random.choice(FOLLOW_UP_PHRASINGS[kind])
        self.say(template, follow_ups[kind])

    def repeat(self):
        question = expand(self.random, self.random.choice(FOLLOW_UP_PHRASINGS["ask_again"]))
        question = write_as_customer(self.random, question, (), False)
        self.turns.append(Turn(question, self.turns[-1].answer, self.turns[-1].intent))


def _new_intent(random):
    return random.choice([name for name in INTENTS if name not in SHORT_TALK])


def _next_turn(dialogue):
    random = dialogue.random
    if dialogue.topic in ABOUT_ORDER and dialogue.order is None and random.random() < 0.5:
        dialogue.say_intent("order_given")
        return
    if FOLLOW_UPS.get(dialogue.topic) and random.random() < 0.5:
        dialogue.say_follow_up()
        return
    chance = random.random()
    if chance < 0.03:
        dialogue.repeat()
    elif chance < 0.10:
        dialogue.say_intent("thanks")
    elif chance < 0.32:
        dialogue.say_out_of_scope()
    else:
        dialogue.say_intent(_new_intent(random))


def make_dialogue(random):
    """One conversation of 1 to TURNS_MAX turns."""
    dialogue = Dialogue(random)
    chance = random.random()
    if chance < 0.12:
        dialogue.say_intent(random.choice(OPENING))
    elif chance < 0.14:
        dialogue.say_intent(random.choice(["order_given", "thanks", "goodbye"]))
    elif chance < 0.14 + OUT_OF_SCOPE_SHARE:
        dialogue.say_out_of_scope()
    else:
        dialogue.say_intent(_new_intent(random))
    further = random.choice([0, 0, 1, 1, 2, 3, 4]) if dialogue.topic else random.choice([0, 0, 0, 1, 2])
    for _ in range(min(further, TURNS_MAX - 1)):
        _next_turn(dialogue)
    if further > 1 and random.random() < 0.15:
        dialogue.say_intent("goodbye")
    return dialogue.turns


def make_dialogues(seed):
    """Endless dialogues, the same for the same seed."""
    random = random_module.Random(seed)
    while True:
        yield make_dialogue(random)


if __name__ == "__main__":
    stream = make_dialogues(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 12):
        for turn in next(stream):
            print(f"> {turn.question}\n  {turn.answer}   [{turn.intent}]")
        print()
