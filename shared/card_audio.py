"""Which audio every card has now, which clips exist and what they were: statements over `tts.card_audio`, `tts.clip` and `"Card"`."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import String, bindparam, column, delete, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from shared.clips import SIDES, Side, Voice
from shared.jobs import Run
from shared.models import Card, CardAudio, ClipRecord

CardSide = tuple[str, Side]


@dataclass(frozen=True)
class ClipFacts:
    """What is known of a stored clip. `characters` are those of its normalised text, as billed."""

    key: str
    characters: int
    bytes: int
    duration_ms: int


@dataclass(frozen=True)
class Link:
    """A card's side gets a clip's audio, under this URL."""

    card_id: str
    side: Side
    text_hash: str
    clip: ClipFacts
    url: str


async def read_cards(session: AsyncSession, card_ids: Collection[str]) -> dict[CardSide, CardAudio]:
    """What each side of the cards has now; a side that nobody wanted yet is not in it."""
    rows = await session.scalars(select(CardAudio).where(CardAudio.card_id == func.any(list(card_ids))))
    return {(row.card_id, row.side): row for row in rows}  # type: ignore[misc]


async def read_clips(session: AsyncSession, keys: Collection[str]) -> dict[str, ClipFacts]:
    """The clips that are on record. The storage alone knows whether their audio is still there."""
    rows = await session.execute(
        select(ClipRecord.key, ClipRecord.characters, ClipRecord.bytes, ClipRecord.duration_ms).where(
            ClipRecord.key == func.any(list(keys))
        )
    )
    return {row.key: ClipFacts(row.key, row.characters, row.bytes, row.duration_ms) for row in rows}
