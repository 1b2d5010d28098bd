"""Every statement and every transition of a job. Nothing here commits: the caller's transaction does.

A job's row may only be written by its run: the holder of the token in `tts.job.run`. A new run takes the token, and with it
the right to write, from the one before.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.errors import DeckBelongsToAnother, DeckNotFound, JobNotFound, LostRun
from shared.models import Card, Deck, JobRecord, TtsJob

Phrase = dict[str, str]
ResultUrl = dict[str, str | None]
_UNFINISHED = ("pending", "processing")


@dataclass(frozen=True)
class Run:
    """One attempt at a job: what it works on, and the token that lets it write.

    `clips_made` and `characters_billed` are those of the runs before it.
    """

    job_id: str
    token: UUID
    seq: int
    user_id: str
    deck_id: str
    phrases: list[Phrase]
    regenerate: bool
    created_at: datetime
    clips_made: int
    characters_billed: int


@dataclass(frozen=True)
class Checkpoint:
    """How far a run has come. Absolute values, so that writing them twice counts nothing twice."""

    processed_count: int
    result_urls: list[ResultUrl]
    clips_made: int
    clips_cached: int
    characters_billed: int


async def check_owner(session: AsyncSession, deck_id: str, user_id: str) -> None:
    """Raises `DeckNotFound` or `DeckBelongsToAnother`."""
    # Where Prisma made foreign keys, the deck must outlive the transaction.
    deck = select(Deck.user_id).where(Deck.id == deck_id).with_for_update(read=True, key_share=True)
    owner = (await session.execute(deck)).one_or_none()
    if owner is None:
        raise DeckNotFound
    if owner.user_id != user_id:
        raise DeckBelongsToAnother


async def cards_of_deck(session: AsyncSession, deck_id: str, card_ids: Collection[str]) -> set[str]:
    """Those of the cards that exist and belong to the deck."""
    wanted = func.any(list(card_ids))
    return set(await session.scalars(select(Card.id).where(Card.deck_id == deck_id, Card.id == wanted)))


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
    """The user's job. Raises `JobNotFound`, also for another user's."""
    if "\0" in job_id:  # Postgres has no such text, and says so with an error
        raise JobNotFound
    job = await session.scalar(select(TtsJob).where(TtsJob.id == job_id))
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
            .values(run=token)
            .returning(
                JobRecord.seq,
                JobRecord.regenerate,
                JobRecord.created_at,
                JobRecord.clips_made,
                JobRecord.characters_billed,
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
            error_message=None,
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
        record.clips_made,
        record.characters_billed,
    )


async def hold(session: AsyncSession, run: Run) -> None:
    """Locks the job for this transaction. Raises `LostRun` when another run has it by now.

    A new run waits for the lock before it takes the token: what is done under it, on disk too, is done by the only writer.
    """
    token = await session.scalar(select(JobRecord.run).where(JobRecord.id == run.job_id).with_for_update())
    if token != run.token:
        raise LostRun


async def checkpoint(session: AsyncSession, run: Run, so_far: Checkpoint) -> None:
    """Writes a run's progress. The caller holds the job."""
    await _write(session, run, so_far)


async def finish(session: AsyncSession, run: Run, so_far: Checkpoint, error_message: str | None) -> None:
    """Ends a job, once: failed if there is an error to tell. The caller holds the job; the token goes, so that no more is written."""
    end = "failed" if error_message else "completed"
    await _write(session, run, so_far, status=end, error_message=error_message, completed_at=func.now())
    await session.execute(update(JobRecord).where(JobRecord.id == run.job_id).values(run=None))


async def wait(session: AsyncSession, run: Run, reason: str) -> None:
    """Says in the job's `errorMessage` what it waits for. The caller holds the job."""
    await session.execute(
        update(TtsJob).where(TtsJob.id == run.job_id).values(error_message=reason, updated_at=func.now())
    )


async def _write(session: AsyncSession, run: Run, so_far: Checkpoint, **also: Any) -> None:
    await session.execute(
        update(TtsJob)
        .where(TtsJob.id == run.job_id)
        .values(
            # A new run looks at everything again, and its first count may be lower than what was seen already.
            processed_count=func.greatest(TtsJob.processed_count, literal(so_far.processed_count)),
            result_urls=so_far.result_urls,
            updated_at=func.now(),
            **also,
        )
    )
    await session.execute(
        update(JobRecord)
        .where(JobRecord.id == run.job_id)
        .values(
            clips_made=so_far.clips_made,
            clips_cached=so_far.clips_cached,
            characters_billed=so_far.characters_billed,
        )
    )
