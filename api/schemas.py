"""What is on the wire, in camelCase. Struct fields are the contract's names."""

from datetime import datetime
from typing import Literal

import msgspec

from shared.jobs import ResultUrl
from shared.models import TtsJob


class Wire(msgspec.Struct, rename="camel"):
    """JSON in camelCase."""


class JobAccepted(Wire):
    """The job is in the queue."""

    ok: bool
    job_id: str


class JobStatus(Wire):
    """A job as the frontend sees it. Timestamps are UTC, ISO 8601 with milliseconds and Z."""

    id: str
    status: str
    total_phrases: int
    processed_count: int
    error_message: str | None
    result_urls: list[ResultUrl]
    created_at: str
    completed_at: str | None


class PhraseFault(Wire):
    """What is wrong with the phrase at `index`."""

    index: int
    card_id: str | None
    message: str


class Problem(Wire):
    """Any error, as RFC 9457 has it; `errors` names every bad phrase."""

    ok: Literal[False]
    title: str
    status: int
    detail: str
    errors: list[PhraseFault] | msgspec.UnsetType = msgspec.UNSET


class JobAnswer(Wire):
    """One job."""

    job: JobStatus


class Health(Wire):
    """It is well."""

    ok: bool


def job_status(job: TtsJob) -> JobStatus:
    """A job's row as it goes out."""
    return JobStatus(
        id=job.id,
        status=job.status,
        total_phrases=job.total_phrases,
        processed_count=job.processed_count,
        error_message=job.error_message,
        result_urls=job.result_urls or [],
        created_at=_timestamp(job.created_at),
        completed_at=_timestamp(job.completed_at) if job.completed_at else None,
    )


def _timestamp(moment: datetime) -> str:
    """A naive UTC time, as the database gives it, in the form of JavaScript's `toISOString`."""
    return f"{moment.isoformat(timespec='milliseconds')}Z"
