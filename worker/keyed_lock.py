"""One lock per name, kept only while somebody wants it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class KeyedLock:
    """Locks by name, for one event loop."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._wanted: Counter[str] = Counter()

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[bool]:
        """Holds the name; yields whether somebody else held it before."""
        lock = self._locks.setdefault(name, asyncio.Lock())
        # Not `lock.locked()`: a lock is free for a moment while it goes from one holder to the next.
        had_to_wait = self._wanted[name] > 0
        self._wanted[name] += 1
        try:
            async with lock:
                yield had_to_wait
        finally:
            self._wanted[name] -= 1
            if not self._wanted[name]:
                del self._locks[name], self._wanted[name]
