# Everyday words that customers use for one another: each phrasing is also said with these, so that
# the adapter learns the question and not its wording.

import re

_GROUPS = """
can i|could i|may i|am i able to|is it possible to|would it be possible to|am i allowed to
can you|could you|would you|will you|are you able to
i want to|i'd like to|i would like to|i need to|i wish to|i am hoping to|i have to|i'm trying to
i want|i'd like|i would like|i need|i'm after|i am looking for
do you have|have you got|do you offer|is there|do you stock
how much is|what is the price of|what do you charge for|what would i pay for
how long does|how many days does|how much time does
where can i|how can i|where do i|where could i
what do i do|what should i do|what can i do|what now
buy|purchase|get|pick up
sell|offer|have for sale
cost|set me back|come to
costs|charges|fees
parcel|package|box|shipment
my parcel|my package|my box|my delivery|my stuff
my order|my purchase|my stuff|the things i ordered|what i ordered|my goods
notebook|journal|notepad
notebooks|journals|notepads
shop|store|place
money|cash
send|post|mail|ship
sent|posted|mailed|shipped
delivery|shipping
return|give back|send back|bring back|hand back
broken|damaged|smashed|cracked|in bits
arrived|came|turned up|showed up|got here
arrive|come|turn up|show up|get here|reach me
wrong|incorrect|not the right
mistake|error|slip
change|alter|modify|switch
cancel|call off|stop|take back
address|street|location
quick|fast|speedy
quickly|fast|soon
gift|present
child|kid|son|daughter|grandson|niece
colleague|employee|member of staff
voucher|gift card|gift certificate
discount|reduction|price cut|rebate
cheaper|less expensive|lower in price
expensive|dear|pricey
pay|settle|pay up
invoice|bill|receipt
fix|mend|repair
engraved|inscribed|carved
recommend|suggest|advise|propose
guarantee|warranty
clean|wash|rinse
account|profile|login
delete|erase|remove|wipe
sold out|out of stock|unavailable
course|class|workshop|lessons
my sister|my wife|my mum|a friend|my uncle|my boss|grandma
also|too|as well
"""

# {phrase: the other ways to say it}. One way only: a "parcel" is a "box", a "box" may be a gift box.
SYNONYMS = {line.split("|")[0]: line.split("|")[1:] for line in _GROUPS.strip().splitlines()}

_ANY = re.compile(
    r"(?<![\w{'])(" + "|".join(sorted(map(re.escape, SYNONYMS), key=len, reverse=True)) + r")(?![\w}'])"
)


def with_synonyms(random, sentence, share):
    """`sentence` with about `share` of its known words said in another way; slots stay."""

    def other(match):
        if random.random() >= share:
            return match.group(0)
        return random.choice(SYNONYMS[match.group(0)])

    return _ANY.sub(other, sentence)
