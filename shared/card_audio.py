"""Which audio every card has now, and what every clip was: statements over `tts.card_audio`, `tts.clip` and `"Card"`.

Nothing here commits, and whoever writes holds the job. The tables may be wrong about the storage: it alone knows what is there.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Text, column, func, literal_column, select, update, values
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shared.clips import Side, Voice
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
class CardChange:
    """What a card's side says from now on. Without a clip it has no audio: its text changed and could not be spoken, or is blank."""

    card_id: str
    side: Side
    text_hash: str
    clip_key: str | None = None
    bytes: int | None = None


async def read_cards(session: AsyncSession, card_ids: Collection[str]) -> dict[CardSide, CardAudio]:
    """What each side of the cards has now; a side that nobody wanted yet is not in it."""
    rows = await session.scalars(select(CardAudio).where(CardAudio.card_id == func.any(list(card_ids))))
    return {(row.card_id, row.side): row for row in rows}


async def read_clips(session: AsyncSession, keys: Collection[str]) -> dict[str, ClipFacts]:
    """The clips that are on record."""
    columns = (ClipRecord.key, ClipRecord.characters, ClipRecord.bytes, ClipRecord.duration_ms)
    rows = await session.execute(select(*columns).where(ClipRecord.key == func.any(list(keys))))
    return {row.key: ClipFacts(row.key, row.characters, row.bytes, row.duration_ms) for row in rows}


async def record_clips(session: AsyncSession, clips: Mapping[str, tuple[Voice, ClipFacts]]) -> set[str]:
    """Says what clips, by key, were and cost; a clip that was made anew replaces its record. Returns those that had none."""
    if not clips:
        return set()
    record = insert(ClipRecord).values(_rows(clips))
    anew = {name: record.excluded[name] for name in ("bytes", "duration_ms", "made_at")}
    had_none = literal_column("xmax = 0", Boolean)  # the row was inserted, not updated
    written = await session.execute(
        record.on_conflict_do_update(index_elements=[ClipRecord.key], set_=anew).returning(ClipRecord.key, had_none)
    )
    return {key for key, is_new in written.tuples() if is_new}


async def record_cards(session: AsyncSession, run: Run, changes: Collection[CardChange]) -> None:
    """Remembers what cards say from now on, unless a later job has been there."""
    if not changes:
        return
    statement = insert(CardAudio).values(
        [
            {
                "card_id": change.card_id,
                "side": change.side,
                "text_hash": change.text_hash,
                "clip_key": change.clip_key,
                "bytes": change.bytes,
                "job_id": run.job_id,
                "job_seq": run.seq,
                "linked_at": func.now(),
            }
            for change in changes
        ]
    )
    new = {
        name: statement.excluded[name] for name in ("text_hash", "clip_key", "bytes", "job_id", "job_seq", "linked_at")
    }
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[CardAudio.card_id, CardAudio.side],
            set_=new,
            where=CardAudio.job_seq <= statement.excluded.job_seq,
        )
    )


async def write_urls(session: AsyncSession, urls: Mapping[CardSide, str | None]) -> None:
    """Writes cards' audio URLs; a card that has them already, or is gone by now, is not touched."""
    for side, audio_url in (("en", Card.audio_url_en), ("fr", Card.audio_url_fr)):
        rows = [(card_id, url) for (card_id, of_side), url in urls.items() if of_side == side]
        if rows:
            new = values(column("card_id", Text), column("url", Text), name="new").data(rows)
            await session.execute(
                update(Card)
                .where(Card.id == new.c.card_id, audio_url.is_distinct_from(new.c.url))
                .values({audio_url: new.c.url})
            )


def _rows(clips: Mapping[str, tuple[Voice, ClipFacts]]) -> list[dict[str, Any]]:
    return [
        {
            "key": key,
            "side": voice.language,
            "engine": voice.engine,
            "base_url": voice.base_url,
            "model": voice.model,
            "voice": voice.name,
            "characters": facts.characters,
            "bytes": facts.bytes,
            "duration_ms": facts.duration_ms,
            "made_at": func.now(),
        }
        # In the order of their keys, as every writer does: two jobs that record the same clips cannot lock each other out.
        for key, (voice, facts) in sorted(clips.items())
    ]
