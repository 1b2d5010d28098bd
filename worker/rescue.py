"""Brings back the jobs of dead workers, and jobs that fell out of the queue.

Runs beside the queue's worker, not in it: a periodic task would wait for a free place among the running jobs.
"""

import asyncio
import time
from contextlib import AbstractContextManager
from typing import Any, Literal

import structlog
from procrastinate import App
from psycopg.errors import LockNotAvailable
from sqlalchemy import Row, text
from structlog.contextvars import bound_contextvars

from shared import deaths
from shared.database import DATABASE_AWAY, Sessions, check_writable
from shared.queue import QUEUE, RUN_JOB, TELL_WORKERS, enqueue
from worker.metrics import DEATHS, RESCUED
from worker.steady_queue import RECONNECT_SECONDS

_MAX_DEATHS = 3
_TOO_MANY_DEATHS = (
    f"A worker died {_MAX_DEATHS} times in a row in this job, without having made a clip in between: its log may tell why."
    " What was made is kept; retry the job to make the rest."
)
_STALLED = """
    SELECT job.id, job.args ->> 'job_id' AS job_id, job.abort_requested, record.request_id, record.user_id, record.deck_id
    FROM tts.procrastinate_jobs AS job LEFT JOIN tts.procrastinate_workers AS worker ON worker.id = job.worker_id
    LEFT JOIN tts.job AS record ON record.id = job.args ->> 'job_id'
    WHERE job.status = 'doing' AND job.queue_name = :queue
        AND (worker.id IS NULL OR worker.last_heartbeat < now() - make_interval(secs => :dead_after))
"""
_ALL_STALLED = text(f"{_STALLED} ORDER BY job.id")
# Looked at again under its lock: another worker may have brought it back, and somebody may be at it again.
_STILL_STALLED = text(f"{_STALLED} AND job.id = :id FOR UPDATE OF job SKIP LOCKED")
_BACK_TO_THE_QUEUE = text(f"SELECT tts.procrastinate_retry_job_v2(:id, now(), NULL, NULL, NULL), {TELL_WORKERS}")
_OUT_OF_THE_QUEUE = text(f"SELECT tts.procrastinate_finish_job_v1(:id, 'failed', true), {TELL_WORKERS}")
# A dead worker's transaction may hold the job's row, until Postgres ends it: then comes the next round.
_PATIENCE = text("SET LOCAL lock_timeout = '1s'")
_ONE_AT_A_TIME = text("SELECT pg_try_advisory_xact_lock(hashtextextended('memolist tts reconcile', 0))")
_FELL_OUT = text(
    """
    SELECT job.id AS job_id, row."deckId" AS deck_id, row."userId" AS user_id, job.request_id
    FROM tts.job AS job JOIN public."TtsJob" AS row ON row."id" = job.id
    WHERE job.ended_at IS NULL AND row."status" IN ('pending', 'processing')
        AND NOT EXISTS (
            SELECT FROM tts.procrastinate_jobs AS entry
            WHERE entry.status IN ('todo', 'doing') AND entry.task_name = :task AND entry.args ->> 'job_id' = job.id
        )
    ORDER BY job.seq
    """
)
# What became of a job whose worker died; nothing where another worker was there first.
Outcome = Literal["nothing", "rescued", "ended"]
_log = structlog.get_logger(__name__)


class Rescue:
    """Looks once in a heartbeat, in every worker: whoever sees it first brings it back."""

    def __init__(self, sessions: Sessions, queue: App, heartbeat_seconds: float, dead_after_seconds: float) -> None:
        self._sessions = sessions
        self._queue = queue
        self._heartbeat_seconds = heartbeat_seconds
        self._dead_after_seconds = dead_after_seconds

    async def run(self) -> None:
        """Never returns. After an absence, of the database or its own, it waits until the living had time to show themselves."""
        sees_clearly_at = time.monotonic() + self._dead_after_seconds
        while True:
            asked_last_at, was_absent = time.monotonic(), True
            await asyncio.sleep(self._heartbeat_seconds)
            try:
                await self._ask_for_database()
                # After the question: a Postgres that was frozen answers it before the living have shown themselves.
                was_absent = time.monotonic() - asked_last_at > self._dead_after_seconds
                if not was_absent and time.monotonic() > sees_clearly_at:
                    await self.run_once()
            except DATABASE_AWAY:
                was_absent = True
            except Exception:
                _log.exception("the rescue of jobs failed; it tries again")
            if was_absent:
                sees_clearly_at = time.monotonic() + self._dead_after_seconds + RECONNECT_SECONDS

    async def run_once(self) -> None:
        """Brings back all that is stalled or fell out."""
        async with self._sessions.begin() as session:
            stalled = (await session.execute(_ALL_STALLED, self._condition)).all()
        for entry in stalled:
            with _told_of(entry):
                await self._try_to_rescue(entry.id)
        await self._reconcile()

    @property
    def _condition(self) -> dict[str, Any]:
        return {"queue": QUEUE, "dead_after": self._dead_after_seconds}

    async def _try_to_rescue(self, entry_id: int) -> None:
        """One that cannot be brought back now keeps no other from it."""
        try:
            _count(await self._rescue(entry_id))
        except DATABASE_AWAY as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
        except Exception:
            _log.exception("a job could not be rescued; it is tried again", queue_job_id=entry_id)

    async def _rescue(self, entry_id: int) -> Outcome:
        async with self._sessions.begin() as session:
            await session.execute(_PATIENCE)
            entry = (await session.execute(_STILL_STALLED, self._condition | {"id": entry_id})).one_or_none()
            if entry is None:
                return "nothing"
            in_a_row = await deaths.count_death(session, entry.job_id)
            if in_a_row is None or entry.abort_requested:
                _log.warning("a worker died; its job has ended")
                await session.execute(_OUT_OF_THE_QUEUE, {"id": entry_id})
                return "ended"
            _log.warning("a worker died; its job is run again", deaths_in_a_row=in_a_row)
            if in_a_row < _MAX_DEATHS:
                await session.execute(_BACK_TO_THE_QUEUE, {"id": entry_id})
                return "rescued"
            await deaths.fail(session, entry.job_id, _TOO_MANY_DEATHS)
            await session.execute(_OUT_OF_THE_QUEUE, {"id": entry_id})
            return "ended"

    async def _reconcile(self) -> None:
        """Queues what should be queued and is not, such as after rows were deleted by hand."""
        async with self._sessions.begin() as session:
            if not await session.scalar(_ONE_AT_A_TIME):
                return
            fell_out = (await session.execute(_FELL_OUT, {"task": RUN_JOB})).all()
            for job in fell_out:
                with _told_of(job):
                    _log.warning("a job had fallen out of the queue and is put back")
                await enqueue(self._queue, session, job.job_id, job.deck_id)
        RESCUED.labels("fell_out").inc(len(fell_out))

    async def _ask_for_database(self) -> None:
        async with self._sessions.begin() as session:
            await check_writable(session)  # while it only reads nobody's heartbeat is heard


def _told_of(job: Row[Any]) -> AbstractContextManager[None]:
    """Every line in it says of which job it is, as those of its runs do."""
    names = ("job_id", "request_id", "user_id", "deck_id")
    return bound_contextvars(**{name: getattr(job, name) for name in names})


def _count(outcome: Outcome) -> None:
    """Once it is so in the database."""
    if outcome != "nothing":
        DEATHS.inc()
    if outcome == "rescued":
        RESCUED.labels("death").inc()
