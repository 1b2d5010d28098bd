"""What passes from the one who reads a job to the many who watch it: its newest state, and that there is one."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

from api.job_state import JobState


class WatchedJob:
    """The newest state of a job, for all who watch it. Nothing queues up: who is slow misses what was in between."""

    def __init__(self) -> None:
        self.latest: JobState | None = None
        self.is_closed = False
        self.news = asyncio.Event()

    def take(self, state: JobState) -> None:
        """Wakes all who wait, if the state is newer and other than what they know."""
        if self.latest and state.read_at < self.latest.read_at:
            return
        if self.latest and state.job == self.latest.job:
            self.latest.read_at = state.read_at
            return
        self.latest = state
        self._wake()

    def close(self) -> None:
        """Nothing more will come from here: who still wants to know asks anew."""
        self.is_closed = True
        self._wake()

    def _wake(self) -> None:
        self.news.set()
        self.news = asyncio.Event()


class Watcher:
    """Watches a job until its `with` ends, or until it is forgotten."""

    def __init__(self, job: WatchedJob, known: JobState) -> None:
        self.known = known
        self._job = job

    async def news(self, patience_seconds: float) -> JobState | None:
        """The newest state once it is other than the known one, and then known; None when patience ended first."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_seconds):
                while self._job.latest in (self.known, None) and not self._job.is_closed:
                    await self._job.news.wait()
        if self._job.latest in (self.known, None):
            return None
        self.known = self._job.latest
        return self.known

    @property
    def is_closed(self) -> bool:
        """Nothing more will come."""
        return self._job.is_closed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        # The traceback of a stream that was cut off would keep the job for long.
        del self._job
