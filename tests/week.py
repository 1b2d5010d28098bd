"""A week of traffic in minutes: `python -m tests.week`, or `just week`. Tables and disk must come to a steady size.

Real programs, and a stand-in that speaks at once. Every evening all that is written becomes a day older, and a sweep comes, with
settings that keep things for a day or two: by the middle of the week as much goes as comes.
"""

import argparse
import asyncio
import random
import sys
import time
from typing import NamedTuple

from tests.benchmarks.stage import GIVE_UP_SECONDS, open_stage
from tests.job_control import cancel, generate
from tests.keeping import sweep
from tests.service import Service, phrases
from tests.watching import all_files

_DECKS_A_DAY, _CARDS, _DAYS_OF_A_DECK = 150, 4, 3
_KEPT = {"jobs_kept_days": 1, "clips_kept_days": 2, "gone_audio_kept_days": 1}
_POSTS_AT_ONCE = 20
# The last days may be so much larger than those before them, since what users do is left to chance.
_STEADY = 1.1
_TIMES = {
    "tts.job": "created_at ended_at",
    'public."TtsJob"': '"createdAt" "updatedAt" "startedAt" "completedAt"',
    "tts.clip": "made_at",
    "tts.clip_use": "used_at",
    "tts.card_audio": "linked_at",
    "tts.unnamed_audio": "since",
    "tts.idempotency_key": "created_at",
    "tts.procrastinate_events": "at",
}
_TABLES = [*_TIMES, "tts.job_clip", "tts.procrastinate_jobs"]


class Evening(NamedTuple):
    """What there is after a day and its sweep."""

    jobs_so_far: int
    rows: int
    tables_mb: float
    files: int
    files_mb: float


class Traffic:
    """Users who make decks, change a card now and then, look again, and delete their decks after some days."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._dice = random.Random(7)
        self._decks: dict[str, tuple[int, list[dict[str, str]]]] = {}
        self.jobs = 0

    async def day(self, day: int) -> None:
        """Returns when all of the day's jobs have ended."""
        self._forget([deck for deck, (born, _) in self._decks.items() if day - born >= _DAYS_OF_A_DECK])
        for _, texts in self._decks.values():
            if self._dice.random() < 2 / 3:
                self._dice.choice(texts)["textEn"] += f", on day {day}"
        for number in range(_DECKS_A_DAY):
            deck = f"deck-{day}-{number}"
            cards = [f"{deck}-{card}" for card in range(_CARDS)]
            self._service.add_deck(deck, cards, user=_owner(deck))
            self._decks[deck] = (day, phrases(cards))
        gate = asyncio.Semaphore(_POSTS_AT_ONCE)
        await asyncio.gather(*(self._post(gate, day, deck, texts) for deck, (_, texts) in self._decks.items()))
        async with asyncio.timeout(GIVE_UP_SECONDS):
            while self._service.sql("SELECT 1 FROM tts.job WHERE ended_at IS NULL LIMIT 1"):
                await asyncio.sleep(0.5)

    def _forget(self, decks: list[str]) -> None:
        self._service.sql("""DELETE FROM public."Card" WHERE "deckId" = ANY(%s)""", decks)
        self._service.sql("""DELETE FROM public."Deck" WHERE "id" = ANY(%s)""", decks)
        for deck in decks:
            del self._decks[deck]

    async def _post(self, gate: asyncio.Semaphore, day: int, deck: str, texts: list[dict[str, str]]) -> None:
        async with gate:
            answer = await generate(self._service, texts, deck, _owner(deck), key=f"{deck} on day {day}")
            assert answer.status == 202, answer
            self.jobs += 1
            if self._dice.random() < 0.02:
                await cancel(self._service, answer.body["jobId"], _owner(deck))


async def live(service: Service, days: int) -> list[Evening]:
    """Tells of each day as it ends."""
    traffic, evenings = Traffic(service), list[Evening]()
    print("day  jobs so far   rows   tables MB   files   files MB   freed by the sweep (rows, files, MB, seconds)")
    for day in range(days):
        await traffic.day(day)
        for table, columns in _TIMES.items():
            older = ", ".join(f"{column} = {column} - interval '1 day'" for column in columns.split())
            service.sql(f"UPDATE {table} SET {older}")
        began = time.monotonic()
        freed = (await sweep(service, **_KEPT)).total()  # type: ignore[arg-type]
        seconds = time.monotonic() - began
        service.sql("VACUUM")  # as Postgres does by itself, in the course of a day
        evenings.append(evening(service, traffic.jobs))
        now = evenings[-1]
        print(
            f"{day + 1:>3} {now.jobs_so_far:>12,} {now.rows:>6,} {now.tables_mb:>11.1f} {now.files:>7,} {now.files_mb:>10.1f}"
            f"   {freed.rows:>6,} {freed.files:>6,} {freed.bytes / 1e6:>6.1f} {seconds:>5.1f}",
            flush=True,
        )
    return evenings


def evening(service: Service, jobs: int) -> Evening:
    rows = sum(service.sql(f"SELECT count(*) FROM {table}")[0][0] for table in _TABLES)
    table_bytes = sum(service.sql("SELECT pg_total_relation_size(%s::regclass)", table)[0][0] for table in _TABLES)
    files = all_files(service)
    file_bytes = sum((service.storage / name).stat().st_size for name in files)
    return Evening(jobs, rows, table_bytes / 1e6, len(files), file_bytes / 1e6)


def is_steady(evenings: list[Evening]) -> bool:
    """Whether the last two days are no larger than the two before."""
    before, after = evenings[-4:-2], evenings[-2:]
    return all(
        max(evening[column] for evening in after) <= _STEADY * max(evening[column] for evening in before)
        for column in range(1, len(Evening._fields))
    )


def _owner(deck: str) -> str:
    return f"user-{deck.rpartition('-')[2]}"


async def _main(days: int) -> bool:
    with open_stage() as stage:
        async with stage.service() as (service, _):
            await service.start_worker(GC_INTERVAL_HOURS="0")
            return is_steady(await live(service, days))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("days", type=int, nargs="?", default=8)
    if asyncio.run(_main(max(parser.parse_args().days, 5))):
        print("Steady.")
    else:
        sys.exit("It grows.")
