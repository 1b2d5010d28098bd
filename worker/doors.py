"""How this worker stops: no new clips, then no jobs under way, then it lets them go. One way, once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from shared.errors import ShuttingDown


class Doors:
    """Open while the worker works. When they close, whatever sleeps or waits here is told so with `ShuttingDown`."""

    def __init__(self) -> None:
        self._closed = asyncio.Event()
        self._let_go = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._inside = 0

    def close(self) -> None:
        """From now on nothing new begins."""
        self._closed.set()

    def check(self) -> None:
        """Raises `ShuttingDown` when the doors are closed."""
        if self._closed.is_set():
            raise ShuttingDown

    async def sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            # Not `wait_for`: in Python 3.11 it loses a cancellation that comes while the doors close.
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        self.check()

    @asynccontextmanager
    async def inside(self) -> AsyncIterator[None]:
        """A job that is under way.

        One that stops early stays until all are let go: its queue job, given back while this worker still looks for work,
        would come straight back to it.
        """
        self._inside += 1
        self._empty.clear()
        try:
            self.check()
            yield
        except ShuttingDown:
            self._leave()
            await self._let_go.wait()
            raise
        except BaseException:
            self._leave()
            raise
        self._leave()

    async def wait_until_closed(self) -> None:
        await self._closed.wait()

    async def wait_until_empty(self) -> None:
        """Returns when no job is under way any more."""
        await self._empty.wait()

    def let_go(self) -> None:
        """Sends back to the queue what stopped early."""
        self._let_go.set()

    def _leave(self) -> None:
        self._inside -= 1
        if not self._inside:
            self._empty.set()
