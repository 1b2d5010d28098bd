"""A process that is frozen in the moment in which Postgres answers that it holds its job."""

import asyncio
import time

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared import jobs, runs
from shared.database import DATABASE_AWAY, IDLE_IN_TRANSACTION_SECONDS, Sessions
from shared.job_lock import hold
from shared.runs import Run
from tests.service import Service, phrases

ANSWERED = (
    "SELECT pid FROM pg_stat_activity WHERE pid = %s AND state = 'idle in transaction' AND query LIKE '%%FOR UPDATE%%'"
)


async def test_who_wakes_up_with_an_old_answer_in_its_socket_holds_nothing(
    service: Service, sessions: Sessions
) -> None:
    async with sessions.begin() as session:
        job_id = await jobs.create(session, "anna", "deck", phrases(["card"]), False)
    async with sessions.begin() as session:
        run = await runs.start(session, job_id)
    assert run

    async with sessions() as session:
        holding = await asked_and_not_heard(service, session, run)
        time.sleep(
            IDLE_IN_TRANSACTION_SECONDS + 1
        )  # as if stopped: nothing of this process runs, and Postgres gives up
        with pytest.raises(DATABASE_AWAY):
            await holding
        await session.close()


async def asked_and_not_heard(service: Service, session: AsyncSession, run: Run) -> asyncio.Task[float]:
    """A `hold` that Postgres has answered, and whose answer nobody has read yet."""
    while True:
        process = await session.scalar(text("SELECT pg_backend_pid()"))
        holding = asyncio.create_task(hold(session, run.job_id, run.token))
        while not holding.done():
            await asyncio.sleep(0)
            if not holding.done() and service.sql(ANSWERED, process):
                return holding
        await session.rollback()
