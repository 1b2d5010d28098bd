"""Twenty things to say on any day, as a deck in Memolist's tables."""

import psycopg

from shared.database_url import libpq_conninfo
from shared.jobs import Phrase

USER_ID = "demo-user"
DECK_ID = "demo-deck"

_PHRASES = """
Good morning! | Bonjour !
How are you today? | Comment allez-vous aujourd'hui ?
My name is Camille. | Je m'appelle Camille.
Nice to meet you. | Ravi de vous rencontrer.
Where is the train station? | Où est la gare ?
A coffee and a croissant, please. | Un café et un croissant, s'il vous plaît.
How much does it cost? | Combien ça coûte ?
I would like to pay by card. | Je voudrais payer par carte.
What time is it? | Quelle heure est-il ?
It is half past seven. | Il est sept heures et demie.
I do not understand. | Je ne comprends pas.
Could you speak more slowly? | Pourriez-vous parler plus lentement ?
The weather is beautiful. | Il fait très beau.
I have been learning French for a year. | J'apprends le français depuis un an.
The children are playing in the garden. | Les enfants jouent dans le jardin.
We are going to the market tomorrow. | Nous allons au marché demain.
I need a doctor. | J'ai besoin d'un médecin.
Turn left, then straight ahead. | Tournez à gauche, puis tout droit.
Enjoy your meal! | Bon appétit !
See you soon. | À bientôt.
"""

PHRASES = [
    Phrase(cardId=f"demo-{number:02}", textEn=english.strip(), textFr=french.strip())
    for number, (english, french) in enumerate((line.split("|") for line in _PHRASES.strip().splitlines()), start=1)
]


def put_in(database_url: str) -> None:
    """The deck and its cards, unless they are there. Memolist writes these tables: the service itself never adds to them."""
    with psycopg.connect(libpq_conninfo(database_url)) as connection:
        connection.execute(
            'INSERT INTO public."Deck" ("id", "userId") VALUES (%s, %s) ON CONFLICT ("id") DO NOTHING',
            (DECK_ID, USER_ID),
        )
        connection.cursor().executemany(
            'INSERT INTO public."Card" ("id", "deckId") VALUES (%s, %s) ON CONFLICT ("id") DO NOTHING',
            [(phrase["cardId"], DECK_ID) for phrase in PHRASES],
        )
