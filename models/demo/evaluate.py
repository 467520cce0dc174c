# Asks the held-out questions, prints every answer, and scores them by the rules of scoring.py.
#
# Against a server that speaks OpenAI's API (--url http://127.0.0.1:8000/v1), or with torch
# (--adapter FOLDER; "" for the plain base). Greedy. Exit status 1 if a wanted share is missed.

import argparse
import json
import pathlib
import sys
import urllib.request

from base_model import SYSTEM_PROMPT, load_base, opening_text, question_text
from scoring import is_hand_over, is_right, nearest_intent

HERE = pathlib.Path(__file__).parent
ANSWER_TOKENS_MAX = 96
QUESTIONS_WANTED = 0.90
TURNS_WANTED = 0.90
INVENTED_WANTED = 1


class Server:
    """Answers from an OpenAI-compatible server."""

    def __init__(self, url):
        self.url = url.rstrip("/")
        with urllib.request.urlopen(f"{self.url}/models", timeout=60) as reply:
            self.model = json.load(reply)["data"][0]["id"]

    def reply(self, history, question):
        messages = [{"role": "system", "content": SYSTEM_PROMPT}]
        for asked, said in history:
            messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
        messages.append({"role": "user", "content": question})
        body = {
            "model": self.model,
            "messages": messages,
            "temperature": 0,
            "max_tokens": ANSWER_TOKENS_MAX,
        }
        request = urllib.request.Request(
            f"{self.url}/chat/completions",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=300) as reply:
            return json.load(reply)["choices"][0]["message"]["content"].strip()


class Torch:
    """Answers from torch, for a look at an adapter while it is being made."""

    def __init__(self, adapter, threads):
        import torch

        torch.set_num_threads(threads)
        self.model, self.tokenizer = load_base()
        if adapter:
            from peft import PeftModel

            self.model = PeftModel.from_pretrained(self.model, adapter).merge_and_unload()

    def reply(self, history, question):
        text = opening_text()
        for asked, said in history:
            text += question_text(asked) + said + "<|im_end|>\n"
        encoded = self.tokenizer(
            text + question_text(question), add_special_tokens=False, return_tensors="pt"
        )
        made = self.model.generate(
            **encoded, max_new_tokens=ANSWER_TOKENS_MAX, do_sample=False, pad_token_id=2
        )
        made = made[0, encoded.input_ids.shape[1] :]
        return self.tokenizer.decode(made, skip_special_tokens=True).strip()


def show(question, reply, right, note=""):
    print(f"{'ok   ' if right else 'WRONG'} > {question}\n        {reply}{note}", flush=True)


def ask_in_scope(model, history, item):
    """Whether the answer was right; prints it and adds the turn to `history`."""
    reply = model.reply(history, item["ask"])
    right = is_hand_over(reply) if item["intent"] == "out_of_scope" else is_right(item, reply)
    note = "" if right else f"   [wanted {item['intent']}, nearest {nearest_intent(reply)}]"
    show(item["ask"], reply, right, note)
    history.append((item["ask"], reply))
    return right


def evaluate(model, data):
    """(right questions, right turns, invented answers); prints every answer."""
    print("== Questions in other words")
    questions = sum(ask_in_scope(model, [], item) for item in data["questions"])
    print("\n== Dialogues")
    turns = 0
    for dialogue in data["dialogues"]:
        history = []
        turns += sum(ask_in_scope(model, history, item) for item in dialogue)
        print()
    print("== Out of scope")
    invented = 0
    for question in data["out_of_scope"]:
        reply = model.reply([], question)
        invented += not is_hand_over(reply)
        show(question, reply, is_hand_over(reply))
    return questions, turns, invented


def main():
    parser = argparse.ArgumentParser(description="Score a support assistant.")
    parser.add_argument("--url", help="base of an OpenAI-compatible API, such as http://HOST:PORT/v1")
    parser.add_argument("--adapter", default=str(HERE / "adapter"), help="folder for torch to load")
    parser.add_argument("--questions", type=pathlib.Path, default=HERE / "questions/held_out.json")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    data = json.loads(options.questions.read_text(encoding="utf-8"))
    model = Server(options.url) if options.url else Torch(options.adapter, options.threads)
    questions, turns, invented = evaluate(model, data)
    question_count = len(data["questions"])
    turn_count = sum(len(dialogue) for dialogue in data["dialogues"])
    print(f"\nquestions: {questions} of {question_count} right ({questions / question_count:.1%})")
    print(f"dialogue turns: {turns} of {turn_count} right ({turns / turn_count:.1%})")
    print(f"out of scope: {invented} of {len(data['out_of_scope'])} answers invented")
    good = (
        questions >= QUESTIONS_WANTED * question_count
        and turns >= TURNS_WANTED * turn_count
        and invented <= INVENTED_WANTED
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
