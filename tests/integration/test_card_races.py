"""Two jobs of one user that have a card in common, each in a deck of its own, so that both run at once: on a real database."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from pydantic import SecretStr
from sqlalchemy.exc import OperationalError

from shared import jobs, runs
from shared.card_audio import ClipFacts, read_cards
from shared.clips import Side, Voice
from shared.database import Sessions, create_engine, create_sessions
from shared.errors import StorageFault
from shared.local_storage import LocalStorage
from shared.plan import Clip, clips_of
from shared.runs import Run
from shared.settings import Settings
from tests.job_control import locked, waiters
from tests.service import Service
from tests.watching import card_urls, until
from worker.clip_maker import ClipMaker
from worker.errors import ClipRefused
from worker.ledger import Ledger
from worker.survey import read_tables, survey

VOICES: dict[Side, Voice] = {
    "en": Voice("en", "espeak", "", "m", "v", "", 1.0, {}),
    "fr": Voice("fr", "espeak", "", "m", "v", "", 1.0, {}),
}
SUPERSEDED = "superseded by a later job"
NOBODY = cast(ClipMaker, None)  # asked only where a clip is on no record
TERMINATE_WAITERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@dataclass
class Job:
    """A job under way, and what it writes by."""

    run: Run
    ledger: Ledger
    clips: list[Clip]

    def of(self, card_id: str, side: Side = "en") -> Clip:
        [clip] = [clip for clip in self.clips if (clip.card_id, clip.side) == (card_id, side)]
        return clip


@dataclass
class Races:
    """A database, a storage, and jobs over both. Every clip's audio is its text."""

    service: Service
    sessions: Sessions
    storage: LocalStorage
    folder: Path

    async def begin(self, **texts: str) -> Job:
        """A job of these cards with these English texts, newer than those before. It has seen what the cards have now."""
        of = [{"textEn": text, "textFr": "", "cardId": card_id} for card_id, text in texts.items()]
        async with self.sessions.begin() as session:
            job_id = await jobs.create(session, "anna", "deck", of, False)
        async with self.sessions.begin() as session:
            run = await runs.start(session, job_id)
        assert run
        job = Job(
            run, Ledger(self.sessions, self.storage, "http://localhost", run), list(clips_of(run.phrases, VOICES))
        )
        async with self.sessions.begin() as session:
            job.ledger.note_now(await read_cards(session, texts))
        return job

    async def link(self, job: Job, *card_ids: str) -> None:
        for card_id in card_ids:
            clip = job.of(card_id)
            facts = ClipFacts(clip.key, len(clip.text), len(clip.text.encode()), 1000)
            await self.storage.put_clip(clip.key, clip.text.encode())
            job.ledger.record_found(clip, facts)
            job.ledger.link(clip, facts)

    async def finish(self, job: Job) -> None:
        job.ledger.fail_rest([clip for clip in job.clips if clip.text], "not made", ClipRefused)
        for clip in job.clips:
            if not clip.text and clip.side == "fr":
                job.ledger.skip(clip)
        await job.ledger.finish()

    async def made(self, **texts: str) -> Job:
        job = await self.begin(**texts)
        await self.link(job, *texts)
        await self.finish(job)
        return job

    def says(self, card_id: str) -> str | None:
        file = self.folder / f"{card_id}_en.mp3"
        return file.read_text() if file.exists() else None

    def errors(self, job: Job) -> dict[str, str | None]:
        [(entries,)] = self.service.sql('SELECT "resultUrls" FROM public."TtsJob" WHERE "id" = %s', job.run.job_id)
        return {entry["cardId"]: entry.get("error") for entry in entries}


@pytest.fixture
async def races(service: Service, database_url: str) -> AsyncIterator[Races]:
    engine = create_engine(Settings(database_url=SecretStr(database_url)), pool_size=4)
    storage = LocalStorage(service.storage)
    await storage.prepare()
    service.add_deck("deck", ["a", "b", "c"])
    yield Races(service, create_sessions(engine), storage, service.storage)
    await engine.dispose()


