"""The text of events, and what a watcher is told of many changes."""

import asyncio
import json
import time
from contextlib import aclosing
from typing import Any

from api.events import tell
from api.job_state import JobState
from api.schemas import JobStatus
from api.watched_job import WatchedJob, Watcher

FOREVER = time.time() + 1_000_000
NEVER = 1_000_000


def state(read_at: float = 0, cards: tuple[str, ...] = (), **changed: Any) -> JobState:
    """A job of three phrases as it was read."""
    job: dict[str, Any] = {
        "id": "job",
        "status": "processing",
        "total_phrases": 3,
        "processed_count": len(cards),
        "error_message": None,
        "result_urls": [entry(card) for card in cards],
        "created_at": "2026-02-02T10:00:00.000Z",
        "completed_at": None,
    }
    return JobState(JobStatus(**job | changed), read_at)


def entry(card: str, **more: Any) -> dict[str, str | None]:
    return {"cardId": card, "audioUrlEn": f"http://x/{card}_en.mp3", "audioUrlFr": None} | more


def data(event: bytes, name: str) -> dict[str, Any]:
    """What an event of this name says."""
    [_, event_line, data_line, *end] = event.decode().split("\n")
    assert (event_line, end) == (f"event: {name}", ["", ""])
    fields: dict[str, Any] = json.loads(data_line.removeprefix("data: "))
    return fields


def watch(first: JobState) -> tuple[WatchedJob, Watcher]:
    job = WatchedJob()
    job.take(first)
    return job, Watcher(job, first)


# A state


def test_cards_are_told_wherever_in_the_list_they_come() -> None:
    progress = data(state(cards=("a", "b", "c")).since(state(cards=("b",))), "progress")

    assert [card["cardId"] for card in progress["cards"]] == ["a", "c"]


def test_a_card_that_changed_is_told_again() -> None:
    failed = state(result_urls=[entry("a", error="no voice"), entry("b")])

    assert data(state(cards=("a", "b")).since(failed), "progress")["cards"] == [entry("a")]


def test_a_job_that_begins_anew_is_told_whole() -> None:
    """Failed cards leave the list when a job is tried again: no list of new ones could say so."""
    anew = state(cards=("a",), status="pending")

    assert data(anew.since(state(cards=("a", "b"))), "snapshot")["resultUrls"] == [entry("a")]


def test_no_text_of_a_job_can_break_out_of_its_event() -> None:
    text = 'a\nb\r\ndata: x\n\nevent: end\u2028\u2029\x85"'

    assert data(state(error_message=text).snapshot, "snapshot")["errorMessage"] == text


def test_only_equal_jobs_have_the_same_id() -> None:
    assert state(read_at=1).id == state(read_at=2).id
    ids = {state().id, state(status="completed").id, state(cards=("a",)).id, state().end_id}
    assert len(ids) == 4


# A watcher


async def told(watcher: Watcher, until: float = FOREVER, heartbeat_seconds: float = NEVER) -> list[bytes]:
    return [event async for event in tell(watcher, until, heartbeat_seconds)][1:]  # without the hint when to retry


async def test_a_slow_watcher_is_told_all_that_it_missed_in_one() -> None:
    job, watcher = watch(state())
    async with aclosing(tell(watcher, FOREVER)) as events:
        await anext(events)
        await anext(events)
        for read_at, cards in enumerate([("a",), ("a", "b"), ("a", "b", "c")]):
            job.take(state(read_at, cards))
        progress = data(await anext(events), "progress")

    assert [card["cardId"] for card in progress["cards"]] == ["a", "b", "c"]


async def test_what_was_told_is_not_forgotten_while_more_comes() -> None:
    job, watcher = watch(state())
    async with aclosing(tell(watcher, FOREVER)) as events:
        cards: list[str] = []
        for read_at, known in enumerate([(), (), ("a",), ("a", "b"), ("a", "b", "c")]):
            job.take(state(read_at, known))
            event = await anext(events)
            if b"event: progress" in event:
                cards += [card["cardId"] for card in data(event, "progress")["cards"]]

    assert cards == ["a", "b", "c"]


async def test_a_read_that_was_overtaken_is_not_told() -> None:
    job, watcher = watch(state(read_at=1))
    job.take(state(read_at=3, cards=("a",)))
    job.take(state(read_at=2))

    assert job.latest is await watcher.news(NEVER)
    assert watcher.known.job.processed_count == 1


async def test_where_nothing_happens_there_are_signs_of_life() -> None:
    _, watcher = watch(state())

    async with aclosing(tell(watcher, FOREVER, heartbeat_seconds=0.01)) as events:
        _, snapshot, *heartbeats = [await anext(events) for _ in range(5)]

    assert data(snapshot, "snapshot")
    assert heartbeats == [b":\n\n"] * 3


async def test_after_its_moment_there_are_none_any_more() -> None:
    _, watcher = watch(state())

    snapshot, *heartbeats = await told(watcher, until=time.time() + 0.1, heartbeat_seconds=0.01)

    assert data(snapshot, "snapshot")
    assert set(heartbeats) <= {b":\n\n"}


async def test_the_end_is_told_after_the_last_progress() -> None:
    job, watcher = watch(state())
    events = asyncio.create_task(told(watcher))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    job.take(state(1, cards=("a", "b", "c"), status="completed"))

    snapshot, progress, end = await events
    assert data(snapshot, "snapshot")["resultUrls"] == []
    assert len(data(progress, "progress")["cards"]) == 3
    assert data(end, "end")["status"] == "completed"


async def test_everyone_is_sent_away_when_the_process_stops() -> None:
    job, watcher = watch(state())
    streams = [asyncio.create_task(told(Watcher(job, watcher.known))) for _ in range(3)]
    await asyncio.sleep(0)
    job.close()

    assert [len(events) for events in await asyncio.gather(*streams)] == [1, 1, 1]
