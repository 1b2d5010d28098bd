"""The pace of all workers, on a real database. What is asserted is the database's row, not a clock."""

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from shared.database import create_engine
from shared.settings import Settings
from tests.job_control import WAITERS
from tests.watching import until
from worker.pacing import SLACK, Pacer

MINUTE = timedelta(minutes=1)
STEP = MINUTE * (1 + SLACK)  # from one slot to the next, at a request a minute
UPSTREAM = "https://api.openai.com"
Sleep = Callable[[float], Awaitable[None]]
NewPacer = Callable[..., Pacer]


class Sleeps:
    """Sleeps no time, and remembers how long it should have been: to a look before the slot, then to the slot.

    `during` happens while it sleeps, one each time.
    """

    def __init__(self, *during: Callable[[], Awaitable[None]]) -> None:
        self.seconds: list[float] = []
        self._during = iter(during)

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if happens := next(self._during, None):
            await happens()


@pytest.fixture
async def new_pacer(database_url: str) -> AsyncIterator[NewPacer]:
    """Makes pacers as the worker does, each with connections of its own, as in a worker of its own."""
    settings = Settings(database_url=database_url)  # type: ignore[arg-type]
    engines, pacers = [], []

    def make(sleep: Sleep, interval: timedelta = MINUTE, upstream: str = UPSTREAM) -> Pacer:
        engines.append(create_engine(settings, pool_size=5))
        pacers.append(Pacer(engines[-1], upstream, interval.total_seconds() * 1000, sleep))
        return pacers[-1]

    yield make
    for pacer in pacers:
        await pacer.close()
    for engine in engines:
        await engine.dispose()


