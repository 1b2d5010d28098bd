"""Who may write a job just now: a lock on its row, and how long what is done outside the database is sure to be under it."""

import time
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.database import IDLE_IN_TRANSACTION_SECONDS
from shared.errors import LostRun
from shared.models import JobRecord

# Less than the time after which Postgres ends an idle transaction (`shared/database.py`).
HOLD_SECONDS = IDLE_IN_TRANSACTION_SECONDS * 0.8
_PROMPT_SECONDS = HOLD_SECONDS / 2


async def lock(session: AsyncSession, job_id: str) -> None:
    """Waits until nobody else writes the job.

    A statement of its own: one that joins both rows and waits would see the new version of the one, and the old of the other.
    """
    await session.execute(select(JobRecord.id).where(JobRecord.id == job_id).with_for_update())


async def hold(session: AsyncSession, job_id: str, token: UUID) -> float:
    """Locks the job for this transaction, for the run with this token. Raises `LostRun` when another run has it by now.

    A new run waits for the lock before it takes the token: what is done under it is done by the only writer. Of what is done
    outside the database that is sure only until the moment (of `time.monotonic`) that this returns: Postgres ends the
    transaction of a process that was frozen, and with it the lock.
    """
    while True:
        # Counted from before the question: a process may be frozen with the answer already in its socket, and hears on waking
        # that it holds what it lost long ago.
        asked_at = time.monotonic()
        holder = await session.scalar(select(JobRecord.run).where(JobRecord.id == job_id).with_for_update())
        if holder != token:
            raise LostRun
        if time.monotonic() - asked_at < _PROMPT_SECONDS:
            return asked_at + HOLD_SECONDS
        # It waited for whoever held the job before, or it was frozen. If the lock is there it is told so at once.
