# What fills the slots of the phrasings: names, places, things. Short lists of everyday words; an
# order number has five digits and is written the way customers write it.

from topics import PEOPLE, TOPICS

NAMES = """Anna Ben Clara David Emma Felix Greta Hannah Igor Julia Karim Lena Marco Nina Oscar Paula
Quentin Rosa Samir Tessa Umar Vera Walter Xenia Yusuf Zoe Alice Bruno Carmen Diego Elena Frank Gloria
Hugo Ivan Jana Kevin Laura Miriam Noah Olga Peter Rita Simon Tina Ursula Victor Wanda Adam Bella Cem
Dora Erik Fatima Georg Helen Ines Jonas Kira Leo Maria Nadia Otto Petra Ralf Sofia Thomas Ulla Vincent
Amir Beate Chen Daria Elif Fiona Gustav Hiro Irene Jack Katya Luca Mona Nils Olivia Pablo Ravi Sara
Theo Ada Boris Celine Dmitri Edith Finn Gina Harold Isabel Jakob Klara Liam Mehmet Nora""".split()

EU_PLACES = """Austria;Belgium;Bulgaria;Croatia;Cyprus;the Czech Republic;Denmark;Estonia;Finland;
France;Germany;Greece;Hungary;Ireland;Italy;Latvia;Lithuania;Luxembourg;Malta;the Netherlands;Poland;
Portugal;Romania;Slovakia;Slovenia;Spain;Sweden""".replace("\n", "").split(";")

FAR_PLACES = """Brazil;Japan;Canada;the United States;Australia;China;India;Mexico;Norway;Switzerland;
Turkey;Russia;Egypt;Kenya;South Africa;Argentina;Chile;Peru;Thailand;Vietnam;Indonesia;New Zealand;
Singapore;South Korea;Israel;Morocco;Nigeria;Ukraine;Serbia;Iceland;Colombia;Cuba;Malaysia;Pakistan;
Saudi Arabia;Ghana;Nepal;Tunisia;the United Kingdom;England;Scotland;the USA;Taiwan;the Philippines;
Ethiopia;Bolivia;Ecuador;Iran;Iraq;Kazakhstan;Georgia;Albania;Bosnia;Moldova;Jamaica;Africa;Asia;
South America;Hong Kong;Dubai;Uruguay;Venezuela;Senegal;Jordan;Sri Lanka""".replace("\n", "").split(";")

CITIES = """Berlin Paris London Rome Madrid Vienna Tokyo Sydney Chicago Prague Lisbon Cairo Mumbai Toronto
Oslo Athens Dublin Warsaw Boston Hamburg Milan Lyon Geneva Seoul Bangkok""".split()

THINGS = """pens;fountain pens;pencils;notebooks;ink;sealing wax;letter paper;envelopes;bicycles;shoes;
lamps;coffee machines;laptops;toys;furniture;flowers;watches;bags;books;cameras;phones;chairs;tea;wine;
clothes;cat food;umbrellas;headphones;carpets;bread;a fridge;a television;a car;a guitar;a mug;perfume;
sunglasses;batteries;candles;garden tools;tyres;jewellery;cakes;a tent;paint brushes;school bags;
calendars;ballpoint pens;nibs;greeting cards;blotting paper;calligraphy sets;pencil cases;rulers;
printer paper;erasers;watercolours;diaries;stickers;scissors;glue;postcards;stamps;board games;
kitchen knives;curtains;vacuum cleaners;medicine;fish;jackets;skis;mattresses""".replace("\n", "").split(";")

ANIMALS = "cat dog horse parrot rabbit hamster snake turtle lion elephant penguin goldfish".split()


CHOICES = {
    "name": NAMES,
    "eu_place": EU_PLACES,
    "far_place": FAR_PLACES,
    "city": CITIES,
    "thing": THINGS,
    "animal": ANIMALS,
    "topic": TOPICS,
    "person": PEOPLE,
}


def order_number(random):
    """Five digits, as the shop prints them."""
    return str(random.randrange(10000, 100000))


def written_order(random, number):
    """The ways in which customers write an order number."""
    return random.choice(["{}", "{}", "{}", "#{}", "no. {}", "number {}", "QF-{}", "nr {}"]).format(number)


def fill(random, name):
    """A value for any slot but the order number, which a conversation remembers."""
    if name == "small":
        return str(random.randrange(2, 400))
    return random.choice(CHOICES[name])
