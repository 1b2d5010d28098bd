"""One pace for all workers: a row per upstream, which every request moves on by the database's clock.

An upstream that counts a second's requests counts them as they arrive, one a little early, the other a little late. So slots
are a hair further apart than asked for, and whoever starts late beyond what that hair forgives moves all later slots on.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.database import DATABASE_AWAY

# Together they leave an upstream's count over a second 11 ms for what we cannot see: the way to the upstream.
SLACK = 0.016
_FORGIVEN_SECONDS = 0.005
_MOST_EARLY_SECONDS = 0.002
# A slot further ahead than so many is of another time: the clock was set back since.
_MOST_SLOTS_AHEAD = 100
# A pause that another worker was told of is seen no later than this.
_LOOK_SECONDS = 0.05
_LOOK_AHEAD_SECONDS = 0.01

# A slot that a crash of Postgres forgets is over by the time that it is back: nobody needs to wait for its disk.
_NOT_FLUSHED = "set_config('synchronous_commit', 'off', true)"
# One statement, so that no two requests get the same slot. A slot that nobody took in time is not made up for; one that is
# taken a moment late, by a worker that was busy, keeps its time.
_TAKE_SLOT = text(
    f"""
    INSERT INTO tts.pace AS pace (upstream, next_slot)
    VALUES (:upstream, clock_timestamp() + make_interval(secs => :step))
    ON CONFLICT (upstream) DO UPDATE
    SET next_slot = make_interval(secs => :step) + greatest(
        pace.held_until,
        CASE
            WHEN pace.next_slot < clock_timestamp() - make_interval(secs => :forgiven) THEN clock_timestamp()
            WHEN pace.next_slot > greatest(pace.held_until, clock_timestamp()) + make_interval(secs => :most_ahead) THEN clock_timestamp()
            ELSE pace.next_slot
        END
    )
    RETURNING extract(epoch FROM next_slot - clock_timestamp()) - :step AS wait_seconds, {_NOT_FLUSHED}
    """  # noqa: S608
)
# By one slot at most, and to no time before the next one: who was frozen for a minute is one request among the others' now.
_MOVE_ON = text(
    f"""
    UPDATE tts.pace
    SET next_slot = greatest(
        next_slot + make_interval(secs => least(:seconds, :step)), clock_timestamp() + make_interval(secs => :step)
    )
    WHERE upstream = :upstream
    RETURNING 0, {_NOT_FLUSHED}
    """  # noqa: S608
)
_HELD = text("SELECT extract(epoch FROM held_until - clock_timestamp()) FROM tts.pace WHERE upstream = :upstream")
_HOLD = text(
    """
    INSERT INTO tts.pace AS pace (upstream, next_slot, held_until)
    VALUES (:upstream, clock_timestamp(), clock_timestamp() + make_interval(secs => :seconds))
    ON CONFLICT (upstream) DO UPDATE SET held_until = greatest(pace.held_until, excluded.held_until)
    """
)


class Pacer:
    """The pace of one upstream: at most one request in `interval_ms`, over all workers; 0 is no pace, only pauses."""

    # Kept, not taken from the pool each time: a slot costs one round trip, which is all that delays a request.
    _connection: AsyncConnection | None = None

    def __init__(
        self,
        engine: AsyncEngine,
        upstream: str,
        interval_ms: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._upstream = upstream
        self._step_seconds = interval_ms / 1000 * (1 + SLACK)
        self._terms = {
            "step": self._step_seconds,
            "forgiven": _FORGIVEN_SECONDS,
            "most_ahead": self._step_seconds * _MOST_SLOTS_AHEAD,
        }
        self._sleep = sleep
        self._in_turn = asyncio.Lock()
        self._looked_at = -_LOOK_SECONDS

    async def wait_for_slot(self) -> None:
        """Returns when one request may start."""
        if self._step_seconds:
            await self._wait_for_slot()
        else:
            await self._wait_while_held()

    async def hold(self, seconds: float) -> None:
        """Lets no request start for so long, in any worker, those that already wait for their slot included."""
        async with self._engine.connect() as connection:
            await connection.execute(_HOLD, {"upstream": self._upstream, "seconds": seconds})
        self._looked_at = -_LOOK_SECONDS

    async def close(self) -> None:
        """Closes the connection; the next slot opens another."""
        connection, self._connection = self._connection, None
        if connection:
            await connection.invalidate()  # it may be in the middle of a statement
            await connection.close()

    async def _wait_for_slot(self) -> None:
        while True:
            asked_at = time.monotonic()
            wait_seconds = await self._execute(_TAKE_SLOT, **self._terms)
            if wait_seconds <= 0:
                return
            answered_at = time.monotonic()
            # Nobody knows when in between the database said so: where that took long, rather late than early.
            slot_at = answered_at - min((answered_at - asked_at) / 2, _MOST_EARLY_SECONDS) + wait_seconds
            # Looked before the slot: a question after it would make every request late, each by its own time.
            if wait_seconds > _LOOK_SECONDS:
                await self._sleep(wait_seconds - _LOOK_AHEAD_SECONDS)
                if await self._execute(_HELD) > 0:
                    continue
            await self._sleep(slot_at - time.monotonic())
            return await self._move_on(time.monotonic() - slot_at)

    async def _move_on(self, late_seconds: float) -> None:
        if late_seconds > _FORGIVEN_SECONDS:
            await self._execute(_MOVE_ON, seconds=late_seconds - _FORGIVEN_SECONDS, step=self._step_seconds)

    async def _wait_while_held(self) -> None:
        if time.monotonic() - self._looked_at < _LOOK_SECONDS:
            return
        while (held_seconds := await self._execute(_HELD)) > 0:
            await self._sleep(held_seconds)
        self._looked_at = time.monotonic()

    async def _execute(self, statement: TextClause, **parameters: float) -> float:
        """The number that a statement returns, or 0."""
        values = {"upstream": self._upstream, **parameters}
        async with self._in_turn:
            if self._connection:
                with suppress(*DATABASE_AWAY):  # Postgres may have been restarted since, and be back
                    return await self._execute_on(self._connection, statement, values)
            self._connection = await self._engine.connect()
            return await self._execute_on(self._connection, statement, values)

    async def _execute_on(self, connection: AsyncConnection, statement: TextClause, values: dict[str, object]) -> float:
        try:
            result = await connection.execute(statement, values)
            return float(result.scalar() or 0) if result.returns_rows else 0.0
        except BaseException:
            await self.close()
            raise
