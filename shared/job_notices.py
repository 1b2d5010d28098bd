"""Hears of every change of every job: the other end of `jobs.tell`. Knows nothing of who wants to know."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from shared.jobs import CHANNEL
from shared.models import TtsJob

Listener = AsyncConnection[Any]


@asynccontextmanager
async def listening(conninfo: str) -> AsyncIterator[Listener]:
    """A connection, kept by one session, that misses no change from here on. It raises `psycopg.Error` once it is lost."""
    async with await AsyncConnection.connect(conninfo, autocommit=True) as listener:
        await listener.execute(f"LISTEN {CHANNEL}".encode())
        yield listener


async def changed_jobs(listener: Listener, patience_seconds: float) -> set[str]:
    """The ids of the jobs that changed since the last call; waits for the first one as long as told, then there are none."""
    return {notice.payload async for notice in listener.notifies(timeout=patience_seconds, stop_after=1)}


async def find_all(session: AsyncSession, job_ids: Collection[str]) -> Sequence[TtsJob]:
    """Those of the jobs that there are, without their phrases."""
    jobs = select(TtsJob).where(TtsJob.id.in_(job_ids)).options(defer(TtsJob.phrases))
    return (await session.scalars(jobs)).all()
