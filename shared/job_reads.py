"""What users see of their jobs. Another user's job does not exist."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from shared.errors import JobNotFound
from shared.models import ClipRecord, JobClip, JobRecord, TtsJob


@dataclass(frozen=True)
class JobInFull:
    """A job, what it spent, and what became of its clips: those that are still to come are not among them."""

    job: TtsJob
    record: JobRecord
    clips: Sequence[tuple[JobClip, ClipRecord | None]]


async def find(session: AsyncSession, job_id: str, user_id: str) -> TtsJob:
    """The user's job, without its phrases. Raises `JobNotFound`."""
    job = await session.get(TtsJob, _storable(job_id), options=[defer(TtsJob.phrases)])
    if job is None or job.user_id != user_id:
        raise JobNotFound
    return job


async def find_in_full(session: AsyncSession, job_id: str, user_id: str) -> JobInFull:
    """The user's job with all that is known of it. Raises `JobNotFound`."""
    jobs = select(TtsJob, JobRecord).join(JobRecord, JobRecord.id == TtsJob.id)
    found = (
        await session.execute(jobs.where(TtsJob.id == _storable(job_id), JobRecord.user_id == user_id))
    ).one_or_none()
    if found is None:
        raise JobNotFound
    clips = (
        select(JobClip, ClipRecord)
        .outerjoin(ClipRecord, ClipRecord.key == JobClip.clip_key)
        .where(JobClip.job_id == job_id)
    )
    rows = (await session.execute(clips)).all()
    return JobInFull(found[0], found[1], [(row[0], row[1]) for row in rows])


async def page(
    session: AsyncSession, user_id: str, deck_id: str | None, status: str | None, before_seq: int | None, limit: int
) -> Sequence[tuple[TtsJob, JobRecord]]:
    """The user's jobs, newest first, without phrases and results."""
    if deck_id is not None and "\0" in deck_id:  # Postgres has no such text, and no deck that is called so
        return []
    jobs = (
        select(TtsJob, JobRecord)
        .join(JobRecord, JobRecord.id == TtsJob.id)
        .where(JobRecord.user_id == user_id)
        .order_by(JobRecord.seq.desc())
        .limit(limit)
        .options(defer(TtsJob.phrases), defer(TtsJob.result_urls))
    )
    if deck_id is not None:
        jobs = jobs.where(JobRecord.deck_id == deck_id)
    if status is not None:
        jobs = jobs.where(TtsJob.status == status)
    if before_seq is not None:
        jobs = jobs.where(JobRecord.seq < before_seq)
    return [(row[0], row[1]) for row in (await session.execute(jobs)).all()]


def _storable(job_id: str) -> str:
    if "\0" in job_id:  # Postgres has no such text, and says so with an error
        raise JobNotFound
    return job_id
