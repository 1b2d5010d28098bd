"""The rescue of a worker whose database was away without a word: it gives the living time to show themselves."""

import asyncio
import time
from contextlib import suppress

from pydantic import SecretStr

from shared import jobs
from shared.database import create_engine, create_sessions
from shared.queue import create_queue
from shared.settings import Settings
from tests.service import Service, phrases
from tests.watching import queue_jobs, until
from worker.rescue import Rescue
from worker.steady_queue import RECONNECT_SECONDS

DEAD_AFTER_SECONDS = 0.3


async def test_a_database_that_was_silent_when_it_was_asked_was_away(service: Service, database_url: str) -> None:
    """As one that is frozen and goes on: what it was asked it answers before any heartbeat is there."""
    settings = Settings(database_url=SecretStr(database_url))
    database = create_engine(settings, pool_size=1)
    sessions = create_sessions(database)
    async with sessions.begin() as session:
        await jobs.create(session, "anna", "deck", phrases(["card"]), False)  # and it is not in the queue

    async with database.connect():  # the only one: whoever asks gets no answer
        rescuing = asyncio.create_task(Rescue(sessions, create_queue(settings), 0.05, DEAD_AFTER_SECONDS).run())
        await asyncio.sleep(0)  # it has begun, and counts how long it gets no answer
        await asyncio.sleep(3 * DEAD_AFTER_SECONDS)
        answered_at = time.monotonic()
    await until(lambda: queue_jobs(service) == ["todo"])
    waited_seconds = time.monotonic() - answered_at

    rescuing.cancel()
    with suppress(asyncio.CancelledError):
        await rescuing
    await database.dispose()
    assert waited_seconds > DEAD_AFTER_SECONDS + RECONNECT_SECONDS
