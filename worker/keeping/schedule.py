"""Sweeps now and then, beside the worker's jobs: one worker of all, and again soon where that one did not come to its end."""

import asyncio
import random

import structlog
from sqlalchemy import text

from shared.database import DATABASE_AWAY, Sessions
from shared.errors import LostRun, StorageFault
from shared.keeping_settings import KeepingSettings
from shared.storage import Storage
from worker.keeping.sweep import Sweep
from worker.keeping.tally import Tally

_LOOK_SECONDS = 300.0
# Whoever sees it first begins. It is no lock: two sweeps at once do no harm.
_BEGIN = text(
    """
    UPDATE tts.sweep SET began_at = now()
    WHERE began_at <= now() - make_interval(secs => :interval)
        OR (ended_at IS NULL OR ended_at < began_at) AND began_at <= now() - make_interval(secs => :again)
    RETURNING true
    """
)
_END = text("UPDATE tts.sweep SET ended_at = clock_timestamp()")
_log = structlog.get_logger(__name__)


class Schedule:
    """A sweep of its own in every `GC_INTERVAL_HOURS`, for all workers together."""

    def __init__(self, sessions: Sessions, storage: Storage, settings: KeepingSettings) -> None:
        self._sessions = sessions
        self._storage = storage
        self._settings = settings
        self._interval_seconds = settings.gc_interval_hours * 3_600
        self._look_seconds = min(_LOOK_SECONDS, self._interval_seconds / 2)

    async def run(self) -> None:
        """Never returns. Not at once: a worker that starts has better things to do, and several may start together."""
        while self._interval_seconds:
            await asyncio.sleep(random.uniform(0.5, 1) * self._look_seconds)  # noqa: S311
            try:
                if await self._begin():
                    await self._sweep()
            except DATABASE_AWAY:
                pass  # the next look comes soon
            except (StorageFault, LostRun) as error:
                _log.warning("a sweep could not come to its end; it is tried again", reason=error.reason)
            except Exception:
                _log.exception("a sweep failed; it is tried again")

    async def _begin(self) -> bool:
        again = min(self._interval_seconds, 3_600)
        async with self._sessions.begin() as session:
            return bool(await session.scalar(_BEGIN, {"interval": self._interval_seconds, "again": again}))

    async def _sweep(self) -> None:
        tally = Tally()
        await Sweep(self._sessions, self._storage, self._settings, tally).run()
        async with self._sessions.begin() as session:
            await session.execute(_END)
        total = tally.total()
        _log.info("swept", rows=total.rows, files=total.files, bytes=total.bytes, waiting=tally.waiting)
        if tally.held_back:
            _log.error(
                "nearly all audio belongs to no card of this database: none of it is removed; is DATABASE_URL the right one?"
                " If so, run `just gc --nearly-all`",
                files=tally.held_back,
            )
