"""The queue: procrastinate in schema `tts`. A queue job only names its job; everything else is in the job's row."""

from typing import Any, cast

from procrastinate import App, PsycopgConnector
from psycopg import AsyncConnection
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.settings import Settings

QUEUE = "tts"
RUN_JOB = "run_job"

# As procrastinate's own trigger says it when a job comes in. It says nothing when one goes back or makes way for the next of
# its deck: then workers would learn of it with the next poll.
TELL_WORKERS = f'pg_notify(\'procrastinate_queue_v1#{QUEUE}\', \'{{"type": "job_inserted", "job_id": 0}}\')'

_LIVE_ENTRIES = text(
    """
    SELECT id, status = 'doing' AS is_running
    FROM tts.procrastinate_jobs
    WHERE task_name = :task AND status IN ('todo', 'doing') AND args ->> 'job_id' = :job_id
    ORDER BY id FOR UPDATE
    """
)
# What waits is deleted, what runs is aborted. The next job of the deck may begin.
_CANCEL = text(f"SELECT tts.procrastinate_cancel_job_v1(:id, :is_running, NOT :is_running), {TELL_WORKERS}")


def create_queue(settings: Settings) -> App:
    """procrastinate on our database. Only the worker opens it: `enqueue` uses the caller's connection."""
    return App(connector=PsycopgConnector(conninfo=settings.conninfo))


async def enqueue(queue: App, session: AsyncSession, job_id: str, deck_id: str) -> None:
    """Queues a job in the session's own transaction. Jobs of one deck run one at a time, in order."""
    await queue.configure_task(
        RUN_JOB,
        queue=QUEUE,  # not inferred: the API never imports the task
        lock=deck_id,
        connection=await _psycopg_connection(session),
    ).defer_async(job_id=job_id)


async def take_out(session: AsyncSession, job_id: str) -> bool:
    """Takes a waiting job out of the queue, or asks the worker that runs it to stop; returns whether one runs it.

    The entry stays locked until the transaction ends, so that no worker begins with it meanwhile.
    """
    entries = (await session.execute(_LIVE_ENTRIES, {"task": RUN_JOB, "job_id": job_id})).all()
    for entry in entries:
        await session.execute(_CANCEL, {"id": entry.id, "is_running": entry.is_running})
    return any(entry.is_running for entry in entries)


async def _psycopg_connection(session: AsyncSession) -> AsyncConnection[Any]:
    pooled = await (await session.connection()).get_raw_connection()
    return cast(AsyncConnection[Any], pooled.driver_connection)
