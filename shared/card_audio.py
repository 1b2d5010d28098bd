"""Which audio every card has now, and what every clip was: statements over `tts.card_audio`, `tts.clip` and `"Card"`.

Nothing here commits, and whoever writes holds the job. The tables may be wrong about the storage: it alone knows what is there.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Boolean, and_, case, func, literal, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shared.clips import Side, Voice
from shared.models import Card, CardAudio, ClipRecord
from shared.rows import Columns, rows_of
from shared.runs import Run
from shared.usage import NO_USAGE, Usage

CardSide = tuple[str, Side]
# The text_hash of a side whose file is being replaced: it says this or that, and no text is equal to it.
UNSURE = ""
_TOKENS = (ClipRecord.input_tokens, ClipRecord.output_text_tokens, ClipRecord.output_audio_tokens)


@dataclass(frozen=True)
class ClipFacts:
    """What is known of a stored clip. `characters` are those of its normalised text, as billed.

    `words_checked` says that the engine told what it spoke, and that those were the text's words.
    """

    key: str
    characters: int
    bytes: int
    duration_ms: int
    words_checked: bool = False
    usage: Usage = NO_USAGE


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
    rows = await session.scalars(select(ClipRecord).where(ClipRecord.key == func.any(list(keys))))
    return {row.key: _facts(row) for row in rows}


async def record_clips(session: AsyncSession, clips: Mapping[str, tuple[Voice, ClipFacts]]) -> set[str]:
    """Says what clips, by key, were and cost; a clip that was made anew replaces its record. Returns those that had none."""
    if not clips:
        return set()
    # In the order of their keys, as every writer does: two jobs that record the same clips cannot lock each other out.
    in_order = [clips[key] for key in sorted(clips)]
    rows: Columns = {
        ClipRecord.key: [facts.key for _, facts in in_order],
        ClipRecord.side: [voice.language for voice, _ in in_order],
        ClipRecord.engine: [voice.engine for voice, _ in in_order],
        ClipRecord.base_url: [voice.base_url for voice, _ in in_order],
        ClipRecord.model: [voice.model for voice, _ in in_order],
        ClipRecord.voice: [voice.name for voice, _ in in_order],
        ClipRecord.characters: [facts.characters for _, facts in in_order],
        ClipRecord.bytes: [facts.bytes for _, facts in in_order],
        ClipRecord.duration_ms: [facts.duration_ms for _, facts in in_order],
        ClipRecord.words_checked: [facts.words_checked for _, facts in in_order],
        ClipRecord.input_tokens: [facts.usage.input_tokens for _, facts in in_order],
        ClipRecord.output_text_tokens: [facts.usage.output_text_tokens for _, facts in in_order],
        ClipRecord.output_audio_tokens: [facts.usage.output_audio_tokens for _, facts in in_order],
    }
    record = insert(ClipRecord).from_select([*rows, ClipRecord.made_at], rows_of(rows).add_columns(func.now()))
    made_anew = [ClipRecord.bytes, ClipRecord.duration_ms, ClipRecord.words_checked, ClipRecord.made_at, *_TOKENS]
    anew = {column.key: record.excluded[column.key] for column in made_anew}
    had_none = literal_column("xmax = 0", Boolean)  # the row was inserted, not updated
    written = await session.execute(
        record.on_conflict_do_update(index_elements=[ClipRecord.key], set_=anew).returning(ClipRecord.key, had_none)
    )
    return {key for key, is_new in written if is_new}


async def record_cards(session: AsyncSession, run: Run, changes: Collection[CardChange]) -> set[CardSide]:
    """Remembers what cards say from now on, and locks their rows. Returns the sides for which that was done.

    It is not where a later job has been that wants something else; nor where the row tells of another text, as long as the run
    has not said that the side is `UNSURE`.
    """
    if not changes:
        return set()
    # In one order, as every writer does: two jobs with cards in common cannot lock each other out.
    in_order = sorted(changes, key=lambda change: (change.card_id, change.side))
    rows: Columns = {
        CardAudio.card_id: [change.card_id for change in in_order],
        CardAudio.side: [change.side for change in in_order],
        CardAudio.text_hash: [change.text_hash for change in in_order],
        CardAudio.clip_key: [change.clip_key for change in in_order],
        CardAudio.bytes: [change.bytes for change in in_order],
    }
    by_this_run = rows_of(rows).add_columns(literal(run.job_id), literal(run.seq), func.now())
    statement = insert(CardAudio).from_select(
        [*rows, CardAudio.job_id, CardAudio.job_seq, CardAudio.linked_at], by_this_run
    )
    new = statement.excluded
    is_later = CardAudio.job_seq > new.job_seq
    same_text = CardAudio.text_hash == new.text_hash
    same_audio = and_(same_text, CardAudio.clip_key.is_not_distinct_from(new.clip_key))
    is_announced = and_(CardAudio.text_hash == UNSURE, CardAudio.job_seq == new.job_seq)
    anew = {name: new[name] for name in ("text_hash", "clip_key", "bytes", "linked_at")}
    latest_job = {
        "job_id": case((is_later, CardAudio.job_id), else_=new.job_id),
        "job_seq": func.greatest(CardAudio.job_seq, new.job_seq),
    }
    written = await session.execute(
        statement.on_conflict_do_update(
            index_elements=[CardAudio.card_id, CardAudio.side],
            set_=anew | latest_job,
            where=or_(same_audio, and_(~is_later, or_(same_text, is_announced, new.text_hash == UNSURE))),
        ).returning(CardAudio.card_id, CardAudio.side)
    )
    return {(card_id, side) for card_id, side in written}


async def write_urls(session: AsyncSession, urls: Mapping[CardSide, str | None]) -> None:
    """Writes cards' audio URLs; a card that has them already, or is gone by now, is not touched."""
    for side, audio_url in (("en", Card.audio_url_en), ("fr", Card.audio_url_fr)):
        of_this_side = {card_id: url for (card_id, of_side), url in urls.items() if of_side == side}
        if of_this_side:
            rows: Columns = {
                Card.id: list(of_this_side),
                audio_url: list(of_this_side.values()),
            }
            new = rows_of(rows).subquery().columns
            await session.execute(
                update(Card)
                .where(Card.id == new.id, audio_url.is_distinct_from(new[audio_url.key]))
                .values({audio_url: new[audio_url.key]})
            )


def _facts(row: ClipRecord) -> ClipFacts:
    usage = Usage(row.input_tokens, row.output_text_tokens, row.output_audio_tokens)
    return ClipFacts(row.key, row.characters, row.bytes, row.duration_ms, row.words_checked, usage)
