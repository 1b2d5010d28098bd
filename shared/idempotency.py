"""The same request twice is one request: keys that users send, and the jobs that they got for them. Nothing here commits."""

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shared.errors import KeyReused
from shared.models import IdempotencyKey

KEPT = text("interval '24 hours'")


async def job_of(session: AsyncSession, user_id: str, key: str, body_hash: str) -> str | None:
    """The job that this key got before, if it did. Raises `KeyReused` where that was for another body.

    The caller has locked the user, so that two equal requests at once come one after the other.
    """
    known = await session.scalar(
        select(IdempotencyKey).where(
            IdempotencyKey.user_id == user_id,
            IdempotencyKey.key == key,
            IdempotencyKey.created_at > func.now() - KEPT,
        )
    )
    if known and known.body_hash != body_hash:
        raise KeyReused
    return known.job_id if known else None


async def remember(session: AsyncSession, user_id: str, key: str, body_hash: str, job_id: str) -> None:
    """Keeps the key for a day, and forgets those of the user that are older."""
    await session.execute(
        delete(IdempotencyKey).where(IdempotencyKey.user_id == user_id, IdempotencyKey.created_at <= func.now() - KEPT)
    )
    await session.execute(
        insert(IdempotencyKey).values(
            user_id=user_id, key=key, body_hash=body_hash, job_id=job_id, created_at=func.now()
        )
    )
