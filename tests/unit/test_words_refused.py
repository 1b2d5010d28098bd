"""Words that are not the card's, the closest that can be thought of: a learner would learn them."""

import pytest

from shared.clips import Side
from worker.errors import OtherWords
from worker.words import check_words

# Each line: what the card says | what the transcript says.
_ENGLISH = """
    I do not like it | I do like it
    I don't like it | I do like it
    I don't like it | I did not like it
    I can go | I can't go
    I can't go | I can go
    I won't go | I want to go
    I'm here | I'll be here
    I'm here | I here
    I'm going | I'll going
    I am | I'm not
    he'd go | he'll go
    he's gone | he'd gone
    he would go | he had go
    it's | it was
    we're | were
    I'll | ill
    he'll | hell
    she'll | shell
    we'll | well
    I'd | id
    she'd | shed
    we'd | wed
    won't | wont
    let's go | let go
    the dog's tail | the dog is tail
    John's house | John has house
    gonna | going to
    I wanna go | I want to go
    ain't | is not
    'em | them
    'cause | because
    you | y'all
    yeah | yes
    hello | hi
    mum | mom
    aluminium | aluminum
    learnt | learned
    towards | toward
    till | until
    an apple | a apple
    a cat | the cat
    the cat | cat
    cat | the cat
    cat | cats
    cats | cat
    child | children
    go | goes
    go | went
    walked | walk
    walking | walked
    his | her
    he | she
    big | bigger
    good | well
    to be | be
    (to) be | be
    You (plural) | You
    three | four
    3 | 4
    3 | three three
    13 | thirty
    30 | thirteen
    15 | fifty
    203 | twenty-three
    1001 | one hundred one
    100 | one thousand
    1,000 | one hundred
    1,000 | one point zero zero zero
    1.000 | one thousand
    2005 | two hundred five
    1984 | nineteen ninety-four
    1984 | nineteen forty-eight
    34 | three four
    3, 4 | thirty-four
    3.14 | three fourteen
    3.14 | three point four one
    3.5 | thirty-five
    0.5 | five
    -5 | five
    5 | minus five
    50% | fifty
    50 | fifty percent
    $5 | five euros
    $5 | five
    $5.50 | five dollars
    $5.50 | five dollars fifteen
    $1 | one dollars
    5 km | five miles
    5 km | five
    5 kg | five kilometers
    1 km | one kilometers
    10:30 | ten thirteen
    10:30 | half past eleven
    10:30 | ten
    10:45 | quarter to ten
    10:45 | quarter past ten
    15:00 | three p.m.
    10 a.m. | ten p.m.
    3/4 | three
    3/4 | four thirds
    3/4 | three four
    1/2 cup | January second cup
    1st | one
    21st | twenty-first second
    2nd | third
    May 5 | June fifth
    May 5, 2024 | May fifth, twenty twenty-five
    12/25/2024 | December twenty-fourth, twenty twenty-four
    2 + 2 = 4 | two plus two equals five
    2 + 2 = 4 | two plus two
    2 + 2 = 4 | two two equals four
    2 + 2 | four
    10 - 3 | ten three
    10 a.m.–6 p.m. | 10 a.m. minus 6 p.m.
    well-known | well to known
    a 5-year-old | a five to year old
    3 × 4 | three four
    Louis XIV | Louis the fifteenth
    Louis XIV | Louis the fourth
    I | one
    IV | six
    salt & pepper | salt pepper
    salt & pepper | salt or pepper
    me@example.com | me example com
    404 | four hundred forty-four
    555-1234 | five five five one two three five
    Dr. Who | Who
    Mr. Smith | Mrs. Smith
    colour | collar
    color | colors
    hour | or
    four | for
    desert | dessert
    resume | résumé
    expose | exposé
    hello | bonjour
    the cat | le chat
    good morning | good morning good morning
    Once upon a time there was a king. | Once upon a time there was.
    Hello world | world hello
    A | B
    A B C | A B C D
    USA | UK
    can't | cant
    5:1 | fifty-one
    1,5 | one point six
    two hundred and a half | two hundred a half
    x² | x
    a + 5 | a five
    ? | what
    % | I cannot read that
    ... | Hello
    Hello 😀 | Hello grinning face
    I ___ to school | I go to school
    I ___ to school | I something to school
    colo(u)r | cooler
    sb | something
    e.g. | that is
    he/she | he
    he or she | he she
    two hundred and five | two hundred and four
    hundreds and thousands | hundreds thousands
    cat | Cat. It means chat.
    photo | photograph
    ok | no
    3D | three
    H2O | HO
    the 1990s | the nineteen ninety
    the 1990s | the nineteen eighties
"""
_FRENCH = """
    petit | petite
    petite | petit
    les enfants jouent | les enfants joue
    un chat | une chatte
    un ami | une amie
    le livre | la livre
    le chat | les chats
    le chat | chat
    chat | le chat
    chat | chats
    cheval | chevaux
    je ne sais pas | je sais
    je ne sais pas | je sais pas
    je sais pas | je ne sais pas
    t'es où ? | tu es où ?
    tu es | t'es
    y a | il y a
    j'ai | je ai
    c'est | ce n'est pas
    je suis | j'étais
    je vais | je vas
    il mange | il mangeait
    il a mangé | il mange
    acheté | achète
    achète | acheté
    pêcheur | pécheur
    mais | maïs
    pécher | pêcher
    haï | hai
    jeune | jeûne
    tu | vous
    ton | votre
    beau | belle
    beau | beaux belle
    bonjour | bonsoir
    bonjour | hello
    le chien | the dog
    Comment allez-vous ? | How are you?
    oui | ouais
    oui | non
    deux | trois
    3 | quatre
    13 | trois
    60 | soixante-dix
    70 | soixante
    71 | soixante et un
    80 | quatre vingt un
    90 | quatre-vingts
    soixante-dix | septante
    septante | soixante-dix
    420 | quatre-vingts
    6010 | soixante-dix
    2100 | deux cents
    1 000 | cent
    1 000 | un zéro
    1.000 | un virgule zéro
    3,5 | trente-cinq
    3,5 | trois cinq
    3,14 | trois virgule quinze
    34 | trois quatre
    1984 | mille neuf cent quatre-vingt-cinq
    -5 | cinq
    50 % | cinquante
    5 € | cinq dollars
    5 € | cinq
    5,50 € | cinq euros quinze
    5,50 € | cinq euros
    5 km | cinq kilos
    10h30 | dix heures
    10h30 | dix heures treize
    10h30 | onze heures et demie
    10h45 | dix heures moins le quart
    10h45 | dix heures et quart
    14h30 | deux heures et demie
    12h | minuit
    1h | deux heures
    3/4 | trois
    3/4 | quatre tiers
    1/2 | un sur trois
    1er | un
    1er | première
    2e | deux
    2e | troisième
    le XXe siècle | le vingt et unième siècle
    le XIXe siècle | le seizième siècle
    Louis XIV | Louis quinze
    le 5 mai | le six mai
    le 1er mai | le premier mars
    12/05/2024 | cinq décembre deux mille vingt-quatre
    2 + 2 = 4 | deux plus deux
    2 + 2 = 4 | deux plus deux égale cinq
    2 + 2 | quatre
    3 × 4 | douze
    10 - 3 | dix trois
    n° 5 | numéro six
    06 12 34 56 78 | zéro six douze trente-quatre cinquante-six soixante-dix-neuf
    06 12 34 56 78 | six douze trente-quatre cinquante-six
    pain & beurre | pain beurre
    pain et beurre | pain ou beurre
    M. Dupont | Madame Dupont
    Mme Dupont | Mademoiselle Dupont
    le/la | le
    le/la | la
    chat / chatte | chat
    un(e) ami(e) | ami
    un(e) ami(e) | des amis
    Je ___ à l'école | Je vais à l'école
    qqn | quelque chose
    qqch | quelqu'un
    p. ex. | c'est-à-dire
    être (verbe) | être
    s'il vous plaît | s'il te plaît
    Le chat | cinquantième chat
    Vers midi | cinquième midi
    1,80 m | un mètre quatre-vingt-dix
    1,80 m | un mètre
    les 1ers jours | les premières jours
    é | e
    21½ | 20½
    21½ | vingt et un demi
    ? | pourquoi
    % | pourcentage de quoi
    Bonjour 😀 | Bonjour visage souriant
    pomme | pomme pomme
    Il fait beau aujourd'hui. | Il fait beau.
    Il fait beau | beau il fait
    les années 90 | les années quatre-vingts
    le week-end | la fin de semaine
    poisson | poison
    dessert | désert
    au-dessus | au-dessous
    W | V
    ECOLE FERMEE | école ouverte
    ACHETÉ | achète
    tout | tous
    rien | quelque chose
    mille | un mille
    cent | cents euros
"""


def _pairs(side: Side, table: str) -> list[tuple[Side, str, str]]:
    rows = (row.split(" | ") for row in table.strip().splitlines())
    return [(side, text.strip(), said.strip()) for text, said in rows]


@pytest.mark.parametrize(("side", "text", "said"), [*_pairs("en", _ENGLISH), *_pairs("fr", _FRENCH)])
def test_other_words_are_refused(side: Side, text: str, said: str) -> None:
    with pytest.raises(OtherWords):
        check_words(said, text, side)
