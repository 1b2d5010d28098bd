"""Connections kept between clips, at most so many, each for clips of one voice. Knows nothing of what is said on them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from shared.clips import Voice
from worker.engines.realtime_connection import RealtimeConnection
from worker.engines.realtime_prompt import session_key

Open = Callable[[Voice], Awaitable[RealtimeConnection]]


@dataclass(eq=False)
class _Idle:
    key: tuple[str, str]
    connection: RealtimeConnection
    retiring: asyncio.TimerHandle | None = None


class ConnectionPool:
    """Whoever has a place can always open a connection: for it an idle one of another voice goes."""

    def __init__(self, open_connection: Open, max_connections: int, idle_seconds: float) -> None:
        self._open = open_connection
        self._max_connections = max_connections
        self._idle_seconds = idle_seconds
        self._places = asyncio.Semaphore(max_connections)
        self._busy = 0
        self._idle: list[_Idle] = []  # the longest idle first
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def connection(self, voice: Voice, *, fresh: bool = False) -> AsyncIterator[RealtimeConnection]:
        """A connection for one clip, `fresh` or kept. It is kept when the clip left it usable, and closed when not."""
        async with self._places:
            self._busy += 1
            try:
                connection = None if fresh else self._take(session_key(voice))
                connection = connection or await self._open_another(voice)
                try:
                    yield connection
                finally:
                    await self._give_back(session_key(voice), connection)
            finally:
                self._busy -= 1

    async def close(self) -> None:
        """Closes what is kept. Nothing may be under way."""
        while self._idle:
            self._retire(self._idle[0])
        await asyncio.gather(*self._closing)

    def _take(self, key: tuple[str, str]) -> RealtimeConnection | None:
        """The one that was used last: those that are not needed grow old and go."""
        for idle in reversed(self._idle.copy()):
            if not idle.connection.is_usable:
                self._retire(idle)
            elif idle.key == key:
                self._leave(idle)
                return idle.connection
        return None

    async def _open_another(self, voice: Voice) -> RealtimeConnection:
        while self._busy + len(self._idle) > self._max_connections:
            oldest = self._idle[0]
            self._leave(oldest)
            await asyncio.shield(oldest.connection.close())
        return await self._open(voice)

    async def _give_back(self, key: tuple[str, str], connection: RealtimeConnection) -> None:
        if not connection.is_usable:
            # Also where the clip was cancelled: closing is what ends a response that nobody waits for.
            await asyncio.shield(connection.close())
            return
        idle = _Idle(key, connection)
        idle.retiring = asyncio.get_running_loop().call_later(self._idle_seconds, self._retire, idle)
        self._idle.append(idle)

    def _leave(self, idle: _Idle) -> None:
        if idle.retiring:
            idle.retiring.cancel()
        self._idle.remove(idle)

    def _retire(self, idle: _Idle) -> None:
        self._leave(idle)
        closing = asyncio.ensure_future(idle.connection.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
