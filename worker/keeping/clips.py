"""Clips of the cache that no job has wanted for a long time, with what the tables know of them."""

import asyncio
import time
from collections.abc import Mapping, Sequence

from sqlalchemy import TextClause, text

from shared.database import Sessions
from shared.job_lock import HOLD_SECONDS
from shared.storage import Storage
from shared.stored_files import StoredFile, clip_path
from worker.keeping.rows import PAUSE_SECONDS
from worker.keeping.tally import Tally

_AT_ONCE = 100
WHAT = "unused clips"
_IS_DUE = "used_at < now() - make_interval(days => :days)"
# A clip that is on no record, since its worker died or the database is younger: its age is that of its file.
_ADOPT = text(
    """
    INSERT INTO tts.clip_use (key, used_at)
    SELECT * FROM unnest(CAST(:keys AS text[]), CAST(:times AS timestamptz[])) ON CONFLICT DO NOTHING
    """
)
# Of a worker of an earlier version, which still runs during a deploy.
_ADOPT_RECORDS = text(
    """
    INSERT INTO tts.clip_use (key, used_at)
    SELECT key, made_at FROM tts.clip WHERE NOT EXISTS (SELECT FROM tts.clip_use AS known WHERE known.key = clip.key)
    ON CONFLICT DO NOTHING
    """
)
_DUE_OF = text(
    """
    SELECT file.key FROM unnest(CAST(:keys AS text[]), CAST(:times AS timestamptz[])) AS file (key, changed_at)
    LEFT JOIN tts.clip_use AS known ON known.key = file.key
    WHERE coalesce(known.used_at, file.changed_at) < now() - make_interval(days => :days) ORDER BY file.key
    """
)
_COUNT_RECORDS = text(
    """
    SELECT count(*) FROM tts.clip LEFT JOIN tts.clip_use AS known ON known.key = clip.key
    WHERE coalesce(known.used_at, clip.made_at) < now() - make_interval(days => :days)
    """
)
_LOCK = text(f"SELECT key FROM tts.clip_use WHERE key = ANY(:keys) AND {_IS_DUE} FOR UPDATE SKIP LOCKED")  # noqa: S608
_LOCK_SOME = text(f"SELECT key FROM tts.clip_use WHERE {_IS_DUE} LIMIT :most FOR UPDATE SKIP LOCKED")  # noqa: S608
_FORGET_USE = text("DELETE FROM tts.clip_use WHERE key = ANY(:keys)")
_FORGET_RECORD = text("DELETE FROM tts.clip WHERE key = ANY(:keys)")


class UnusedClips:
    """`kept_days` after a job last wanted them they go; 0 keeps them for ever.

    A clip is deleted while its row in `tts.clip_use` is locked, and its file first: a job that wants it writes that row before it
    looks, and so finds it for good or finds it gone. Killed in between, the next sweep does the rest.
    """

    def __init__(self, sessions: Sessions, storage: Storage, tally: Tally, kept_days: int) -> None:
        self._sessions = sessions
        self._storage = storage
        self._tally = tally
        self._kept_days = kept_days

    async def sweep(self, files: Sequence[StoredFile], is_dry: bool) -> None:
        """Deletes, or only counts, those of these files."""
        if not self._kept_days or not files:
            return
        sizes = {file.parts["key"]: file.bytes for file in files}
        parameters = {"keys": [*sizes], "times": [file.changed_at for file in files], "days": self._kept_days}
        async with self._sessions.begin() as session:
            if not is_dry:
                await session.execute(_ADOPT, parameters)
            due = (await session.scalars(_DUE_OF, parameters)).all()
        if is_dry:
            return self._tally.add(WHAT, files=len(due), size=sum(sizes[key] for key in due))
        for start in range(0, len(due), _AT_ONCE):
            await self._forget(_LOCK, {"keys": due[start : start + _AT_ONCE]}, sizes)

    async def sweep_rows(self, is_dry: bool) -> None:
        """The same for what is in the tables alone. To be called when all files are through."""
        if not self._kept_days:
            return
        if is_dry:
            async with self._sessions.begin() as session:
                records = await session.scalar(_COUNT_RECORDS, {"days": self._kept_days}) or 0
            return self._tally.add(WHAT, rows=records)
        async with self._sessions.begin() as session:
            await session.execute(_ADOPT_RECORDS)
        while await self._forget(_LOCK_SOME, {"most": _AT_ONCE}, {}):
            pass

    async def _forget(self, lock: TextClause, which: Mapping[str, object], sizes: Mapping[str, int]) -> int:
        """Returns how many clips it took away."""
        async with self._sessions.begin() as session:
            until = time.monotonic() + HOLD_SECONDS
            keys = (await session.scalars(lock, {**which, "days": self._kept_days})).all()
            await self._storage.remove([clip_path(key) for key in keys], until)
            await session.execute(_FORGET_USE, {"keys": keys})
            records = (await session.execute(_FORGET_RECORD, {"keys": keys})).rowcount  # type: ignore[attr-defined]
        gone = [sizes[key] for key in keys if key in sizes]
        self._tally.add(WHAT, records, len(gone), sum(gone))
        await asyncio.sleep(PAUSE_SECONDS)
        return len(keys)
