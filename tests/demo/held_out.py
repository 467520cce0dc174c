"""The held-out sentences of the demo's evaluation, for the tests."""

import json
import pathlib
import re

QUESTIONS = pathlib.Path(__file__).resolve().parents[2] / "models" / "demo" / "questions"


def held_out_sentences():
    data = json.loads((QUESTIONS / "held_out.json").read_text(encoding="utf-8"))
    items = data["questions"] + [item for dialogue in data["dialogues"] for item in dialogue]
    return [item["ask"] for item in items] + data["out_of_scope"]


def normalised(sentence):
    """Lower case, one space between words, no marks but apostrophes and hyphens."""
    return " ".join(re.sub(r"[^\w'\- ]", " ", sentence.lower()).split())