async def test_an_older_job_leaves_what_a_later_one_has_put_there(races: Races) -> None:
    await races.made(a="first words", b="first words")
    older = await races.begin(a="old words", b="", c="mine alone")
    await races.made(a="new words", b="more new words")

    await races.link(older, "a", "c")
    older.ledger.skip(older.of("b"))
    await races.finish(older)

    assert [races.says(card) for card in "abc"] == ["new words", "more new words", "mine alone"]
    assert all(card_urls(races.service, card)[0] for card in "abc")
    assert races.errors(older) == {"a": SUPERSEDED, "b": SUPERSEDED, "c": None}
    [(status, message)] = races.service.sql(
        'SELECT "status", "errorMessage" FROM public."TtsJob" WHERE "id" = %s', older.run.job_id
    )
    assert (status, message) == ("failed", f"2 of 3 clips failed: {SUPERSEDED}")
    assert races.service.sql(
        "SELECT position, error FROM tts.job_clip WHERE job_id = %s AND side = 'en' ORDER BY position", older.run.job_id
    ) == [(0, SUPERSEDED), (1, SUPERSEDED), (2, None)]


async def test_an_older_job_that_wants_the_same_words_has_them(races: Races) -> None:
    older = await races.begin(a="same words")
    later = await races.made(a="same words")

    await races.link(older, "a")
    await races.finish(older)

    assert races.errors(older) == {"a": None}
    assert races.service.sql("SELECT DISTINCT job_id, job_seq FROM tts.card_audio WHERE side = 'en'") == [
        (later.run.job_id, later.run.seq)
    ]


async def test_two_jobs_with_cards_in_opposite_order_cannot_lock_each_other_out(races: Races) -> None:
    """Each would have its first card's row, and wait for the middle one's, which is held until both do."""
    await races.made(a="one", b="two", c="three")
    older = await races.begin(a="old one", b="old two", c="old three")
    later = await races.begin(c="new three", b="new two", a="new one")
    await races.link(older, "a", "b", "c")
    await races.link(later, "c", "b", "a")

    with locked(races.service, "SELECT FROM tts.card_audio WHERE card_id = 'b' FOR UPDATE"):
        writing = [asyncio.create_task(races.finish(job)) for job in (older, later)]
        await until(lambda: waiters(races.service) == 2)
    await asyncio.gather(*writing)

    assert [races.says(card) for card in "abc"] == ["new one", "new two", "new three"]


async def test_a_file_that_was_replaced_without_a_word_is_not_believed(races: Races) -> None:
    """The connection breaks after the file and before the commit, and the job is cancelled. Both audios are of one size."""
    await races.made(a="the word one")
    cut_off = await races.begin(a="the word two")
    await races.link(cut_off, "a")
    with locked(races.service, "LOCK TABLE tts.clip IN EXCLUSIVE MODE"):
        writing = asyncio.create_task(cut_off.ledger.checkpoint())
        await until(lambda: waiters(races.service) == 1 and races.says("a") == "the word two")
        races.service.sql(TERMINATE_WAITERS)
        with pytest.raises(OperationalError):
            await writing
    async with races.sessions.begin() as session:
        await jobs.cancel(session, cut_off.run.job_id, "anna", is_running=False)

    again = await races.begin(a="the word one")
    tables = await read_tables(races.sessions, again.run, again.clips)
    found = await survey(tables, races.storage, NOBODY, again.run, [again.of("a")])

    assert found.verdicts == [(again.of("a"), "wanted")]
    await races.link(again, "a")
    await races.finish(again)
    assert races.says("a") == "the word one"


async def test_what_an_older_job_has_replaced_since_it_was_looked_at_is_put_right(races: Races) -> None:
    await races.made(a="the word one")
    older = await races.begin(a="the word two", b="other words")
    later = await races.begin(a="the word one", b="words that fail")
    await races.link(older, "a", "b")
    await races.finish(older)

    later.ledger.keep(later.of("a"))
    await races.finish(later)

    assert races.says("a") == "the word one"
    assert [card_urls(races.service, card)[0] for card in "ab"] == ["http://localhost/a_en.mp3", None]
    assert races.errors(later) == {"a": None, "b": "not made"}


async def test_where_a_later_job_failed_by_its_storage_an_older_one_puts_nothing(races: Races) -> None:
    older = await races.begin(a="old words")
    later = await races.begin(a="new words")
    later.ledger.give_up(later.clips, "the disk is full", StorageFault)
    await later.ledger.finish()

    await races.link(older, "a")
    await races.finish(older)

    assert races.says("a") is None
    assert races.errors(older) == {"a": SUPERSEDED}