def sql(database_url: str, statement: str) -> Any:
    with psycopg.connect(database_url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone() if cursor.description else None


def next_slot(database_url: str, upstream: str = UPSTREAM) -> datetime:
    (slot,) = sql(database_url, f"SELECT next_slot FROM tts.pace WHERE upstream = '{upstream}'")
    assert isinstance(slot, datetime)
    return slot


async def test_the_first_request_starts_at_once(new_pacer: NewPacer) -> None:
    sleeps = Sleeps()
    await new_pacer(sleeps).wait_for_slot()
    assert sleeps.seconds == []


async def test_requests_at_once_get_a_slot_each_in_all_workers_together(new_pacer: NewPacer, database_url: str) -> None:
    sleeps = Sleeps()
    pacers = [new_pacer(sleeps), new_pacer(sleeps)]
    await pacers[0].wait_for_slot()
    before = next_slot(database_url)
    await asyncio.gather(*(pacer.wait_for_slot() for pacer in pacers for _ in range(10)))
    assert next_slot(database_url) - before == 20 * STEP
    # Nobody shares a slot: each is told another step, less the moments since the first.
    assert Counter(math.ceil(seconds / STEP.total_seconds()) for seconds in sleeps.seconds) == dict.fromkeys(
        range(1, 21), 2
    )


async def test_a_slot_that_nobody_took_is_not_made_up_for(new_pacer: NewPacer, database_url: str) -> None:
    sleeps = Sleeps()
    pacer = new_pacer(sleeps)
    await pacer.wait_for_slot()
    sql(database_url, "UPDATE tts.pace SET next_slot = clock_timestamp() - interval '1 hour'")
    await pacer.wait_for_slot()
    assert sleeps.seconds == []
    await pacer.wait_for_slot()
    assert sleeps.seconds


async def test_a_slot_that_is_taken_a_moment_late_keeps_its_time(new_pacer: NewPacer, database_url: str) -> None:
    """It has asked before, and Postgres lets it wait until then: how fast this process is makes no difference."""
    pacer = new_pacer(Sleeps())
    await pacer.wait_for_slot()
    late = "UPDATE tts.pace SET next_slot = clock_timestamp() - interval '2 milliseconds' RETURNING next_slot; COMMIT"
    kept: list[bool] = []
    while len(kept) < 50 and not any(kept):  # for Postgres, too, the moment may be over
        with psycopg.connect(database_url) as connection:
            connection.execute("SELECT FROM tts.pace FOR UPDATE")
            asking = asyncio.create_task(pacer.wait_for_slot())
            await until(lambda: sql(database_url, WAITERS) == (1,))
            [slot] = connection.execute(late).fetchone() or ()
        await asking
        kept.append(next_slot(database_url) == slot + STEP)
    assert any(kept)


async def test_who_starts_too_late_moves_all_later_slots_on(new_pacer: NewPacer, database_url: str) -> None:
    """Else an upstream that counts would see this request, and those that come in time after it, too close together."""

    async def oversleep() -> None:
        await asyncio.sleep(0.2)

    interval = timedelta(milliseconds=100)
    pacer = new_pacer(Sleeps(oversleep), interval)
    await pacer.wait_for_slot()
    before = next_slot(database_url)
    await pacer.wait_for_slot()
    assert next_slot(database_url) > before + interval * (1 + SLACK)


async def test_who_was_frozen_moves_the_others_on_by_one_slot_at_most(new_pacer: NewPacer, database_url: str) -> None:
    interval = timedelta(milliseconds=100)
    step = interval * (1 + SLACK)

    async def freeze_while_others_go_on() -> None:
        await asyncio.sleep(1)
        sql(database_url, f"UPDATE tts.pace SET next_slot = clock_timestamp() + interval '{step.total_seconds()} s'")

    pacer = new_pacer(Sleeps(freeze_while_others_go_on), interval)
    await pacer.wait_for_slot()
    await pacer.wait_for_slot()
    (ahead,) = sql(database_url, "SELECT next_slot - clock_timestamp() FROM tts.pace")
    assert ahead <= 2 * step


async def test_a_clock_that_is_set_back_stops_nothing(new_pacer: NewPacer, database_url: str) -> None:
    sleeps = Sleeps()
    pacer = new_pacer(sleeps)
    await pacer.wait_for_slot()
    sql(database_url, "UPDATE tts.pace SET next_slot = clock_timestamp() + interval '1 day'")
    await pacer.wait_for_slot()
    assert sleeps.seconds == []


async def test_the_next_slot_is_there_when_postgres_was_restarted(new_pacer: NewPacer, database_url: str) -> None:
    sleeps = Sleeps()
    pacer = new_pacer(sleeps)
    await pacer.wait_for_slot()
    sql(
        database_url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()",
    )
    await pacer.wait_for_slot()
    assert sleeps.seconds


async def test_no_pace_means_no_waiting(new_pacer: NewPacer) -> None:
    sleeps = Sleeps()
    pacer = new_pacer(sleeps, interval=timedelta())
    await asyncio.gather(*(pacer.wait_for_slot() for _ in range(30)))
    assert sleeps.seconds == []


async def test_upstreams_have_a_pace_each(new_pacer: NewPacer, database_url: str) -> None:
    sleeps = Sleeps()
    await new_pacer(sleeps).hold(600)
    await new_pacer(sleeps, upstream="http://localhost:8880").wait_for_slot()
    assert sleeps.seconds == []
    assert sql(database_url, "SELECT count(*) FROM tts.pace") == (2,)


async def test_who_waits_really_waits_until_the_database_says_that_the_slot_has_come(
    new_pacer: NewPacer, database_url: str
) -> None:
    interval = timedelta(milliseconds=20)
    pacer = new_pacer(asyncio.sleep, interval)
    await pacer.wait_for_slot()
    second_slot = next_slot(database_url)
    await asyncio.gather(*(pacer.wait_for_slot() for _ in range(10)))
    (now,) = sql(database_url, "SELECT clock_timestamp()")
    assert now >= second_slot + 9 * interval


async def test_an_answer_that_takes_long_lets_nobody_start_before_the_slot(
    new_pacer: NewPacer, database_url: str
) -> None:
    sleeps = Sleeps()
    pacer = new_pacer(sleeps)
    await pacer.wait_for_slot()
    slot = next_slot(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT FROM tts.pace FOR UPDATE")
        asking = asyncio.create_task(pacer.wait_for_slot())
        await until(lambda: sql(database_url, WAITERS) == (1,))
        connection.execute("SELECT pg_sleep(0.5)")
    await asking
    (now,) = sql(database_url, "SELECT clock_timestamp()")
    assert now + timedelta(seconds=sleeps.seconds[-1]) > slot - timedelta(milliseconds=10)


# Held


async def test_a_hold_stops_the_first_request_too(new_pacer: NewPacer, database_url: str) -> None:
    async def end_the_hold() -> None:
        sql(database_url, "UPDATE tts.pace SET held_until = clock_timestamp()")

    sleeps = Sleeps(end_the_hold)
    pacer = new_pacer(sleeps)
    await pacer.hold(3_600)
    await pacer.wait_for_slot()
    assert 3_000 < sleeps.seconds[0] <= 3_600


async def test_a_hold_sends_those_who_wait_to_new_slots_after_it_in_every_worker(
    new_pacer: NewPacer, database_url: str
) -> None:
    held_until: list[datetime] = []

    async def hold() -> None:
        await other.hold(36_000)

    async def end_the_hold() -> None:
        held_until.append(sql(database_url, "SELECT held_until FROM tts.pace")[0])
        sql(database_url, "UPDATE tts.pace SET held_until = clock_timestamp()")

    sleeps = Sleeps(hold, end_the_hold)
    pacer, other = new_pacer(sleeps), new_pacer(Sleeps())
    await pacer.wait_for_slot()
    await pacer.wait_for_slot()
    first, second, _ = sleeps.seconds
    assert first <= STEP.total_seconds()
    assert second > 30_000
    assert next_slot(database_url) == held_until[0] + STEP


async def test_a_shorter_hold_does_not_end_a_longer_one(new_pacer: NewPacer, database_url: str) -> None:
    pacer = new_pacer(Sleeps())
    await pacer.hold(3_600)
    before = sql(database_url, "SELECT held_until FROM tts.pace")
    await pacer.hold(1)
    assert sql(database_url, "SELECT held_until FROM tts.pace") == before


async def test_a_hold_of_no_time_holds_nobody(new_pacer: NewPacer) -> None:
    sleeps = Sleeps()
    pacer = new_pacer(sleeps)
    await pacer.hold(0)
    await pacer.wait_for_slot()
    assert sleeps.seconds == []


async def test_without_a_pace_a_hold_stops_requests_too(new_pacer: NewPacer, database_url: str) -> None:
    async def end_the_hold() -> None:
        sql(database_url, "UPDATE tts.pace SET held_until = clock_timestamp()")

    sleeps = Sleeps(end_the_hold, end_the_hold)
    pacer, other = (new_pacer(sleeps, interval=timedelta()) for _ in range(2))
    await pacer.wait_for_slot()
    await pacer.hold(3_600)  # seen at once
    await pacer.wait_for_slot()
    await other.hold(3_600)
    await asyncio.sleep(0.1)  # seen in a moment
    await pacer.wait_for_slot()
    assert len(sleeps.seconds) == 2
    assert min(sleeps.seconds) > 3_000
