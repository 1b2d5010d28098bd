"""A job in full, as it goes out: one row for each side of each phrase, whether it is made already or still to come."""

from typing import cast

from api.job_answers import job_cost, timestamp
from api.schemas import ClipRow, ClipStatus, JobDetail, PhraseView, Status
from shared.clips import SIDES, Side, normalise
from shared.job_reads import JobInFull
from shared.jobs import UNFINISHED, Phrase
from shared.models import ClipRecord, JobClip, TtsJob
from shared.settings import ApiSettings

_KNOWN_LATER = ("url", "bytes", "duration_ms", "cached", "engine", "model", "voice", "error")


def job_detail(found: JobInFull, settings: ApiSettings) -> JobDetail:
    """The job's rows, put together."""
    job, record = found.job, found.record
    outcomes = {(outcome.position, outcome.side): (outcome, clip) for outcome, clip in found.clips}
    return JobDetail(
        id=job.id,
        deck_id=job.deck_id,
        status=cast("Status", job.status),
        regenerate=record.regenerate,
        total_phrases=job.total_phrases,
        processed_count=job.processed_count,
        error_message=job.error_message,
        created_at=timestamp(job.created_at),
        started_at=timestamp(job.started_at) if job.started_at else None,
        completed_at=timestamp(job.completed_at) if job.completed_at else None,
        phrases=[PhraseView(**_snake(phrase)) for phrase in job.phrases],
        clips=[
            _row(job, phrase, side, *outcomes.get((position, side), (None, None)))
            for position, phrase in enumerate(job.phrases)
            for side in SIDES
        ],
        cost=job_cost(record, settings),
    )


def _snake(phrase: Phrase) -> dict[str, str]:
    return {"text_en": phrase["textEn"], "text_fr": phrase["textFr"], "card_id": phrase["cardId"]}


def _row(job: TtsJob, phrase: Phrase, side: Side, outcome: JobClip | None, clip: ClipRecord | None) -> ClipRow:
    text = normalise(phrase["textEn" if side == "en" else "textFr"])
    known_later = dict.fromkeys(_KNOWN_LATER)
    row = ClipRow(card_id=phrase["cardId"], side=side, status="skipped", characters=len(text), checks=[], **known_later)
    if text and not outcome:
        row.status = _status_without_outcome(job)
        row.error = job.error_message if job.status == "failed" else None
    if outcome:
        row.status, row.url, row.error = cast("ClipStatus", outcome.status), outcome.url, outcome.error
        row.cached = not outcome.made if outcome.status == "done" else None
    if clip:
        row.bytes, row.duration_ms = clip.bytes, clip.duration_ms
        row.engine, row.model, row.voice = clip.engine, clip.model, clip.voice
        row.checks = ["audio", "words"] if clip.words_checked else ["audio"]
    return row


def _status_without_outcome(job: TtsJob) -> ClipStatus:
    """Still to come or, where the job has ended without it, ended with the job."""
    if job.status in UNFINISHED:
        return "pending"
    # A job that completed before there were outcomes made all of its clips.
    return "done" if job.status == "completed" else cast("ClipStatus", job.status)
