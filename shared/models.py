"""The tables as SQLAlchemy sees them. `migrations/` says what each holds and which invariants it keeps."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import TIMESTAMP, BigInteger, DateTime, FetchedValue, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.clips import Side


class Model(DeclarativeBase):
    """Strings are TEXT, `datetime` is TIMESTAMPTZ where a table is ours; Memolist's tables keep Prisma's TIMESTAMP in UTC."""

    type_annotation_map = {datetime: DateTime(timezone=True), dict[str, Any]: JSONB, list[dict[str, Any]]: JSONB}  # noqa: RUF012


class Deck(Model):
    __tablename__ = "Deck"
    __table_args__ = {"schema": "public"}  # noqa: RUF012

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column("userId")


class Card(Model):
    __tablename__ = "Card"
    __table_args__ = {"schema": "public"}  # noqa: RUF012

    id: Mapped[str] = mapped_column(primary_key=True)
    deck_id: Mapped[str] = mapped_column("deckId")
    audio_url_en: Mapped[str | None] = mapped_column("audioUrlEn")
    audio_url_fr: Mapped[str | None] = mapped_column("audioUrlFr")


class TtsJob(Model):
    __tablename__ = "TtsJob"
    __table_args__ = {"schema": "public"}  # noqa: RUF012

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str | None] = mapped_column("userId")
    deck_id: Mapped[str | None] = mapped_column("deckId")
    status: Mapped[str]
    total_phrases: Mapped[int] = mapped_column("totalPhrases")
    processed_count: Mapped[int] = mapped_column("processedCount")
    error_message: Mapped[str | None] = mapped_column("errorMessage")
    phrases: Mapped[list[dict[str, Any]]]
    result_urls: Mapped[list[dict[str, Any]] | None] = mapped_column("resultUrls")
    created_at: Mapped[datetime] = mapped_column("createdAt", TIMESTAMP)
    updated_at: Mapped[datetime] = mapped_column("updatedAt", TIMESTAMP)
    started_at: Mapped[datetime | None] = mapped_column("startedAt", TIMESTAMP)
    completed_at: Mapped[datetime | None] = mapped_column("completedAt", TIMESTAMP)


class JobRecord(Model):
    """What the service itself must know of a job, beside the row that Memolist reads."""

    __tablename__ = "job"
    __table_args__ = {"schema": "tts"}  # noqa: RUF012

    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, FetchedValue())
    user_id: Mapped[str | None]
    deck_id: Mapped[str | None]
    regenerate: Mapped[bool]
    request_id: Mapped[str | None]
    run: Mapped[UUID | None]
    clips_made: Mapped[int]
    clips_cached: Mapped[int]
    characters_billed: Mapped[int] = mapped_column(BigInteger)
    input_tokens: Mapped[int] = mapped_column(BigInteger)
    output_text_tokens: Mapped[int] = mapped_column(BigInteger)
    output_audio_tokens: Mapped[int] = mapped_column(BigInteger)
    deaths: Mapped[int]
    waits: Mapped[int]
    waiting_since: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class ClipRecord(Model):
    __tablename__ = "clip"
    __table_args__ = {"schema": "tts"}  # noqa: RUF012

    key: Mapped[str] = mapped_column(primary_key=True)
    side: Mapped[str]
    engine: Mapped[str]
    base_url: Mapped[str]
    model: Mapped[str]
    voice: Mapped[str]
    characters: Mapped[int]
    bytes: Mapped[int]
    duration_ms: Mapped[int]
    words_checked: Mapped[bool]
    input_tokens: Mapped[int]
    output_text_tokens: Mapped[int]
    output_audio_tokens: Mapped[int]
    made_at: Mapped[datetime]


class JobClip(Model):
    __tablename__ = "job_clip"
    __table_args__ = {"schema": "tts"}  # noqa: RUF012

    job_id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    side: Mapped[Side] = mapped_column(Text, primary_key=True)
    status: Mapped[str]
    made: Mapped[bool]
    clip_key: Mapped[str | None]
    url: Mapped[str | None]
    error: Mapped[str | None]


class IdempotencyKey(Model):
    __tablename__ = "idempotency_key"
    __table_args__ = {"schema": "tts"}  # noqa: RUF012

    user_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_hash: Mapped[str]
    job_id: Mapped[str]
    created_at: Mapped[datetime]


class CardAudio(Model):
    __tablename__ = "card_audio"
    __table_args__ = {"schema": "tts"}  # noqa: RUF012

    card_id: Mapped[str] = mapped_column(primary_key=True)
    side: Mapped[Side] = mapped_column(Text, primary_key=True)
    text_hash: Mapped[str]
    clip_key: Mapped[str | None]
    bytes: Mapped[int | None]
    job_id: Mapped[str]
    job_seq: Mapped[int] = mapped_column(BigInteger)
    linked_at: Mapped[datetime]


class ClipUse(Model):
    __tablename__ = "clip_use"
    __table_args__ = {"schema": "tts"}  # noqa: RUF012

    key: Mapped[str] = mapped_column(primary_key=True)
    used_at: Mapped[datetime]


class UnnamedAudio(Model):
    __tablename__ = "unnamed_audio"
    __table_args__ = {"schema": "tts"}  # noqa: RUF012

    name: Mapped[str] = mapped_column(primary_key=True)
    bytes: Mapped[int] = mapped_column(BigInteger)
    since: Mapped[datetime]
