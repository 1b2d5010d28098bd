"""Every statement and every transition of a job. Nothing here commits: the caller's transaction does.

A job's row may only be written by its run: the holder of the token in `tts.job.run`. A new run takes the token, and with it
the right to write, from the one before.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import case, func, insert, literal, null, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from shared.database_url import IDLE_IN_TRANSACTION_SECONDS
from shared.errors import JobNotFound, LostRun
from shared.models import JobRecord, TtsJob
from shared.usage import NO_USAGE, Usage

Phrase = dict[str, str]
ResultUrl = dict[str, str | None]
# Less than the time after which Postgres ends an idle transaction (`shared/database_url.py`).
_HOLD_SECONDS = IDLE_IN_TRANSACTION_SECONDS * 0.8
_UNFINISHED = ("pending", "processing")


@dataclass(frozen=True)
class Spent:
    """What a job has cost so far, over all its runs."""

    clips_made: int
    characters_billed: int
    usage: Usage = NO_USAGE

    def plus(self, more: "Spent") -> "Spent":
        return Spent(
            self.clips_made + more.clips_made,
            self.characters_billed + more.characters_billed,
            self.usage.plus(more.usage),
        )


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
    created_at: datetime
    spent_before: Spent


@dataclass(frozen=True)
class Checkpoint:
    """How far a run has come. Absolute values, so that writing them twice counts nothing twice."""

    processed_count: int
    result_urls: list[ResultUrl]
    clips_done: int
    spent: Spent


@dataclass(frozen=True)
class Waiting:
    """How long a job has waited for its upstream, and how many times in a row it was tried."""

    times: int
    seconds: float


async def create(session: AsyncSession, user_id: str, deck_id: str, phrases: Sequence[Phrase], regenerate: bool) -> str:
    """Writes a new, pending job and returns its id."""
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
    await session.execute(insert(JobRecord).values(id=job_id, regenerate=regenerate))
    return job_id


async def find(session: AsyncSession, job_id: str, user_id: str) -> TtsJob:
    """The user's job, without its phrases. Raises `JobNotFound`, also for another user's."""
    if "\0" in job_id:  # Postgres has no such text, and says so with an error
        raise JobNotFound
    job = await session.scalar(select(TtsJob).where(TtsJob.id == job_id).options(defer(TtsJob.phrases)))
    if job is None or job.user_id != user_id:
        raise JobNotFound
    return job


async def start(session: AsyncSession, job_id: str) -> Run | None:
    """Begins a new run of a job and takes the token from any other; None when the job has ended or is gone."""
    token = uuid4()
    record = (
        await session.execute(
            update(JobRecord)
            .where(JobRecord.id == job_id, TtsJob.id == JobRecord.id, TtsJob.status.in_(_UNFINISHED))
            .values(run=token, ended_at=None)
            .returning(
                JobRecord.seq,
                JobRecord.regenerate,
                JobRecord.created_at,
                JobRecord.clips_made,
                JobRecord.characters_billed,
                JobRecord.input_tokens,
                JobRecord.output_text_tokens,
                JobRecord.output_audio_tokens,
                TtsJob.user_id,
                TtsJob.deck_id,
                TtsJob.phrases,
            )
        )
    ).one_or_none()
    if record is None:
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
    return Run(
        job_id,
        token,
        record.seq,
        record.user_id,
        record.deck_id,
        record.phrases,
        record.regenerate,
        record.created_at,
        Spent(
            record.clips_made,
            record.characters_billed,
            Usage(record.input_tokens, record.output_text_tokens, record.output_audio_tokens),
        ),
    )


async def hold(session: AsyncSession, run: Run) -> float:
    """Locks the job for this transaction. Raises `LostRun` when another run has it by now.

    A new run waits for the lock before it takes the token: what is done under it is done by the only writer. Of what is done
    outside the database that is sure only until the moment (of `time.monotonic`) that this returns: Postgres ends the
    transaction of a process that was frozen, and with it the lock.
    """
    token = await session.scalar(select(JobRecord.run).where(JobRecord.id == run.job_id).with_for_update())
    if token != run.token:
        raise LostRun
    return time.monotonic() + _HOLD_SECONDS


async def checkpoint(session: AsyncSession, run: Run, so_far: Checkpoint) -> None:
    """Writes a run's progress. The caller holds the job."""
    await _write(session, run, so_far, None)


async def finish(session: AsyncSession, run: Run, so_far: Checkpoint, error_message: str | None) -> None:
    """Ends a job, once: failed if there is an error to tell. The caller holds the job; the token goes, so that no more is written."""
    await _write(session, run, so_far, error_message)
    await _end(session, run.job_id, "failed" if error_message else "completed")


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


async def count_death(session: AsyncSession, job_id: str) -> int:
    """A run's worker died. Returns how many died in a row, with no clip made in between."""
    deaths = update(JobRecord).where(JobRecord.id == job_id).values(deaths=JobRecord.deaths + 1)
    return await session.scalar(deaths.returning(JobRecord.deaths)) or 0


async def fail(session: AsyncSession, job_id: str, reason: str) -> None:
    """Ends a job that no run can end, and takes the token from whoever has it. What was finished stays finished."""
    # The record first, as everywhere: two who lock both in different orders would wait for each other.
    await session.execute(update(JobRecord).where(JobRecord.id == job_id).values(run=None))
    job = await session.scalar(
        select(TtsJob).where(TtsJob.id == job_id, TtsJob.status.in_(_UNFINISHED)).with_for_update()
    )
    if job is None:
        return
    finished = {entry["cardId"]: entry for entry in job.result_urls or []}
    job.result_urls = [finished.get(phrase["cardId"]) or _unfinished(phrase, reason) for phrase in job.phrases]
    job.processed_count = job.total_phrases
    job.error_message = reason
    await session.flush()
    await _end(session, job_id, "failed")


async def _write(session: AsyncSession, run: Run, so_far: Checkpoint, error_message: str | None) -> None:
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
    await session.execute(
        update(JobRecord)
        .where(JobRecord.id == run.job_id)
        .values(
            clips_made=spent.clips_made,
            # What an earlier run of this job made is found, not made, by this one, and is no gain.
            clips_cached=max(0, so_far.clips_done - spent.clips_made),
            characters_billed=spent.characters_billed,
            **asdict(spent.usage),
            deaths=case((made_more, 0), else_=JobRecord.deaths),
            waits=case((made_more, 0), else_=JobRecord.waits),
            waiting_since=case((made_more, null()), else_=JobRecord.waiting_since),
        )
    )


async def _end(session: AsyncSession, job_id: str, status: str) -> None:
    await session.execute(
        update(TtsJob).where(TtsJob.id == job_id).values(status=status, completed_at=func.now(), updated_at=func.now())
    )
    await session.execute(update(JobRecord).where(JobRecord.id == job_id).values(run=None, ended_at=func.now()))


def _unfinished(phrase: Phrase, reason: str) -> ResultUrl:
    return {"cardId": phrase["cardId"], "audioUrlEn": None, "audioUrlFr": None, "error": reason}
