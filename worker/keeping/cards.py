"""Cards' audio that no card has any more. Seen without a card it is noted first, and goes when it was so for some days."""

import asyncio
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.database import Sessions
from shared.job_lock import HOLD_SECONDS
from shared.storage import Storage
from shared.stored_files import StoredFile, stored_file
from worker.keeping.rows import PAUSE_SECONDS
from worker.keeping.tally import Tally

WHAT = "audio of gone cards"
_AT_ONCE = 250
# So much of a storage that is no longer small belongs to no card only where the database is another one.
_NEARLY_ALL, _SMALL = 0.9, 100
# Without its card, or with one that lost this side's audio: the text changed, and what is left here says the old one.
_CARDLESS = text(
    """
    SELECT file.name
    FROM unnest(CAST(:names AS text[]), CAST(:card_ids AS text[]), CAST(:sides AS text[])) AS file (name, card_id, side)
    LEFT JOIN public."Card" AS card ON card."id" = file.card_id
    LEFT JOIN tts.card_audio AS audio ON audio.card_id = file.card_id AND audio.side = file.side
    WHERE card."id" IS NULL OR (
        audio.text_hash IS NOT NULL AND audio.bytes IS NULL
        AND coalesce(CASE file.side WHEN 'en' THEN card."audioUrlEn" ELSE card."audioUrlFr" END, '') = ''
    )
    """
)
# An app that copies a deck may copy the URLs: then a card has the file of another.
_LENT = """
    SELECT DISTINCT name FROM public."Card" AS card CROSS JOIN LATERAL (
        VALUES ("id" || '_en.mp3', "audioUrlEn"), ("id" || '_fr.mp3', "audioUrlFr")
    ) AS side (own_name, url) CROSS JOIN LATERAL (
        -- Nearly all: seen at once, and much faster than by the expression.
        SELECT CASE WHEN right(url, length(own_name) + 1) <> '/' || own_name THEN substring(url FROM '([^/?#]+)([?#].*)?$') END
    ) AS other (name)
    WHERE name <> own_name
"""
_ALL_LENT = text(_LENT)
_LENT_OF = text(f"{_LENT} AND name = ANY(:names)")
_NOTE = text(
    """
    INSERT INTO tts.unnamed_audio (name, bytes) SELECT * FROM unnest(CAST(:names AS text[]), CAST(:sizes AS bigint[]))
    ON CONFLICT DO NOTHING
    """
)
_TAKE_BACK = text(
    """
    DELETE FROM tts.unnamed_audio WHERE name IN (
        SELECT name FROM tts.unnamed_audio WHERE name = ANY(:names) ORDER BY name FOR UPDATE SKIP LOCKED
    )
    """
)
_IS_DUE = "since <= now() - make_interval(days => :days)"
_DUE = text(f"SELECT name, bytes FROM tts.unnamed_audio WHERE {_IS_DUE}")  # noqa: S608
_LOCK_DUE = text(
    f"SELECT name, bytes FROM tts.unnamed_audio WHERE {_IS_DUE} ORDER BY name LIMIT :most FOR UPDATE SKIP LOCKED"  # noqa: S608
)
_log = structlog.get_logger(__name__)


class GoneCards:
    """`kept_days` after a file was first seen without a card it goes; 0 keeps all for ever.

    A file is deleted while its row in `tts.unnamed_audio` is locked, after another look for its card. A job takes that row away
    before it looks for the file, and a new row is good for days.
    """

    def __init__(self, sessions: Sessions, storage: Storage, tally: Tally, kept_days: int) -> None:
        self._sessions = sessions
        self._storage = storage
        self._tally = tally
        self._kept_days = kept_days
        self._lent: frozenset[str] = frozenset()
        self._seen = 0
        self._unnamed: set[str] = set()

    async def begin(self) -> None:
        """To be called before the first file."""
        async with self._sessions.begin() as session:
            self._lent = frozenset(await session.scalars(_ALL_LENT))

    async def look(self, files: Sequence[StoredFile], is_dry: bool) -> None:
        """Notes those of these files that no card has."""
        if not self._kept_days or not files:
            return
        self._seen += len(files)
        sizes = {file.path: file.bytes for file in files}
        async with self._sessions.begin() as session:
            unnamed = await _cardless(session, files) - self._lent
            if not is_dry:
                await session.execute(_NOTE, {"names": [*unnamed], "sizes": [sizes[name] for name in unnamed]})
                await session.execute(_TAKE_BACK, {"names": [*(sizes.keys() - unnamed)]})
        self._unnamed |= unnamed

    async def sweep(self, is_dry: bool, is_sure: bool) -> None:
        """Deletes, or only counts, what is due. To be called when all files are through.

        `is_sure` lets go what looks like the audio of another database, too.
        """
        if not self._kept_days:
            return
        async with self._sessions.begin() as session:
            rows = (await session.execute(_DUE, {"days": self._kept_days})).all()
        due: dict[str, int] = {row.name: row.bytes for row in rows if row.name in self._unnamed}
        self._tally.waiting = len(self._unnamed) - len(due)
        if not is_sure and len(self._unnamed) > max(_SMALL, _NEARLY_ALL * self._seen):
            self._tally.held_back = len(due)
        elif is_dry:
            self._tally.add(WHAT, files=len(due), size=sum(due.values()))
        else:
            while await self._remove_some():
                pass

    async def _remove_some(self) -> int:
        """Returns how many files it looked at."""
        async with self._sessions.begin() as session:
            until = time.monotonic() + HOLD_SECONDS
            rows = (await session.execute(_LOCK_DUE, {"days": self._kept_days, "most": _AT_ONCE})).all()
            due: dict[str, int] = {row.name: row.bytes for row in rows}
            unnamed = await self._still_unnamed(session, due)
            await self._storage.remove(sorted(unnamed), until)
            await session.execute(_TAKE_BACK, {"names": [*due]})
        self._tally.add(WHAT, files=len(unnamed), size=sum(due[name] for name in unnamed))
        await asyncio.sleep(PAUSE_SECONDS)
        return len(due)

    async def _still_unnamed(self, session: AsyncSession, due: dict[str, int]) -> set[str]:
        now = datetime.now(UTC)
        files = [file for name, size in due.items() if (file := stored_file(name, size, now))]
        return await _cardless(session, files) - set(await session.scalars(_LENT_OF, {"names": [*due]}))


async def _cardless(session: AsyncSession, files: Collection[StoredFile]) -> set[str]:
    columns = {
        "names": [file.path for file in files],
        "card_ids": [file.parts["card_id"] for file in files],
        "sides": [file.parts["side"] for file in files],
    }
    return set(await session.scalars(_CARDLESS, columns))
