"""A job from outside: created, cancelled, tried again, ended. `shared/runs.py` is what its runs do. Nothing here commits."""

from collections.abc import Sequence
from uuid import uuid4

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.errors import JobHasEnded, JobNotFound, JobNotRetryable, TooManyJobs
from shared.job_clips import forget_failures
from shared.metrics import count_end
from shared.models import JobRecord, TtsJob

Phrase = dict[str, str]
ResultUrl = dict[str, str | None]
UNFINISHED = ("pending", "processing")
_RETRYABLE = ("failed", "cancelled")
# Its payload is the job's id. Sent in the transaction of every change, and so with its commit.
CHANNEL = "tts_job"


async def create(
    session: AsyncSession,
    user_id: str,
    deck_id: str,
    phrases: Sequence[Phrase],
    regenerate: bool,
    request_id: str | None = None,
) -> str:
    """Writes a new, pending job and returns its id. `request_id` is for the log of whoever runs it."""
    job_id = str(uuid4())
    await session.execute(
        insert(TtsJob).values(
            id=job_id,
            user_id=user_id,
            deck_id=deck_id,
            status="pending",
            total_phrases=len(phrases),
            processed_count=0,
            phrases=list(phrases),
            result_urls=[],
            created_at=func.now(),
            updated_at=func.now(),  # Prisma's column has no default
        )
    )
    await session.execute(
        insert(JobRecord).values(
            id=job_id, user_id=user_id, deck_id=deck_id, regenerate=regenerate, request_id=request_id
        )
    )
    await tell(session, job_id)
    return job_id


async def cancel(session: AsyncSession, job_id: str, user_id: str, is_running: bool) -> None:
    """Ends the user's job, or, while a run is at it, asks that run to end it. Raises `JobNotFound` and `JobHasEnded`.

    `is_running` says that a worker has it. Whether a run has begun, and not stopped early, only its token tells.
    """
    job, record = await _lock(session, job_id, user_id)
    if job.status not in UNFINISHED:
        raise JobHasEnded
    if is_running and record.run:
        await session.execute(update(JobRecord).where(JobRecord.id == job_id).values(cancel_requested_at=func.now()))
    else:
        await end_cancelled(session, job_id)


async def retry(session: AsyncSession, job_id: str, user_id: str, most: int, request_id: str | None = None) -> None:
    """Makes an ended job pending again: what is there is kept. The caller has locked the user.

    Raises `JobNotFound`, `JobNotRetryable` and `TooManyJobs`.
    """
    job, _ = await _lock(session, job_id, user_id)
    if job.status not in _RETRYABLE:
        raise JobNotRetryable
    await check_room(session, user_id, most)
    await forget_failures(session, job_id)
    good = [entry for entry in job.result_urls or [] if "error" not in entry]
    await session.execute(
        update(TtsJob)
        .where(TtsJob.id == job_id)
        .values(
            status="pending",
            processed_count=len(good),
            result_urls=good,
            error_message=None,
            completed_at=None,
            updated_at=func.now(),
        )
    )
    await session.execute(
        update(JobRecord)
        .where(JobRecord.id == job_id)
        .values(ended_at=None, cancel_requested_at=None, deaths=0, waits=0, waiting_since=None, request_id=request_id)
    )
    await tell(session, job_id)


async def end_cancelled(session: AsyncSession, job_id: str) -> None:
    """Ends a job as its user asked: what failed is told by its entries alone. The caller holds the job."""
    await session.execute(update(TtsJob).where(TtsJob.id == job_id).values(error_message=None))
    await end(session, job_id, "cancelled")


async def end(session: AsyncSession, job_id: str, status: str) -> None:
    """Ends a job, and takes the token from whoever has it: nothing more is written. The caller holds the job."""
    await session.execute(
        update(TtsJob).where(TtsJob.id == job_id).values(status=status, completed_at=func.now(), updated_at=func.now())
    )
    await session.execute(update(JobRecord).where(JobRecord.id == job_id).values(run=None, ended_at=func.now()))
    count_end(session, status)
    await tell(session, job_id)


async def check_room(session: AsyncSession, user_id: str, most: int) -> None:
    """Raises `TooManyJobs` where the user has so many under way. The caller has locked the user, so that nobody adds another."""
    # Joined: a job that went with its deck is under way no more.
    jobs = select(func.count()).select_from(JobRecord).join(TtsJob, TtsJob.id == JobRecord.id)
    active = jobs.where(JobRecord.user_id == user_id, JobRecord.ended_at.is_(None), TtsJob.status.in_(UNFINISHED))
    if (await session.scalar(active) or 0) >= most:
        raise TooManyJobs(f"You may have {most} jobs under way, and no more: try again when one has ended.")


async def lock_user(session: AsyncSession, user_id: str) -> None:
    """Of several requests of one user that do this, each waits for the transaction of the one before.

    It is done before a deck is locked, by everyone: two who lock both in different orders would wait for each other.
    """
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"memolist tts user {user_id}", 0))))


async def tell(session: AsyncSession, job_id: str) -> None:
    """Tells everyone who listens, once this transaction commits, that the job has changed."""
    await session.execute(select(func.pg_notify(CHANNEL, job_id)))


async def _lock(session: AsyncSession, job_id: str, user_id: str) -> tuple[TtsJob, JobRecord]:
    # The record first, as everywhere: two who lock both in different orders would wait for each other.
    record = await session.scalar(select(JobRecord).where(JobRecord.id == job_id).with_for_update())
    # Read anew: what the session knows of it is from before the lock.
    job = await session.get(TtsJob, job_id, with_for_update=True, populate_existing=True)
    if record is None or job is None or job.user_id != user_id:
        raise JobNotFound
    return job, record
