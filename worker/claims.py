"""Who makes a clip, among all workers: whoever holds the claim on it, an advisory lock of Postgres.

A claim may delay a clip and never fails it: where Postgres cannot be asked, clips are made without. Claims vanish with their
worker's connection, and Postgres ends that when a worker that holds some is silent for a while: it is frozen, or cut off.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg
import structlog

_SILENT_SECONDS = 10
_SPEAK_SECONDS = _SILENT_SECONDS / 4
_LOOK_AGAIN_SECONDS = 0.5
# So long what is given back waits for questions to go along with.
_ROUND_SECONDS = 0.05
_AWAY_SECONDS = 1.0
# Postgres has room for some thousand locks, of all its databases' clients together: beyond this, clips are made without.
_MOST = 500
_LOCK = "hashtextextended('memolist tts clip ' || key, 0)"
_ROUND = f"""
    SELECT set_config('idle_session_timeout', %(silent)s, false),
        ARRAY(SELECT key FROM unnest(%(given_back)s::text[]) AS key WHERE pg_advisory_unlock({_LOCK})),
        ARRAY(SELECT key FROM unnest(%(asked)s::text[]) AS key WHERE pg_try_advisory_lock({_LOCK}))
"""  # noqa: S608
Ask = Callable[[], Awaitable[bool]]
_log = structlog.get_logger(__name__)


class Claims:
    """The claims of one worker, on a connection of their own. All who want one in the same moment ask in one statement."""

    _connection: psycopg.AsyncConnection[Any] | None = None
    _rounds: asyncio.Task[None] | None = None

    def __init__(self, conninfo: str, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """`conninfo` must lead to a session of one's own: to no pooler in transaction mode."""
        self._conninfo = conninfo
        self._sleep = sleep
        self._asked: dict[str, asyncio.Future[bool]] = {}
        self._held: set[str] = set()
        self._given_back: set[str] = set()
        self._somebody_asks = asyncio.Event()
        self._must_speak = False
        self._spoke_at = 0.0
        self._away_until = 0.0

    @asynccontextmanager
    async def claim(self, key: str) -> AsyncIterator[Ask]:
        """A way to ask whether nobody else makes the clip, as far as that can be told; who was told no asks again after a moment.

        What was got is kept until the block ends. Within a worker only one may claim a key at a time.
        """
        was_refused = False

        async def ask() -> bool:
            nonlocal was_refused
            if was_refused:
                await self._sleep(_LOOK_AGAIN_SECONDS)
            was_refused = not await self._ask(key)
            return not was_refused

        try:
            yield ask
        finally:
            self._asked.pop(key, None)
            self._give_back(key)

    async def close(self) -> None:
        """Gives all claims back."""
        if self._rounds:
            self._rounds.cancel()
            await asyncio.wait([self._rounds])
        await self._disconnect()

    async def _ask(self, key: str) -> bool:
        if time.monotonic() < self._away_until:
            return True
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._asked[key] = answer
        self._somebody_asks.set()
        if self._rounds is None or self._rounds.done():
            self._rounds = asyncio.create_task(self._run())
        return await answer

    def _give_back(self, key: str) -> None:
        if key in self._held:
            self._held.discard(key)
            if self._connection:
                self._given_back.add(key)

    async def _run(self) -> None:
        while self._asked or self._given_back or self._held or self._must_speak:
            if self._asked or self._given_back or time.monotonic() - self._spoke_at > _SPEAK_SECONDS:
                await self._round()
            with suppress(TimeoutError):
                async with asyncio.timeout(_ROUND_SECONDS):
                    await self._somebody_asks.wait()
            self._somebody_asks.clear()

    async def _round(self) -> None:
        asked, self._asked = self._asked, {}
        room = max(0, _MOST - len(self._held))
        refused: set[str] = set()
        try:
            refused = await self._refused([*asked][:room])
        except (psycopg.Error, OSError) as error:
            _log.warning("clips are made without claims: the database is away", reason=type(error).__name__)
            self._away_until = time.monotonic() + _AWAY_SECONDS
        finally:
            for key, answer in asked.items():
                if not answer.done():
                    answer.set_result(key not in refused)
                else:  # who asked is gone
                    self._give_back(key)

    async def _refused(self, asked: Collection[str]) -> set[str]:
        """Those that others hold."""
        self._spoke_at = time.monotonic()
        if self._connection:
            with suppress(psycopg.OperationalError):  # Postgres may have been restarted since, and be back
                return await self._speak(self._connection, asked)
        self._connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        return await self._speak(self._connection, [*self._held, *asked])

    async def _speak(self, connection: psycopg.AsyncConnection[Any], asked: Collection[str]) -> set[str]:
        given_back, self._given_back = self._given_back, set()
        self._must_speak = bool(asked or self._held)
        silent = f"{_SILENT_SECONDS if self._must_speak else 0}s"
        values = {"silent": silent, "given_back": [*given_back], "asked": [*asked]}
        try:
            found = await (await connection.execute(_ROUND, values)).fetchone()
        except BaseException:
            await self._disconnect()
            raise
        got = set(found[2]) if found else set()
        self._held -= set(asked) - got
        self._held |= got - self._given_back
        return set(asked) - got

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        self._given_back.clear()
        self._must_speak = False
        if connection:
            await connection.close()
