"""How much there is to do, and who is there to do it: one cheap statement for whoever watches the service."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.queue import RUN_JOB

# Only what has not ended: an index finds those jobs, and the queue holds no others. A job that waits is not written to, so its
# `updatedAt` is when it was posted, or asked for again.
_BACKLOG = text(
    """
    WITH job AS (
        SELECT row."status", row."updatedAt" AS since, record.waiting_since
        FROM tts.job AS record JOIN public."TtsJob" AS row ON row."id" = record.id
        WHERE record.ended_at IS NULL AND row."status" IN ('pending', 'processing')
    ), entry AS (
        SELECT status = 'doing' AS is_running, coalesce(scheduled_at > now(), false) AS is_for_later
        FROM tts.procrastinate_jobs WHERE task_name = :task AND status IN ('todo', 'doing')
    )
    SELECT jobs.*, entries.*, workers.*
    FROM (
        SELECT
            count(*) FILTER (WHERE "status" = 'pending') AS pending,
            count(*) FILTER (WHERE "status" = 'processing') AS processing,
            count(*) FILTER (WHERE waiting_since IS NOT NULL) AS waiting_for_upstream,
            coalesce(extract(epoch FROM now() AT TIME ZONE 'UTC' - min(since) FILTER (WHERE "status" = 'pending')), 0)::float
                AS oldest_pending_seconds
        FROM job
    ) AS jobs, (
        SELECT
            count(*) FILTER (WHERE is_running) AS running,
            count(*) FILTER (WHERE is_for_later AND NOT is_running) AS scheduled,
            count(*) FILTER (WHERE NOT is_for_later AND NOT is_running) AS ready
        FROM entry
    ) AS entries, (
        SELECT count(*) AS workers FROM tts.procrastinate_workers WHERE last_heartbeat > now() - interval '1 minute'
    ) AS workers
    """
)


@dataclass(frozen=True)
class Backlog:
    """Jobs that have not ended, by their status; entries of the queue, by what they wait for; workers heard of in the last minute.

    `oldest_pending_seconds` is how long a job has been pending at most; `waiting_for_upstream` are those of the jobs that can
    do nothing before the upstream serves again.
    """

    pending: int
    processing: int
    waiting_for_upstream: int
    oldest_pending_seconds: float
    running: int
    scheduled: int
    ready: int
    workers: int


async def read_backlog(session: AsyncSession) -> Backlog:
    """What there is now."""
    row = (await session.execute(_BACKLOG, {"task": RUN_JOB})).one()
    return Backlog(**row._mapping)
