# Topics and people that no shop for pens knows about, for the out-of-scope questions.

TOPICS = """chess;football;tennis;yoga;opera;jazz;rap;ballet;surfing;skiing;fishing;hunting;gardening;
cooking;baking;knitting;sailing;boxing;karate;golf;rugby;cricket;volcanoes;earthquakes;tornadoes;rainbows;
glaciers;deserts;jungles;oceans;whales;sharks;spiders;bees;dinosaurs;mammoths;eagles;dolphins;mushrooms;
orchids;palm trees;cactuses;tea;coffee;cheese;sushi;pizza;chocolate;honey;whisky;beer;wine;vinegar;garlic;
diabetes;asthma;malaria;cancer;flu;migraine;allergies;vaccines;antibiotics;surgery;dreams;sleep;memory;
anxiety;happiness;love;marriage;divorce;friendship;politics;democracy;communism;taxes;inflation;banks;
bitcoin;the stock market;insurance;pensions;mortgages;property;rent;immigration;war;peace;slavery;
the vikings;the aztecs;the pyramids;the renaissance;the cold war;the black death;knights;pirates;castles;
samurai;the moon;jupiter;venus;saturn;comets;black holes;galaxies;satellites;rockets;gravity;light;sound;
magnets;electricity;atoms;lasers;radios;engines;submarines;aeroplanes;helicopters;bridges;tunnels;trains;
robots;computers;the internet;wifi;email viruses;video games;smartphones;cameras;python;javascript;excel;
databases;algebra;geometry;statistics;prime numbers;philosophy;buddhism;islam;christianity;astrology;
ghost stories;fairy tales;shakespeare's plays;poetry;grammar;latin;esperanto;sign language;the violin;
the piano;drums;the guitar;painting;sculpture;photography;films;soap operas;cartoons;fashion;make-up;
tattoos;haircuts;shoes;cars;bicycles;motorcycles;lorries;camping;hiking;mountains;beaches;museums;hotels;
airports;visas;babies;toddlers;puppies;kittens;horses;parrots;exams;homework;job interviews;universities;
lottery numbers;horse racing;poker;card tricks;snowflakes;clouds;thunder;climate change;solar panels;
recycling laws;nuclear power;oil;gold;diamonds;wheat;rice;potatoes;vegan food;diets;vitamins;muscles;bones;
the heart;the lungs;teeth;eyes;blood;snoring;hiccups;left-wing parties;the royal family""".replace(
    "\n", ""
).split(";")

PEOPLE = """Napoleon;Einstein;Cleopatra;Mozart;Beethoven;Shakespeare;Newton;Darwin;Columbus;Gandhi;
Mandela;Picasso;Van Gogh;Leonardo da Vinci;Michelangelo;Julius Caesar;Alexander the Great;Marie Curie;
Galileo;Aristotle;Plato;Buddha;Elvis Presley;Madonna;Michael Jackson;Taylor Swift;Messi;Ronaldo;
Muhammad Ali;Queen Victoria;Henry the Eighth;Joan of Arc;Marco Polo;Genghis Khan;Bill Gates;Elon Musk;
Steve Jobs;Charlie Chaplin;Marilyn Monroe;Alfred Hitchcock;Agatha Christie;Goethe;Tolstoy;Dickens;Freud;
Karl Marx;Martin Luther King;Kennedy;Churchill;Gorbachev;the Pope;the Dalai Lama;Neil Armstrong;
Gutenberg;Tesla;Edison;Bach;Chopin;Frida Kahlo;Pele;Robin Hood;King Arthur;Dracula;Sherlock Holmes;
Harry Potter;Batman;my great-grandfather""".replace("\n", "").split(";")
