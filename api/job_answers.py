"""Jobs' rows, as they go out."""

from datetime import datetime
from typing import cast

from api.schemas import CardUrls, Cost, JobStatus, JobSummary, Status
from shared.models import JobRecord, TtsJob
from shared.prices import cost_usd
from shared.settings import ApiSettings
from shared.usage import Usage


def job_status(job: TtsJob) -> JobStatus:
    """A job's row as it goes out."""
    return JobStatus(
        id=job.id,
        status=cast("Status", job.status),
        total_phrases=job.total_phrases,
        processed_count=job.processed_count,
        error_message=job.error_message,
        result_urls=cast("list[CardUrls]", job.result_urls or []),
        created_at=timestamp(job.created_at),
        completed_at=timestamp(job.completed_at) if job.completed_at else None,
    )


def job_summary(job: TtsJob, record: JobRecord, settings: ApiSettings) -> JobSummary:
    """A job's rows as they go out in a list."""
    return JobSummary(
        id=job.id,
        deck_id=job.deck_id,
        status=cast("Status", job.status),
        total_phrases=job.total_phrases,
        processed_count=job.processed_count,
        error_message=job.error_message,
        created_at=timestamp(job.created_at),
        completed_at=timestamp(job.completed_at) if job.completed_at else None,
        cost=job_cost(record, settings),
    )


def job_cost(record: JobRecord, settings: ApiSettings) -> Cost:
    """What a job has used so far."""
    usage = Usage(record.input_tokens, record.output_text_tokens, record.output_audio_tokens)
    return Cost(
        clips_made=record.clips_made,
        clips_cached=record.clips_cached,
        characters_billed=record.characters_billed,
        input_tokens=usage.input_tokens,
        output_text_tokens=usage.output_text_tokens,
        output_audio_tokens=usage.output_audio_tokens,
        usd=round(cost_usd(record.characters_billed, usage, settings.price_per_million_chars), 6),
    )


def timestamp(moment: datetime) -> str:
    """A naive UTC time, as the database gives it, in the form of JavaScript's `toISOString`."""
    return f"{moment.isoformat(timespec='milliseconds')}Z"
