"""Rows that nobody needs any more, some at a time: no statement holds many of them, or for long."""

import asyncio
from dataclasses import dataclass

from sqlalchemy import TextClause, text

from shared.database import Sessions
from shared.queue import QUEUE
from worker.keeping.tally import Tally

_AT_ONCE = 1_000
# Between two batches: what jobs want goes first.
PAUSE_SECONDS = 0.02


@dataclass(frozen=True)
class OldRows:
    """What of a table goes. `condition` may name the table."""

    what: str
    table: str
    condition: str

    @property
    def count(self) -> TextClause:
        return text(f"SELECT count(*) FROM {self.table} WHERE {self.condition}")  # noqa: S608

    @property
    def delete_some(self) -> TextClause:
        some = f"SELECT ctid FROM {self.table} WHERE {self.condition} LIMIT :most FOR UPDATE SKIP LOCKED"  # noqa: S608
        return text(f"DELETE FROM {self.table} WHERE ctid = ANY(ARRAY({some}))")  # noqa: S608


OLD_ROWS = (
    OldRows("idempotency keys", "tts.idempotency_key", "created_at <= now() - interval '24 hours'"),
    # Those that succeed are deleted at once; what they have left behind, such as aborts, is for whoever looks the day after.
    OldRows(
        "queue entries",
        "tts.procrastinate_jobs",
        f"""
        queue_name = '{QUEUE}' AND status IN ('succeeded', 'failed', 'cancelled', 'aborted') AND NOT EXISTS (
            SELECT FROM tts.procrastinate_events AS event
            WHERE event.job_id = procrastinate_jobs.id AND event.at > now() - interval '1 day'
        )
        """,
    ),
    OldRows(
        "records of gone cards",
        "tts.card_audio",
        """
        linked_at < now() - interval '1 day' AND NOT EXISTS (SELECT FROM public."Card" AS card WHERE card."id" = card_id)
        """,
    ),
)


async def sweep_rows(sessions: Sessions, tally: Tally, is_dry: bool) -> None:
    """Deletes, or only counts, all `OLD_ROWS`."""
    for old in OLD_ROWS:
        if is_dry:
            async with sessions.begin() as session:
                tally.add(old.what, rows=await session.scalar(old.count) or 0)
            continue
        deleted = _AT_ONCE
        while deleted == _AT_ONCE:
            async with sessions.begin() as session:
                deleted = (await session.execute(old.delete_some, {"most": _AT_ONCE})).rowcount  # type: ignore[attr-defined]
            tally.add(old.what, rows=deleted)
            await asyncio.sleep(PAUSE_SECONDS)
