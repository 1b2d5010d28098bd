"""A job's runs: each takes a token, and with it the right to write, from the one before. Nothing here commits.

A job's row may only be written by its run: the holder of the token in `tts.job.run`.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import case, func, literal, null, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared import jobs
from shared.job_lock import lock
from shared.jobs import UNFINISHED, Phrase, ResultUrl
from shared.models import JobClip, JobRecord, TtsJob
from shared.usage import Spent, Usage


@dataclass(frozen=True)
class Run:
    """One attempt at a job: what it works on, and the token that lets it write."""

    job_id: str
    token: UUID
    seq: int
    user_id: str
    deck_id: str
    phrases: list[Phrase]
    regenerate: bool
    request_id: str | None
    created_at: datetime
    spent_before: Spent
    listed_before: list[ResultUrl]


@dataclass(frozen=True)
class Checkpoint:
    """How far a run has come. Absolute values, so that writing them twice counts nothing twice."""

    processed_count: int
    result_urls: list[ResultUrl]
    spent: Spent


@dataclass(frozen=True)
class Waiting:
    """How long a job has waited for its upstream, and how many times in a row it was tried."""

    times: int
    seconds: float


async def start(session: AsyncSession, job_id: str) -> Run | None:
    """Begins a new run of a job and takes the token from any other; None when the job has ended or is gone."""
    token = uuid4()
    await lock(session, job_id)
    record = (
        await session.execute(
            update(JobRecord)
            .where(JobRecord.id == job_id, TtsJob.id == JobRecord.id, TtsJob.status.in_(UNFINISHED))
            # A job that an older API created, during a deploy, has neither.
            .values(run=token, ended_at=None, user_id=TtsJob.user_id, deck_id=TtsJob.deck_id)
            .returning(
                JobRecord.seq,
                JobRecord.regenerate,
                JobRecord.request_id,
                JobRecord.created_at,
                JobRecord.cancel_requested_at,
                JobRecord.clips_made,
                JobRecord.characters_billed,
                JobRecord.input_tokens,
                JobRecord.output_text_tokens,
                JobRecord.output_audio_tokens,
                TtsJob.user_id,
                TtsJob.deck_id,
                TtsJob.phrases,
                TtsJob.result_urls,
            )
        )
    ).one_or_none()
    if record is None:
        return None
    if record.cancel_requested_at:  # and the run that was asked to end it could not
        await jobs.end_cancelled(session, job_id)
        return None
    await session.execute(
        update(TtsJob)
        .where(TtsJob.id == job_id)
        .values(
            status="processing",
            started_at=func.coalesce(TtsJob.started_at, func.now()),
            updated_at=func.now(),
        )
    )
    await jobs.tell(session, job_id)
    return Run(
        job_id,
        token,
        record.seq,
        record.user_id,
        record.deck_id,
        record.phrases,
        record.regenerate,
        record.request_id,
        record.created_at,
        Spent(
            record.clips_made,
            record.characters_billed,
            Usage(record.input_tokens, record.output_text_tokens, record.output_audio_tokens),
        ),
        record.result_urls or [],
    )


async def checkpoint(session: AsyncSession, run: Run, so_far: Checkpoint) -> None:
    """Writes a run's progress. The caller holds the job."""
    await _write(session, run, so_far, None)


async def finish(session: AsyncSession, run: Run, so_far: Checkpoint, error_message: str | None) -> None:
    """Ends a job, once: cancelled if its user asked for that, else failed if there is an error to tell.

    The caller holds the job; the token goes, so that no more is written.
    """
    if await _write(session, run, so_far, error_message):
        await jobs.end_cancelled(session, run.job_id)
    else:
        await jobs.end(session, run.job_id, "failed" if error_message else "completed")


async def lay_down(session: AsyncSession, run: Run) -> bool:
    """A run stops before its job's end: it gives its token back, and so who cancels the job need not wait for it.

    Returns whether it was asked before to end the job: then it keeps the token, and does so.
    """
    was_asked = JobRecord.cancel_requested_at.is_not(None)
    return bool(
        await session.scalar(
            update(JobRecord)
            .where(JobRecord.id == run.job_id, JobRecord.run == run.token)
            .values(run=case((was_asked, JobRecord.run), else_=None))
            .returning(was_asked)
        )
    )


async def wait(session: AsyncSession, run: Run, so_far: Checkpoint, reason: str) -> Waiting:
    """Says in `errorMessage` what the job waits for. The caller holds the job, which stays `processing`."""
    await _write(session, run, so_far, reason)
    waiting = await session.execute(
        update(JobRecord)
        .where(JobRecord.id == run.job_id)
        .values(waits=JobRecord.waits + 1, waiting_since=func.coalesce(JobRecord.waiting_since, func.now()))
        .returning(JobRecord.waits, func.extract("epoch", func.now() - JobRecord.waiting_since))
    )
    times, seconds = waiting.one()
    return Waiting(times, float(seconds))


async def _write(session: AsyncSession, run: Run, so_far: Checkpoint, error_message: str | None) -> bool:
    """Returns whether the job's user has asked to end it."""
    await session.execute(
        update(TtsJob)
        .where(TtsJob.id == run.job_id)
        .values(
            # A new run looks at everything again, and its first count may be lower than what was seen already.
            processed_count=func.greatest(TtsJob.processed_count, literal(so_far.processed_count)),
            result_urls=so_far.result_urls,
            error_message=error_message,
            updated_at=func.now(),
        )
    )
    spent = so_far.spent
    made_more = JobRecord.clips_made < spent.clips_made
    # What an earlier run of this job made is found, not made, by this one: its row says so, and it is no gain.
    cached = select(func.count()).where(JobClip.job_id == run.job_id, JobClip.status == "done", ~JobClip.made)
    is_cancelled = await session.scalar(
        update(JobRecord)
        .where(JobRecord.id == run.job_id)
        .values(
            clips_made=spent.clips_made,
            clips_cached=cached.scalar_subquery(),
            characters_billed=spent.characters_billed,
            **asdict(spent.usage),
            deaths=case((made_more, 0), else_=JobRecord.deaths),
            waits=case((made_more, 0), else_=JobRecord.waits),
            waiting_since=case((made_more, null()), else_=JobRecord.waiting_since),
        )
        .returning(JobRecord.cancel_requested_at.is_not(None))
    )
    await jobs.tell(session, run.job_id)
    return bool(is_cancelled)
