"""The queue as a worker needs it: one that outlives Postgres' absences, and lets nobody acknowledge what is not theirs.

procrastinate's own worker stops, or goes deaf, when a statement fails; its `finish_job` and `retry_job` ask neither which worker
holds the queue job nor for which attempt.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.job_context import JobContext
from procrastinate.jobs import Job, Notification, Status
from procrastinate.manager import JobManager, NotificationCallback
from procrastinate.worker import Worker

from shared.database import is_away, prepare_session
from shared.queue import TELL_WORKERS
from shared.settings import WorkerSettings
from shared.tracebacks import kind_and_words
from worker.heartbeat import Heartbeat

# A pool's attempts to reconnect grow ever rarer; given up early, each statement begins a new one.
RECONNECT_SECONDS = 2
_CONNECTION_WAIT_SECONDS = 5
_OUTAGE_PAUSE_SECONDS = 1
_FINISH = f"SELECT procrastinate_finish_job_v1(id, %(status)s, %(delete_job)s), {TELL_WORKERS} FROM held"  # noqa: S608
# The row is locked before anything is called: without the CTE Postgres would call first, lock after, and return no row.
_HELD = """
    WITH held AS MATERIALIZED (
        SELECT id FROM procrastinate_jobs
        WHERE id = %(job_id)s AND status = 'doing' AND worker_id = %(worker_id)s AND attempts = %(attempts)s
        FOR UPDATE
    )
"""
# procrastinate's own gives up a queue job that was to be aborted: its job may not have ended yet, and the next run does that.
_BACK = """
    UPDATE procrastinate_jobs
    SET status = 'todo', abort_requested = false, attempts = attempts + 1,
        scheduled_at = CASE WHEN abort_requested THEN now() ELSE now() + make_interval(secs => %(wait_seconds)s) END
"""
_RETRY = f"{_BACK} WHERE id IN (SELECT id FROM held) RETURNING {TELL_WORKERS}"  # noqa: S608
_GIVE_BACK = f"""
    {_BACK}
    WHERE status = 'doing' AND worker_id = %(worker_id)s AND id <> ALL(%(held)s)
    RETURNING {TELL_WORKERS}
