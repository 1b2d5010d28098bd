"""Twenty things to say on any day, as a deck in Memolist's tables."""

import csv

import psycopg

from scripts.home import CHECKOUT
from shared.database_url import libpq_conninfo
from shared.jobs import Phrase

USER_ID = "demo-user"
DECK_ID = "demo-deck"

EXAMPLE = CHECKOUT / "api" / "studio" / "example.tsv"  # Studio fills its table with it

PHRASES = [
    Phrase(cardId=row["cardId"], textEn=row["English"], textFr=row["French"])
    for row in csv.DictReader(EXAMPLE.read_text(encoding="utf-8").splitlines(), delimiter="\t")
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
