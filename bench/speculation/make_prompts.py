#!/usr/bin/env python3
"""Writes prompts.jsonl: 40 chats whose answers say again what the prompt says (support answers from an
FAQ, summaries, edits of code), and 12 whose answers do not.

    bench/speculation/make_prompts.py > bench/speculation/prompts.jsonl

The texts are made up here, so nothing of anybody else's is in them.
"""

import itertools
import json

FAQ = {
    "How long does delivery take?": "Parcels leave our warehouse within one working day. Delivery takes two to four "
    "working days within the country and five to nine working days abroad.",
    "How do I return an item?": "You may return any unused item within 30 days. Print the return label from your "
    "account under Orders, put the item into its original box, and hand it in at any parcel shop.",
    "When do I get my money back?": "We refund the price within five working days after the parcel has reached us. "
    "The money goes to the card or account that you paid with.",
    "How do I change my address?": "Open your account, choose Addresses, and edit the address before the order is "
    "packed. Once it is packed, the address can no longer be changed and we ask you to refuse the parcel.",
    "Which payments do you accept?": "We accept credit cards, debit cards, bank transfer, and payment on invoice for "
    "orders of less than 300 euros. Cash on delivery is not possible.",
    "How do I reset my password?": "Choose Forgot password on the sign-in page and enter your email address. We send "
    "a link that is valid for 20 minutes. After five failed attempts the account is locked for one hour.",
    "Is there a warranty?": "All devices have a warranty of 24 months from the date of delivery. The warranty covers "
    "faults of material and manufacture. It does not cover damage by water, falls, or repairs by others.",
    "Can I cancel my order?": "You can cancel an order free of charge until it has been packed. Open the order in "
    "your account and choose Cancel. After that, please refuse the parcel or send it back.",
}
CUSTOMERS = [
    "My sister ordered a lamp last week. {question}",
    "Hello, I am a new customer. {question} Please be exact.",
]

REPORTS = {
    "the warehouse": [
        "The warehouse in the north shipped 41,200 parcels in October, eight percent more than in September.",
        "Two of the five conveyor belts stood still for three days because a motor had to be replaced.",
        "Returns fell from 6.1 to 5.4 percent after product pictures were renewed.",
        "The team asks for two more scanners and a second loading ramp before the end of November."],
    "the support team": [
        "The support team answered 9,870 questions, most of them about delivery dates.",
        "The median time to a first answer fell from 14 to 9 minutes.",
        "Three new colleagues have finished their training and work alone since Monday.",
        "Customers rated their answers with 4.6 of 5 points, the best value of the year."],
    "the web shop": [
        "The web shop was unavailable for 22 minutes on Tuesday after a certificate had expired.",
        "Pages load in 1.3 seconds on average, down from 1.9 seconds.",
        "The new search finds products also when their names are misspelled.",
        "The team plans to replace the payment form and to remove two old discount codes."],
    "the garden": [
        "The community garden has 64 beds, and all of them are taken until next spring.",
        "The well was cleaned in May and gives enough water for dry weeks.",
        "Members meet on the first Saturday of each month to repair fences and paths.",
        "Tools are kept in the shed by the gate, and the key hangs behind the notice board."],
    "the library": [
        "The library opens at nine and closes at eight, on Saturdays at four.",
        "Readers may borrow ten books for four weeks and renew them twice.",
        "The reading room on the second floor was painted and has new lamps.",
        "Lost books are replaced by the reader or paid for at their present price."],
    "the bus line": [
        "Bus line 7 runs every twelve minutes from the station to the harbour.",
        "From December on, the last bus leaves the harbour at half past midnight.",
        "Tickets are sold at machines, in the app, and no longer by the drivers.",
        "The stop at the market is moved by 200 metres while the square is rebuilt."],
}
SUMMARY_TASKS = ["Write down the facts of this report as a list, in its own words, and add nothing.",
                 "Say what the report says in full sentences, keeping every number."]

CODE = {
    "total": '''def total(prices, rate):
    result = 0
    for price in prices:
        if price < 0:
            raise ValueError("a price is negative")
        result = result + price * (1 + rate)
    return round(result, 2)''',
    "find_user": '''def find_user(users, name):
    for user in users:
        if user["name"] == name and user["active"]:
            return user
    log.warning("no active user is called %s", name)
    return None''',
    "read_lines": '''def read_lines(path, limit):
    lines = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if len(lines) == limit:
                break
            lines.append(line.rstrip("\\n"))
    return lines''',
    "count_words": '''def count_words(text):
    counts = {}
    for word in text.lower().split():
        word = word.strip(".,;:!?")
        if word:
            counts[word] = counts.get(word, 0) + 1
    return sorted(counts.items(), key=lambda item: -item[1])''',
    "Basket": '''class Basket:
    def __init__(self, customer):
        self.customer = customer
        self.items = []

    def add(self, item, count=1):
        if count < 1:
            raise ValueError("count must be at least 1")
        self.items.append((item, count))

    def price(self):
        return sum(item.price * count for item, count in self.items)''',
    "parse_date": '''def parse_date(text):
    parts = text.split("-")
    if len(parts) != 3:
        raise ValueError("expected YYYY-MM-DD")
    year, month, day = (int(part) for part in parts)
    if not 1 <= month <= 12:
        raise ValueError("month is out of range")
    return datetime.date(year, month, day)''',
}
CODE_TASKS = ["Add a docstring to this code and give back the whole code, otherwise unchanged:",
              "Add type annotations to this code and give back the whole code, otherwise unchanged:"]

PLAIN = ["Write a poem about the sea without repeating a word.", "Tell me a story about a clockmaker.",
         "Explain how a sailing boat moves against the wind.", "Invent a recipe with lentils and oranges.",
         "What would a day on Mars be like?", "Describe a painting that does not exist.",
         "Why do cats purr?", "Write a letter from a lighthouse keeper to his brother.",
         "How does a bicycle stay upright?", "Imagine a conversation between two rivers.",
         "What makes a good teacher?", "Describe the smell of an old bookshop."]


def chat(kind: str, user: str, system: str = "") -> dict:
    messages = [{"role": "system", "content": system}] if system else []
    return {"kind": kind, "messages": [*messages, {"role": "user", "content": user}]}


def prompts() -> list[dict]:
    faq = "".join(f"Q: {question}\nA: {answer}\n\n" for question, answer in FAQ.items())
    system = ("You answer customers of a shop. Answer with the words of the FAQ below and with nothing else.\n\n" + faq)
    return [*(chat("faq", customer.format(question=question), system)
              for question, customer in itertools.product(FAQ, CUSTOMERS)),
            *(chat("summary", f"{task}\n\nReport of {subject}:\n{' '.join(facts)}")
              for (subject, facts), task in itertools.product(REPORTS.items(), SUMMARY_TASKS)),
            *(chat("code", f"{task}\n\n```python\n{code}\n```")
              for code, task in itertools.product(CODE.values(), CODE_TASKS)),
            *(chat("plain", question) for question in PLAIN)]


if __name__ == "__main__":
    for prompt in prompts():
        print(json.dumps(prompt))
