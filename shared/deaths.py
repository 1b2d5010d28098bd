"""What becomes of a job whose runs die: statements of the rescue. Nothing here commits."""

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared import jobs
from shared.job_lock import lock
from shared.jobs import UNFINISHED, Phrase, ResultUrl
from shared.models import JobRecord, TtsJob


async def count_death(session: AsyncSession, job_id: str) -> int | None:
    """A run's worker died. Returns how many died in a row, with no clip made in between.

    None where there is nothing more to do: the job has ended, or ends hereby as its user asked.
    """
    await lock(session, job_id)
    jobs_and_records = select(JobRecord.cancel_requested_at).join(TtsJob, TtsJob.id == JobRecord.id)
    unfinished = jobs_and_records.where(JobRecord.id == job_id, TtsJob.status.in_(UNFINISHED))
    record = (await session.execute(unfinished)).one_or_none()
    if record is None:
        return None
    if record.cancel_requested_at:
        await jobs.end_cancelled(session, job_id)
        return None
    deaths = update(JobRecord).where(JobRecord.id == job_id).values(deaths=JobRecord.deaths + 1)
    return await session.scalar(deaths.returning(JobRecord.deaths))


async def fail(session: AsyncSession, job_id: str, reason: str) -> None:
    """Ends a job that no run can end, and takes the token from whoever has it. What was finished stays finished."""
    # The record first, as everywhere: two who lock both in different orders would wait for each other.
    await session.execute(update(JobRecord).where(JobRecord.id == job_id).values(run=None))
    job = await session.scalar(
        select(TtsJob).where(TtsJob.id == job_id, TtsJob.status.in_(UNFINISHED)).with_for_update()
    )
    if job is None:
        return
    finished = {entry["cardId"]: entry for entry in job.result_urls or []}
    job.result_urls = [finished.get(phrase["cardId"]) or _unfinished(phrase, reason) for phrase in job.phrases]
    job.processed_count = job.total_phrases
    job.error_message = reason
    await session.flush()
    await jobs.end(session, job_id, "failed")


def _unfinished(phrase: Phrase, reason: str) -> ResultUrl:
    return {"cardId": phrase["cardId"], "audioUrlEn": None, "audioUrlFr": None, "error": reason}
