"""How much there is to do, and who is there to do it: one cheap statement for whoever watches the service."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from shared.queue import RUN_JOB

# Only what has not ended: an index finds those jobs, and the queue holds no others. A job that waits is not written to, so its
# `updatedAt` is when it was posted, or asked for again. One that stands behind another of its deck waits for that one, and for no
# worker: only the first of each deck counts as startable, while none of its deck runs.
_BACKLOG = text(
    """
    WITH entry AS (
        SELECT
            args ->> 'job_id' AS job_id,
            status = 'doing' AS is_running,
            coalesce(scheduled_at > now(), false) AS is_for_later,
            id > min(id) OVER deck OR bool_or(status = 'doing') OVER deck AS is_behind
        FROM tts.procrastinate_jobs WHERE task_name = :task AND status IN ('todo', 'doing')
        WINDOW deck AS (PARTITION BY lock)
    ), job AS (
        SELECT
            row."status", record.waiting_since,
            extract(epoch FROM now() AT TIME ZONE 'UTC' - row."updatedAt")::float AS pending_seconds,
            record.id NOT IN (SELECT job_id FROM entry WHERE is_behind AND job_id IS NOT NULL) AS is_first
        FROM tts.job AS record JOIN public."TtsJob" AS row ON row."id" = record.id
        WHERE record.ended_at IS NULL AND row."status" IN ('pending', 'processing')
    )
    SELECT jobs.*, entries.*, workers.*
    FROM (
        SELECT
            count(*) FILTER (WHERE "status" = 'pending') AS pending,
            count(*) FILTER (WHERE "status" = 'processing') AS processing,
            count(*) FILTER (WHERE "status" = 'pending' AND is_first) AS startable,
            coalesce(max(pending_seconds) FILTER (WHERE "status" = 'pending' AND is_first), 0) AS oldest_startable_seconds,
            count(*) FILTER (WHERE waiting_since IS NOT NULL) AS waiting_for_upstream,
            coalesce(extract(epoch FROM max(now() - waiting_since))::float, 0) AS longest_upstream_wait_seconds
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

    `startable` are the pending jobs that a worker could begin, `oldest_startable_seconds` is since when the oldest of them is
    pending; `waiting_for_upstream` are those jobs that can do nothing before the upstream serves again, the first of them for
    `longest_upstream_wait_seconds`.
    """

    pending: int
    processing: int
    startable: int
    oldest_startable_seconds: float
    waiting_for_upstream: int
    longest_upstream_wait_seconds: float
    running: int
    scheduled: int
    ready: int
    workers: int


async def read_backlog(connection: AsyncSession | AsyncConnection) -> Backlog:
    """What there is now."""
    row = (await connection.execute(_BACKLOG, {"task": RUN_JOB})).one()
    return Backlog(**row._mapping)
