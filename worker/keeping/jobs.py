"""Jobs that ended long ago: "TtsJob" rows, with the service's own record and a row for each clip. Others' jobs stay.

A row of "TtsJob" without a record was written by somebody else, such as Memolist's Node version, and is theirs to delete.
"""

import asyncio
from collections.abc import Sequence

import structlog
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from shared.database import Sessions
from shared.queue import RUN_JOB
from worker.keeping.rows import PAUSE_SECONDS
from worker.keeping.tally import Tally

# Of 400 clips each, at most.
_AT_ONCE = 25
_ENDED = """
    FROM tts.job WHERE ended_at < now() - make_interval(days => :days) AND id <> ALL(CAST(:stuck AS text[])) AND EXISTS (
        SELECT FROM public."TtsJob" AS row WHERE row."id" = job.id AND row."status" NOT IN ('pending', 'processing')
    )
"""
# Their deck went, and took "TtsJob" with it. One that is under way yet ends by itself.
_GONE = f"""
    FROM tts.job
    WHERE created_at < now() - interval '1 day' AND id <> ALL(CAST(:stuck AS text[]))
        AND NOT EXISTS (SELECT FROM public."TtsJob" AS row WHERE row."id" = job.id)
        AND NOT EXISTS (
            SELECT FROM tts.procrastinate_jobs AS entry
            WHERE entry.status IN ('todo', 'doing') AND entry.task_name = '{RUN_JOB}' AND entry.args ->> 'job_id' = job.id
        )
"""  # noqa: S608
# The record first, as everywhere. Who tries a job again at this moment has it locked: then it is left alone.
_LOCK_SOME = "SELECT id {} ORDER BY ended_at LIMIT :most FOR UPDATE SKIP LOCKED"
_COUNT_ROWS = """
    WITH old AS MATERIALIZED (SELECT id {})
    SELECT (SELECT count(*) FROM old) + (SELECT count(*) FROM public."TtsJob" WHERE "id" IN (SELECT id FROM old))
        + (SELECT count(*) FROM tts.job_clip WHERE job_id IN (SELECT id FROM old))
"""
_DELETE = (
    text("DELETE FROM tts.job_clip WHERE job_id = ANY(:ids)"),
    text('DELETE FROM public."TtsJob" WHERE "id" = ANY(:ids)'),
    text("DELETE FROM tts.job WHERE id = ANY(:ids)"),
)
_log = structlog.get_logger(__name__)


class OldJobs:
    """`kept_days` after their end they go; 0 keeps them for ever."""

    def __init__(self, sessions: Sessions, tally: Tally, kept_days: int) -> None:
        self._sessions = sessions
        self._tally = tally
        self._kept_days = kept_days
        self._stuck: list[str] = []

    async def sweep(self, is_dry: bool) -> None:
        """Deletes, or only counts."""
        for what, which in (("ended jobs", _ENDED), ("records of gone jobs", _GONE)):
            if which is _ENDED and not self._kept_days:
                continue
            if is_dry:
                await self._count(what, which)
                continue
            while await self._delete_some(what, which):
                pass

    @property
    def _parameters(self) -> dict[str, object]:
        return {"days": self._kept_days, "stuck": self._stuck}

    async def _count(self, what: str, which: str) -> None:
        async with self._sessions.begin() as session:
            rows = await session.scalar(text(_COUNT_ROWS.format(which)), self._parameters)
        self._tally.add(what, rows=rows or 0)

    async def _delete_some(self, what: str, which: str) -> int:
        """Returns how many jobs it looked at."""
        lock_some = text(_LOCK_SOME.format(which))
        async with self._sessions.begin() as session:
            ids = (await session.scalars(lock_some, self._parameters | {"most": _AT_ONCE})).all()
            try:
                async with session.begin_nested():
                    rows = await _delete(session, ids)
            except IntegrityError:
                rows = await self._delete_each(session, ids)
        self._tally.add(what, rows=rows)
        await asyncio.sleep(PAUSE_SECONDS)
        return len(ids)

    async def _delete_each(self, session: AsyncSession, ids: Sequence[str]) -> int:
        """Memolist may have a table of its own that refers to "TtsJob": such jobs stay, and the others go."""
        rows = 0
        for job_id in ids:
            try:
                async with session.begin_nested():
                    rows += await _delete(session, [job_id])
            except IntegrityError:
                self._stuck.append(job_id)
                _log.warning("an old job stays: another table refers to it", job_id=job_id)
        return rows


async def _delete(session: AsyncSession, ids: Sequence[str]) -> int:
    return sum([(await session.execute(statement, {"ids": list(ids)})).rowcount for statement in _DELETE])  # type: ignore[attr-defined]
