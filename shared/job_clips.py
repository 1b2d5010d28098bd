"""What became of each clip of a job: statements over `tts.job_clip`. Nothing here commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import delete, or_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shared.clips import Side
from shared.models import JobClip
from shared.rows import Columns, rows_of

Outcome = Literal["done", "skipped", "failed"]


@dataclass(frozen=True)
class ClipOutcome:
    """A side of the phrase at `position`: with a URL when done, with an error when failed. `made` for this job, not found."""

    position: int
    side: Side
    status: Outcome
    made: bool = False
    clip_key: str | None = None
    url: str | None = None
    error: str | None = None


async def record_outcomes(session: AsyncSession, job_id: str, outcomes: Sequence[ClipOutcome]) -> None:
    """Writes what became of some clips. What an earlier run of the job made, and a later one finds, stays made."""
    if not outcomes:
        return
    rows: Columns = {
        JobClip.job_id: [job_id] * len(outcomes),
        JobClip.position: [outcome.position for outcome in outcomes],
        JobClip.side: [outcome.side for outcome in outcomes],
        JobClip.status: [outcome.status for outcome in outcomes],
        JobClip.made: [outcome.made for outcome in outcomes],
        JobClip.clip_key: [outcome.clip_key for outcome in outcomes],
        JobClip.url: [outcome.url for outcome in outcomes],
        JobClip.error: [outcome.error for outcome in outcomes],
    }
    statement = insert(JobClip).from_select([*rows], rows_of(rows))
    new = statement.excluded
    anew = {name: new[name] for name in ("status", "clip_key", "url", "error")}
    # Neither key need be there.
    was_made = or_(new.made, JobClip.made & JobClip.clip_key.is_not_distinct_from(new.clip_key))
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[JobClip.job_id, JobClip.position, JobClip.side], set_=anew | {"made": was_made}
        )
    )


async def forget_failures(session: AsyncSession, job_id: str) -> None:
    """What failed is to come again."""
    await session.execute(delete(JobClip).where(JobClip.job_id == job_id, JobClip.status == "failed"))
