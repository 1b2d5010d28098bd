"""One pace for all workers: a row per upstream, which every request moves on by the database's clock."""

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

# One statement, so that no two requests get the same slot. A slot that nobody took in time is not made up for.
_TAKE_SLOT = text(
    """
    INSERT INTO tts.pace AS pace (upstream, next_slot)
    VALUES (:upstream, clock_timestamp() + make_interval(secs => :interval))
    ON CONFLICT (upstream) DO UPDATE
    SET next_slot = greatest(pace.next_slot, pace.held_until, clock_timestamp()) + make_interval(secs => :interval)
    RETURNING extract(epoch FROM next_slot - clock_timestamp()) - :interval AS wait_seconds
    """
)
_HELD = text("SELECT held_until > clock_timestamp() FROM tts.pace WHERE upstream = :upstream")
_HOLD = text(
    """
    INSERT INTO tts.pace AS pace (upstream, next_slot, held_until)
    VALUES (:upstream, clock_timestamp(), clock_timestamp() + make_interval(secs => :seconds))
    ON CONFLICT (upstream) DO UPDATE SET held_until = greatest(pace.held_until, excluded.held_until)
    """
)


class Pacer:
    """The pace of one upstream: at most one request in `interval_ms`, over all workers; 0 is no pace."""

    def __init__(
        self,
        engine: AsyncEngine,
        upstream: str,
        interval_ms: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._upstream = upstream
        self._interval_seconds = interval_ms / 1000
        self._sleep = sleep

    async def wait_for_slot(self) -> None:
        """Returns when one request may start."""
        while True:
            wait_seconds = await self._take_slot()
            if wait_seconds <= 0:
                return
            await self._sleep(wait_seconds)
            if not await self._is_held():
                return

    async def hold(self, seconds: float) -> None:
        """Lets no request start for so long, in any worker, those that already wait for their slot included."""
        async with self._engine.connect() as connection:
            await connection.execute(_HOLD, {"upstream": self._upstream, "seconds": seconds})

    async def _take_slot(self) -> float:
        async with self._engine.connect() as connection:
            wait = await connection.scalar(_TAKE_SLOT, {"upstream": self._upstream, "interval": self._interval_seconds})
            return float(wait or 0)

    async def _is_held(self) -> bool:
        async with self._engine.connect() as connection:
            return bool(await connection.scalar(_HELD, {"upstream": self._upstream}))
