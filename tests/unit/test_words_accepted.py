"""One text, written in other ways that sound the same: none may be a false alarm, for the clip would be bought again and then fail."""

import pytest

from shared.clips import Side
from worker.words import check_words

# Each line: what the card says | what the transcript says.
_ENGLISH = """
    Hello, world! | hello world
    Don’t worry. | Don't worry
    I'm fine. | I am fine.
    I am fine | I'm fine.
    It's raining. | It is raining.
    It's been a while. | It has been a while.
    He'd go. | He would go.
    He'd gone. | He had gone.
    I'll see. | I will see.
    We've won. | We have won.
    They're here. | They are here.
    I can't | I cannot
    I can't | I can not
    I cannot | I can't
    I won't go | I will not go
    She doesn't know. | She does not know.
    I couldn't've known | I could not have known
    I'd've gone | I would have gone
    Let's go! | Let us go.
    Where'd you go? | Where did you go?
    What's up? | What is up?
    rock 'n' roll | rock and roll
    the colour grey | the color gray
    I realised it at the centre of the theatre. | I realized it at the center of the theater.
    travelling, cancelled | traveling, canceled
    my favourite neighbour | my favorite neighbor
    OK | okay
    dog (n) | dog
    to run (v.) | to run
    O.K. | OK
    e-mail | email
    week-end | weekend
    good-bye | goodbye
    ice cream | ice-cream
    well-known | well known
    café | cafe
    naïve | naive
    fiancée | fiancee
    the U.S.A. | the USA
    A B C | ABC
    A-B-C | A, B, C.
    Mr. Smith | Mister Smith
    Mrs Jones | Missus Jones
    Dr. Who | Doctor Who
    St. John | Saint John
    Baker St. | Baker Street
    No. 5 | Number five
    no. 5 | number 5
    #1 | number one
    #1 | hashtag one
    I have 3 cats | I have three cats.
    I have three cats | I have 3 cats.
    205 | two hundred and five
    205 | two hundred five
    two hundred and five | two hundred five
    two hundred five | 205
    a hundred and one | 101
    1984 | nineteen eighty-four
    1984 | one thousand nine hundred and eighty-four
    1984 | nineteen hundred and eighty-four
    nineteen eighty-four | 1984
    1905 | nineteen oh five
    1900 | nineteen hundred
    2005 | two thousand and five
    2024 | twenty twenty-four
    the 1990s | the nineteen nineties
    the 90s | the nineties
    1,000 | one thousand
    1,000 | a thousand
    1,234,567 | one million two hundred thirty-four thousand five hundred and sixty-seven
    1 000 000 | one million
    3.14 | three point one four
    3.14 | three point fourteen
    0.5 | zero point five
    0.5 | point five
    0.5 | oh point five
    50% | fifty percent
    50 % | 50 per cent
    $5 | five dollars
    a $5 bill | a five-dollar bill
    $1 | one dollar
    €5 | five euros
    $5.50 | five dollars and fifty cents
    $5.50 | five fifty
    £3.20 | three pounds twenty
    $1,000 | one thousand dollars
    $2.5 million | two point five million dollars
    50¢ | fifty cents
    10:30 | ten thirty
    10:30 | half past ten
    10:45 | quarter to eleven
    9:05 | nine oh five
    3:00 | three o'clock
    10:30 a.m. | ten thirty AM
    5 pm | five p.m.
    3/4 | three quarters
    3/4 | three fourths
    1/2 | one half
    ½ | a half
    1½ | one and a half
    2 1/3 cups | two and a third cups
    2/5 | two fifths
    24/7 | twenty-four seven
    1st | first
    the 21st century | the twenty-first century
    22nd | twenty-second
    May 5, 2024 | May fifth, twenty twenty-four
    May 5 | May the fifth
    5 May | the fifth of May
    5th May | the fifth of May
    12/25/2024 | December twenty-fifth, twenty twenty-four
    2024-05-12 | May twelfth, 2024
    2 + 2 = 4 | two plus two equals four
    2 + 2 = 4 | Two plus two is four.
    3 × 4 | three times four
    3 x 4 | three times four
    10 ÷ 2 | ten divided by two
    10 - 3 | ten minus three
    -5 °C | minus five degrees Celsius
    20°C | twenty degrees
    5 km | five kilometres
    5 km | five kilometers
    a 5 km run | a five-kilometer run
    100 km/h | one hundred kilometers per hour
    20 m² | twenty square meters
    70 kg | seventy kilograms
    Louis XIV | Louis the fourteenth
    World War II | World War Two
    Chapter IV | Chapter four
    Elizabeth I | Elizabeth the first
    555-1234 | five five five one two three four
    +44 20 7946 0958 | plus four four two zero seven nine four six zero nine five eight
    007 | double oh seven
    404 | four oh four
    R&D | R and D
    salt & pepper | salt and pepper
    me@example.com | me at example dot com
    he/she | he or she
    he/she | he she
    and/or | and or
    I ___ to school. | I to school.
    I ___ to school. | I blank to school.
    I … to school | I to school
    (to) be | to be
    colo(u)r | color
    un(happy) | unhappy
    e.g. a cat | for example a cat
    i.e. now | that is, now
    cats vs. dogs | cats versus dogs
    etc. | et cetera
    to give sb sth | to give somebody something
    “Yes,” she said. | "Yes", she said.
    Hello 😀 | Hello
    H2O | H two O
    MP3 | MP three
    COVID-19 | COVID nineteen
    Python 3.11 | Python three point eleven
    10-12 | ten to twelve
    pages 10–12 | pages ten to twelve
    10 a.m.–6 p.m. | 10 AM to 6 PM
    10 a.m.-6 p.m. | ten a.m. to six p.m.
    9am - 5pm | nine a.m. until five p.m.
    5 km–10 km | five kilometers to ten kilometers
    €5-€10 | five euros to ten euros
    Mon.–Fri. | Monday to Friday
    Paris–Lyon | Paris to Lyon
    Paris–Lyon | Paris Lyon
    1/2 cup of sugar | half a cup of sugar
    a dog (n.) | a dog, noun
    run (v.) | run, verb
    cat → chat | cat, chat
    1001 | one thousand and one
    100 | a hundred
    0 | zero
    the dog's tail | the dogs' tail
    ﬁne | fine
    Jan 5 | January fifth
    2,5 km | two point five kilometers
    5:1 | five to one
    a² + b² = c² | a squared plus b squared equals c squared
    Room 101 | Room one oh one
    C++ | C plus plus
    1-800-555-1234 | one eight hundred five five five one two three four
    CAN'T STOP | cannot stop
    Henry VIII | Henry the Eighth
    x.701 | x .701
    ? | question mark
    % | percent
    ... | …
"""
_FRENCH = """
    le chien (m.) | le chien
    les gens (pl) | les gens
    Bonjour, le monde ! | bonjour le monde
    J’ai faim. | J'ai faim
    l'ami | L’AMI
    Ça va ? | ça va
    cœur | coeur
    CŒUR | cœur
    École | Ecole
    A bientôt | À bientôt
    ECOLE FERMEE | école fermée
    s'il te plaît | s'il te plait
    août | aout
    la clé | la clef
    événement | évènement
    week-end | weekend
    porte-monnaie | porte monnaie
    aujourd'hui | Aujourd’hui
    OK | okay
    e-mail | email
    t-shirt | tee-shirt
    l'ABC | l'A B C
    S.N.C.F. | SNCF
    M. Dupont | Monsieur Dupont
    Mme Dupont | Madame Dupont
    Mlle Dupont | Mademoiselle Dupont
    Dr Petit | docteur Petit
    St Tropez | Saint-Tropez
    J'ai 3 chats | J'ai trois chats
    J'ai trois chats | J'ai 3 chats
    1 pomme | une pomme
    21 pommes | vingt et une pommes
    vingt-et-un | vingt et un
    70 | soixante-dix
    70 | septante
    71 | soixante et onze
    80 | quatre-vingts
    quatre-vingt | quatre-vingts
    83 | quatre-vingt-trois
    90 | quatre-vingt-dix
    99 | nonante-neuf
    200 | deux cents
    205 | deux cent cinq
    1984 | mille neuf cent quatre-vingt-quatre
    1984 | dix-neuf cent quatre-vingt-quatre
    dix-neuf cent quatre-vingt-quatre | 1984
    1 000 | mille
    1.000 | mille
    1 234 567 | un million deux cent trente-quatre mille cinq cent soixante-sept
    1 000,5 | mille virgule cinq
    1.000,5 | mille virgule cinq
    3,14 | trois virgule quatorze
    3,05 | trois virgule zéro cinq
    3.5 | trois point cinq
    0,5 | zéro virgule cinq
    50 % | cinquante pour cent
    cinquante pour cent | 50%
    5 € | cinq euros
    €5 | cinq euros
    5,50 € | cinq euros cinquante
    5,50 € | cinq euros et cinquante centimes
    5€50 | cinq euros cinquante
    1 € | un euro
    3 millions d'euros | trois millions d'euros
    10h30 | dix heures trente
    10h30 | dix heures et demie
    10 h 30 | dix heures trente
    10:30 | dix heures trente
    14h | quatorze heures
    14 h | 14 heures
    quatorze heures | 14h
    1h | une heure
    21h | vingt et une heures
    12h | midi
    10h15 | dix heures et quart
    10h45 | onze heures moins le quart
    10h50 | onze heures moins dix
    9h05 | neuf heures zéro cinq
    3/4 | trois quarts
    1/2 | un demi
    ½ | un demi
    1/3 | un tiers
    2½ | deux et demi
    1er | premier
    1ère | première
    1re | première
    2e | deuxième
    2ème | deuxième
    2nd | second
    le XXe siècle | le vingtième siècle
    le 20e siècle | le vingtième siècle
    le XIXᵉ siècle | le dix-neuvième siècle
    le vingtième siècle | le XXe siècle
    Louis XIV | Louis quatorze
    François Ier | François premier
    chapitre IV | chapitre quatre
    le 1er mai | le premier mai
    le 1 mai | le premier mai
    le 5 mai 2024 | le cinq mai deux mille vingt-quatre
    12/05/2024 | douze mai deux mille vingt-quatre
    25/12 | vingt-cinq décembre
    2 + 2 = 4 | deux plus deux égale quatre
    2 + 2 = 4 | deux et deux font quatre
    3 × 4 | trois fois quatre
    10 ÷ 2 | dix divisé par deux
    10 - 3 | dix moins trois
    -5 °C | moins cinq degrés
    20 °C | vingt degrés Celsius
    5 km | cinq kilomètres
    100 km/h | cent kilomètres à l'heure
    20 m² | vingt mètres carrés
    70 kg | soixante-dix kilos
    n° 5 | numéro cinq
    no 5 | numéro cinq
    06 12 34 56 78 | zéro six douze trente-quatre cinquante-six soixante-dix-huit
    0612345678 | 06 12 34 56 78
    +33 6 12 34 56 78 | plus trente-trois six douze trente-quatre cinquante-six soixante-dix-huit
    moi@exemple.fr | moi arobase exemple point fr
    pain & beurre | pain et beurre
    le/la | le, la
    le/la | le ou la
    chat / chatte | chat, chatte
    un(e) ami(e) | une amie
    un(e) ami(e) | un ami
    un(e) | un ou une
    étudiant·e·s | étudiantes
    Je ___ à l'école. | Je blanc à l'école
    Je ___ à l'école. | Je à l'école
    [...] et moi | et moi
    qqn | quelqu'un
    demander qqch à qqn | demander quelque chose à quelqu'un
    p. ex. | par exemple
    c.-à-d. | c'est-à-dire
    s.v.p. | s'il vous plaît
    etc. | et cetera
    RDV à 8h | rendez-vous à huit heures
    « Oui », dit-elle. | "Oui", dit-elle.
    Bonjour 😀 | Bonjour
    maïs | MAÏS
    W | double v
    Y | i grec
    MP3 | MP trois
    les années 90 | les années quatre-vingt-dix
    les années 90 | les années nonante
    pages 10-12 | pages dix à douze
    cat → chat | cat, chat
    404 | quatre cent quatre
    1001 | mille un
    100 | cent
    0 | zéro
    1,80 m | un mètre quatre-vingts
    1m80 | un mètre quatre-vingts
    1,80 m | un virgule quatre-vingts mètre
    Où est-il ? | Ou est-il ?
    les n°s 1 et 2 | les numéros un et deux
    50 av. J.-C. | cinquante avant Jésus-Christ
    la 2de | la seconde
    les 1ers jours | les premiers jours
    Ve République | cinquième République
    x² | x au carré
    8h-12h | huit heures douze heures
    8h-12h | huit heures à douze heures
    10h–18h30 | dix heures à dix-huit heures trente
    5 € - 10 € | cinq euros à dix euros
    lun.–ven. | lundi au vendredi
    Paris–Lyon | Paris à Lyon
    le chien (m.) | le chien, masculin
    l’eau (f.) | l'eau, féminin
    midi et demi | midi et demie
    acteur/-trice | acteur trice
    21½ | vingt et un et demi
    2¾ | deux et trois quarts
    ? | point d'interrogation
    % | pour cent
"""


def _pairs(side: Side, table: str) -> list[tuple[Side, str, str]]:
    rows = (row.split(" | ") for row in table.strip().splitlines())
    return [(side, text.strip(), said.strip()) for text, said in rows]


@pytest.mark.parametrize(("side", "text", "said"), [*_pairs("en", _ENGLISH), *_pairs("fr", _FRENCH)])
def test_the_same_words_in_another_writing_are_accepted(side: Side, text: str, said: str) -> None:
    check_words(said, text, side)
