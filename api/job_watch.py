"""The jobs that somebody watches: one LISTEN connection and one read per change, however many watch. Knows no HTTP."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from time import monotonic
from weakref import WeakValueDictionary

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from api.job_answers import job_status
from api.job_state import JobState
from api.watched_job import WatchedJob, Watcher
from shared import job_reads
from shared.database import Sessions
from shared.errors import JobNotFound
from shared.job_notices import changed_jobs, find_all, listening

# Changes that come faster are read together.
_PAUSE_SECONDS = 0.1
# Without a notice for so long, all watched jobs are looked at: also deleted ones, and those that somebody changed by hand.
_QUIET_SECONDS = 10
_RECONNECT_SECONDS = 1
_log = structlog.get_logger(__name__)


class JobWatch:
    """Holds what is watched only as long as a `Watcher` does, so that nothing is left behind by those who vanish."""

    def __init__(self, conninfo: str, sessions: Sessions) -> None:
        self._conninfo = conninfo
        self._sessions = sessions
        self._watched: WeakValueDictionary[str, WatchedJob] = WeakValueDictionary()
        self._is_wanted = asyncio.Event()
        self._is_deaf = False
        self._is_stopping = False

    async def watch(self, job_id: str, user_id: str) -> Watcher:
        """The user's job as it is now and from now on. Raises `JobNotFound`."""
        if "\0" in job_id:  # registered, it would spoil the read of all
            raise JobNotFound
        # Before the read: of a change in between comes a notice.
        job = self._watched.setdefault(job_id, WatchedJob())
        read_at = monotonic()
        async with self._sessions.begin() as session:
            row = await job_reads.find(session, job_id, user_id)
        state = JobState(job_status(row), read_at)
        job.take(state)
        self._is_wanted.set()
        if self._is_stopping:
            job.close()
        return Watcher(job, job.latest or state)

    def stop(self) -> None:
        """Sends all watchers away: another process will tell them the rest."""
        self._is_stopping = True
        for job in list(self._watched.values()):
            job.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While it lasts, watchers are told."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        while True:
            await self._is_wanted.wait()
            try:
                await self._follow()
            except (psycopg.Error, SQLAlchemyError) as error:
                self._say_deaf(error)
                await asyncio.sleep(_RECONNECT_SECONDS)
            except Exception:
                _log.exception("watching jobs failed; it begins anew")
                await asyncio.sleep(_RECONNECT_SECONDS)

    async def _follow(self) -> None:
        async with listening(self._conninfo) as listener:
            changed = set(self._watched)  # whatever became of them before
            while self._watched:
                await self._read(changed)
                self._is_deaf = False
                await asyncio.sleep(_PAUSE_SECONDS)
                changed = await changed_jobs(listener, _QUIET_SECONDS) or set(self._watched)
            self._is_wanted.clear()

    async def _read(self, job_ids: Iterable[str]) -> None:
        jobs = {job_id: job for job_id in job_ids if (job := self._watched.get(job_id))}
        if not jobs:
            return
        read_at = monotonic()
        async with self._sessions.begin() as session:
            rows = await find_all(session, list(jobs))
        states = {row.id: JobState(job_status(row), read_at) for row in rows}
        for job_id, job in jobs.items():
            if job_id in states:
                job.take(states[job_id])
            else:
                job.close()

    def _say_deaf(self, error: Exception) -> None:
        if not self._is_deaf:
            _log.warning("who watches jobs hears nothing until the database is back", reason=type(error).__name__)
        self._is_deaf = True
