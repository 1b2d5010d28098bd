"""The queue: procrastinate in schema `tts`. A queue job only names its job; everything else is in the job's row."""

from typing import Any, cast

from procrastinate import App, PsycopgConnector
from psycopg import AsyncConnection
from sqlalchemy.ext.asyncio import AsyncSession

from shared.settings import Settings

QUEUE = "tts"
RUN_JOB = "run_job"

# As procrastinate's own trigger says it when a job comes in. It says nothing when one goes back or makes way for the next of
# its deck: then workers would learn of it with the next poll.
TELL_WORKERS = f'pg_notify(\'procrastinate_queue_v1#{QUEUE}\', \'{{"type": "job_inserted", "job_id": 0}}\')'


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


async def _psycopg_connection(session: AsyncSession) -> AsyncConnection[Any]:
    pooled = await (await session.connection()).get_raw_connection()
    return cast(AsyncConnection[Any], pooled.driver_connection)