"""
Result = TypeVar("Result")
_log = structlog.get_logger(__name__)


def create_steady_queue(settings: WorkerSettings, heartbeat: Heartbeat) -> App:
    """procrastinate on our database, for a worker."""
    # A heartbeat that waits for a connection must not keep the next one from being sent.
    patience = min(_CONNECTION_WAIT_SECONDS, settings.worker_heartbeat_s)
    connector = PsycopgConnector(
        conninfo=settings.direct_conninfo,  # it listens, and names no schema
        configure=prepare_session,
        timeout=patience,
        reconnect_timeout=RECONNECT_SECONDS,
    )
    steady = SteadyJobs(connector, heartbeat)
    queue = App(connector=connector, worker_defaults={"worker_middleware": [steady.begin]})
    queue.job_manager = steady
    return queue


class SteadyJobs(JobManager):
    """procrastinate's statements: reads wait for the next time when the database is away, acknowledgements until it is back."""

    def __init__(self, connector: PsycopgConnector, heartbeat: Heartbeat) -> None:
        super().__init__(connector)
        self._heartbeat = heartbeat
        self._held: set[tuple[int | None, int]] = set()
        self._begun: set[int | None] = set()
        self._was_told = False
        self._missed_an_answer = False

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Looks again when a notification came in while it looked, or the database did not answer: it is told of a job once."""
        job = None
        self._was_told = True
        while job is None and (self._was_told or self._missed_an_answer):
            if self._missed_an_answer:
                await asyncio.sleep(_OUTAGE_PAUSE_SECONDS)
            self._was_told = False
            job = await _or_none(self._fetch(queues, worker_id))
        return job

    async def _fetch(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        # A connection that breaks may take with it the answer that gave us a job: we live, so nobody would rescue it.
        if self._missed_an_answer:
            held = [job_id for job_id, _ in self._held]
            await self.connector.execute_query_all_async(_GIVE_BACK, worker_id=worker_id, held=held, wait_seconds=0.0)
        self._missed_an_answer = True
        job = await super().fetch_job(queues, worker_id)
        self._missed_an_answer = False
        if job:
            self._held.add((job.id, job.attempts))
        return job

    async def register_worker(self) -> int:
        worker_id = await super().register_worker()
        self._heartbeat.beat()
        return worker_id

    async def update_heartbeat(self, worker_id: int) -> None:
        try:
            await super().update_heartbeat(worker_id)
            self._heartbeat.beat()
        except ConnectorException as error:
            self._heartbeat.miss(_passing_reason(error))

    async def begin(self, run: Callable[[], Awaitable[Result]], context: JobContext, worker: Worker) -> Result:
        """Runs a job, and notes that it can be aborted from now on: a task that is cancelled before its first step never ends
        its job. Until then an abort is not needed, since a run looks for one when it starts."""
        self._begun.add(context.job.id)
        return await run()

    async def list_jobs_to_abort_async(self, queue: str | None = None) -> Iterable[int]:
        return self._begun.intersection(await _or_none(super().list_jobs_to_abort_async(queue)) or [])  # type: ignore[return-value]

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        notice = partial(self._notice, on_notification)
        while True:
            await _or_none(super().listen_for_jobs(on_notification=notice, queues=queues))
            await asyncio.sleep(_OUTAGE_PAUSE_SECONDS)

    async def _notice(self, pass_on: NotificationCallback, *, channel: str, notification: Notification) -> None:
        self._was_told = True
        if notification["type"] != "abort_job_requested" or notification["job_id"] in self._begun:
            await pass_on(channel=channel, notification=notification)

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Does nothing when the queue job is held by another worker, or for another attempt, by now."""
        await self._acknowledge(_FINISH, job, status=status.value, delete_job=delete_job)

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """The same. Priority, queue and lock stay as they are: nothing of ours changes them."""
        # The moment is by this host's clock, and the queue goes by the database's.
        wait = retry_at - datetime.now(UTC) if retry_at else timedelta()
        await self._acknowledge(_RETRY, job, wait_seconds=max(0.0, wait.total_seconds()))

    async def _acknowledge(self, statement: str, job: Job, **arguments: Any) -> None:
        arguments |= {"job_id": job.id, "worker_id": job.worker_id, "attempts": job.attempts}
        rows = await self._try_to_acknowledge(_HELD + statement, arguments)
        while rows is None:
            await asyncio.sleep(_OUTAGE_PAUSE_SECONDS)
            rows = await self._try_to_acknowledge(_HELD + statement, arguments)
        self._held.discard((job.id, job.attempts))
        self._begun.discard(job.id)
        if not rows:
            told = {"queue_job_id": job.id, "job_id": job.task_kwargs.get("job_id"), "deck_id": job.lock}
            _log.warning("a queue job is not acknowledged: it is not this worker's any more", **told)

    async def _try_to_acknowledge(self, statement: str, arguments: dict[str, Any]) -> list[dict[str, Any]] | None:
        """None whatever kept it from being done: given up, the job and its deck would be held for as long as this process lives."""
        try:
            return await _or_none(self.connector.execute_query_all_async(statement, **arguments))
        except ConnectorException as error:
            told = {"queue_job_id": arguments["job_id"], "reason": kind_and_words(error.__cause__ or error)}
            _log.error("a queue job cannot be acknowledged; trying again", **told)
            return None


async def _or_none(statement: Awaitable[Result]) -> Result | None:
    try:
        return await statement
    except ConnectorException as error:
        _passing_reason(error)
        return None


def _passing_reason(error: ConnectorException) -> str:
    """Logs and returns what kept Postgres from answering; raises what is no absence."""
    if not is_away(error.__cause__):
        raise error
    reason = type(error.__cause__).__name__
    _log.warning("the queue cannot reach the database", reason=reason)
    return reason
