"""Real jobs, live: streams of events beside a worker, beside each other, and of two API processes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.event_stream import EventStream, watching
from tests.service import GIVE_UP_SECONDS, Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import until

CARDS = [f"card-{number}" for number in range(12)]
CHANGE = 'UPDATE public."TtsJob" SET "processedCount" = %s WHERE "id" = %s RETURNING pg_notify(\'tts_job\', "id")'
LISTENERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN tts_job'"


@pytest.fixture
async def api(service: Service) -> AsyncIterator[Service]:
    """An API and a deck; tests start workers."""
    service.add_deck("deck", CARDS)
    await service.start_api()
    yield service
    assert "error of ours" not in service.log("api")
    assert "Traceback" not in service.log("api")


async def pending_job(api: Service) -> str:
    return await api.post("deck", phrases(CARDS))


async def test_a_job_is_told_from_its_first_moment_to_its_end(api: Service, upstream: SpeechServer) -> None:
    upstream.fail("held", text=CARDS[-1])
    job_id = await pending_job(api)
    async with watching(api.url, job_id) as stream:
        pending = await api.job(job_id)
        first = await stream.next()
        await api.start_worker()
        progress = [await stream.progress()]
        while progress[-1].data["processedCount"] < len(CARDS) - 1:
            progress.append(await stream.progress())
        upstream.heal()
        *rest, end = await stream.rest()
        progress += rest

    assert first
    assert (first.name, first.data) == ("snapshot", pending)
    assert {event.name for event in progress} == {"progress"}
    assert (end.name, end.data) == ("end", await api.job(job_id))
    assert end.data["status"] == "completed"
    counts = [event.data["processedCount"] for event in progress]
    assert counts == sorted(counts)
    assert len(CARDS) - 1 in counts
    assert {event.data["status"] for event in progress} == {"processing", "completed"}


async def test_each_card_is_told_once_and_can_be_heard_while_the_job_runs(api: Service, upstream: SpeechServer) -> None:
    upstream.latency_seconds = 0.3
    job_id = await pending_job(api)
    told: list[dict[str, Any]] = []
    unheard: list[str] = []
    async with watching(api.url, job_id) as stream:
        await api.start_worker(TTS_MAX_IN_FLIGHT="2")
        while event := await stream.next():
            cards = event.data.get("cards", [])
            told += cards
            unheard += [card["cardId"] for card in cards if not (api.storage / f"{card['cardId']}_fr.mp3").exists()]

    assert not unheard
    by_card = {card: [entry for entry in told if entry["cardId"] == card] for card in CARDS}
    assert {len(entries) for entries in by_card.values()} == {1}
    assert [by_card[card][0] for card in CARDS] == (await api.job(job_id))["resultUrls"]


async def test_two_api_processes_tell_the_same(api: Service) -> None:
    first = api.url
    await api.start_api()
    job_id = await pending_job(api)
    async with watching(first, job_id) as one, watching(api.url, job_id) as other:
        await api.start_worker()
        events = [await one.rest(), await other.rest()]

    assert events[0][-1] == events[1][-1]
    assert events[0][-1].name == "end"


async def test_other_services_on_the_database_hear_of_every_change(api: Service) -> None:
    with psycopg.connect(api.database_url, autocommit=True) as connection:
        connection.execute("LISTEN tts_job")
        job_id = await pending_job(api)
        created = next(connection.notifies(timeout=GIVE_UP_SECONDS))
        await api.start_worker()
        await api.ended(job_id)
        notices = list(connection.notifies(timeout=GIVE_UP_SECONDS, stop_after=2))

    assert (created.channel, created.payload) == ("tts_job", job_id)
    assert {notice.payload for notice in notices} == {job_id}
    assert len(notices) >= 2


async def test_a_change_is_read_once_however_many_watch(api: Service) -> None:
    jobs = [await pending_job(api) for _ in range(2)]
    log = Path(api.sql("SHOW data_directory")[0][0]).parent / "log"
    async with AsyncExitStack() as streams:
        watchers = [
            [await streams.enter_async_context(watching(api.url, job_id)) for _ in range(20)] for job_id in jobs
        ]
        await until(lambda: len(api.sql(LISTENERS)) == 1)
        await asyncio.sleep(1)  # what the first watchers set off is over
        api.sql(f"ALTER DATABASE {urlsplit(api.database_url).path[1:]} SET log_statement = 'all'")
        cut_pool(api)
        await told(api, jobs, watchers, 1)
        before = reads(log)
        for count in (2, 3, 4):
            await told(api, jobs, watchers, count)
        after = reads(log)
        assert len(api.sql(LISTENERS)) == 1

    statements = after[len(before) :]
    assert not [statement for statement in statements if "phrases" in statement]
    # Two jobs, three changes each; and a look at all of them when it was quiet for a while.
    assert 3 <= len(statements) <= 8


async def told(api: Service, jobs: list[str], watchers: list[list[EventStream]], count: int) -> None:
    """Changes both jobs, and returns when all watchers know."""
    for job_id in jobs:
        api.sql(CHANGE, count, job_id)
    await asyncio.gather(*(stream.until(processedCount=count) for streams in watchers for stream in streams))


def cut_pool(api: Service) -> None:
    """Connections know a new setting from their beginning."""
    api.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def reads(log: Path) -> list[str]:
    lines = log.read_text().splitlines()
    return [line for line in lines if "SELECT" in line and '"processedCount"' in line]
