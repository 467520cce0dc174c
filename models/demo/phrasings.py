# Reads phrasings/*.txt and speaks them: expands choices, and writes as hurried or careful people do.

import pathlib
import re

FOLDER = pathlib.Path(__file__).parent / "phrasings"

_CHOICE = re.compile(r"\[([^\[\]]*)\]")

OPENERS = """hi,;hello,;hey,;good morning,;good evening,;quick question:;one question:;excuse me,;sorry,;
i was wondering,;could you tell me,;can you tell me,;please tell me,;i would like to know,;i'd like to ask,;
maybe you can help:;do you know,;just asking,;question:;hi there,;hello quillfern,;so,;well,;ok,;um,;
one more thing:;also,;another question:;tell me,;i have a question:""".replace("\n", "").split(";")

CLOSERS = """please;thanks;thank you;thanks in advance;pls;thx;if i may ask;can you help;i hope you can help;
if possible;by the way;just curious;many thanks;cheers""".replace("\n", "").split(";")

SETTINGS = """i love writing letters.;my aunt told me about your shop.;i found your website yesterday.;
i am planning a present for my father.;we like your shop a lot.;it is my first time here.;
my old pen is from my grandmother.;i write every day.;i have been a customer for years.;
i was looking around on your site.;i hope this is the right place to ask.;sorry to bother you.;
my friends talk about you all the time.;i am getting married in june.;i work in an office.;
i saw your shop on my way home.;i read the page twice and did not find it.;my kids use your notebooks.;
i am writing from my phone.;it is a bit complicated.;i am not good with computers.""".replace(
    "\n", ""
).split(";")

SHORT_FORMS = {
    "you": "u",
    "are": "r",
    "please": "pls",
    "thanks": "thx",
    "because": "bc",
    "your": "ur",
    "tomorrow": "tmrw",
    "and": "&",
    "i'm": "im",
    "don't": "dont",
    "can't": "cant",
    "what's": "whats",
    "where's": "wheres",
    "haven't": "havent",
}


def read_phrasings(name):
    """{section: [template, ...]} of phrasings/NAME.txt."""
    sections = {}
    for line in (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            current = sections.setdefault(line[3:].strip(), [])
        elif line.strip() and not line.startswith("#"):
            current.append(line.strip())
    return sections


def expand(random, template):
    """One of the sentences that `template` stands for; slots stay."""
    while match := _CHOICE.search(template):
        chosen = random.choice(match.group(1).split("|"))
        template = template[: match.start()] + chosen + template[match.end() :]
    template = re.sub(r"\s+", " ", template).strip()
    return re.sub(r"\s+([,.?!])", r"\1", template).rstrip(",")


def count_sentences(template):
    """How many different sentences `template` stands for."""
    product = 1
    while match := _CHOICE.search(template):
        product *= len(set(match.group(1).split("|")))
        template = template[: match.start()] + template[match.end() :]
    return product


def _typo(random, word):
    if len(word) < 4 or not word.isalpha():
        return word
    i = random.randrange(1, len(word) - 1)
    kind = random.randrange(4)
    if kind == 0:
        return word[:i] + word[i + 1] + word[i] + word[i + 2 :]  # swapped
    if kind == 1:
        return word[:i] + word[i + 1 :]  # dropped
    if kind == 2:
        return word[:i] + word[i] + word[i:]  # doubled
    return word[:i] + random.choice("abcdefghijklmnopqrstuvwxyz") + word[i + 1 :]  # replaced


def _careful(sentence, is_question):
    sentence = re.sub(r"\bi\b", "I", sentence)
    sentence = re.sub(r"(^|[.!?] )([a-z])", lambda m: m.group(1) + m.group(2).upper(), sentence)
    return sentence + ("?" if is_question else random_free_stop(sentence))


def random_free_stop(sentence):
    """A full stop unless the sentence already ends in a mark."""
    return "" if sentence[-1] in ".!?" else "."


_QUESTION = re.compile(
    r"(^|[,:.] )(what|which|who|when|where|why|how|do|does|did|is|are|am|can|could|may|will|would|should"
    r"|must|has|have|was|until when|by when|in which|from what)\b"
)


def is_question(sentence):
    return bool(_QUESTION.search(sentence))


def write_as_customer(random, sentence, frozen=(), chatty=True):
    """`sentence` with an opener, a setting, marks, case and typos as real messages have them.

    Words in `frozen` (names, numbers) get no typos.
    """
    if chatty:
        if random.random() < 0.10:
            sentence = random.choice(SETTINGS) + " " + sentence
        if random.random() < 0.25:
            sentence = random.choice(OPENERS) + " " + sentence
        if random.random() < 0.10:
            sentence += ", " + random.choice(CLOSERS)
    style = random.random()
    if style < 0.6:
        sentence = _careful(sentence, is_question(sentence))
        return sentence if random.random() > 0.1 else sentence.rstrip("?.")
    words = sentence.split(" ")
    if style > 0.8:
        for _ in range(1 + len(words) // 8):
            i = random.randrange(len(words))
            if words[i] not in frozen:
                words[i] = _typo(random, words[i])
    if style > 0.9:
        words = [SHORT_FORMS.get(word, word) for word in words]
    sentence = " ".join(words)
    if random.random() < 0.5:
        sentence = sentence.lower()
    if random.random() < 0.05:
        sentence = sentence.upper()
    return sentence + random.choice(["", "", "", "?", "??", "!", "..."])
