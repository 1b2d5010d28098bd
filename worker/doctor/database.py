"""The database, its schema, and what it tells of workers, jobs and sweeps."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from psycopg import OperationalError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.current import check_schema
from shared.database import create_engine
from shared.errors import SchemaBehind
from shared.pooling import check_pooling
from shared.queue import QUEUE, RUN_JOB
from worker.doctor.checkup import Problem, Skipped
from worker.doctor.installation import Installation, need
from worker.readiness import first_line

_DEAD_AFTER_HEARTBEATS = 3
# Jobs begin within milliseconds while a worker has a place for them.
_LONGEST_WAIT = timedelta(minutes=5)
_LATEST_SWEEP_INTERVALS = 3
_ADVICE = {
    "password authentication failed": "put the right user and password into {setting} (POSTGRES_PASSWORD in compose)",
    "no password supplied": "put the password into {setting} (POSTGRES_PASSWORD in compose)",
    "does not exist": "put the right user and database into {setting}, or create them",
    "Connection refused": "start Postgres, or put its address into {setting}",
    "No such file": "start Postgres, or put its socket into {setting}",
    "resolve": "put a host that this machine knows into {setting}",
    "too many": "raise max_connections, or run fewer workers and API processes",
    "starting up": "wait until Postgres has started",
}
_WORKERS = text(
    """
    SELECT worker.id, now() - worker.last_heartbeat AS silent_for, count(entry.id) AS jobs
    FROM tts.procrastinate_workers AS worker
    LEFT JOIN tts.procrastinate_jobs AS entry ON entry.worker_id = worker.id AND entry.status = 'doing'
    GROUP BY worker.id ORDER BY silent_for
    """
)
# Of jobs that may begin: the first of its deck, while none of that deck runs.
_WAITING = text(
    """
    SELECT count(*) AS jobs, max(now() AT TIME ZONE 'UTC' - row."updatedAt") AS longest
    FROM tts.job AS job JOIN public."TtsJob" AS row ON row."id" = job.id
    LEFT JOIN tts.procrastinate_jobs AS entry
        ON entry.queue_name = :queue AND entry.task_name = :task AND entry.status IN ('todo', 'doing')
            AND entry.args ->> 'job_id' = job.id
    WHERE job.ended_at IS NULL AND row."status" = 'pending' AND NOT EXISTS (
        SELECT FROM tts.procrastinate_jobs AS other
        WHERE other.lock = entry.lock AND other.status IN ('todo', 'doing') AND (other.id < entry.id OR other.status = 'doing')
    )
    """
)
_UPSTREAM = text("SELECT count(*), max(now() - waiting_since) FROM tts.job WHERE ended_at IS NULL AND waits > 0")
_SWEEP = text("SELECT ended_at, now() - ended_at AS ago FROM tts.sweep")


class DatabaseChecks:
    """Each with a connection of its own: what one waits for does not hold up the others."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    async def database(self) -> str:
        """Whether it answers, and each address leads to it as it must."""
        settings = need(self._installation.database, "the settings of the database")
        engine = create_engine(settings, pool_size=1)
        try:
            async with engine.connect() as connection:
                version = await connection.scalar(text("SHOW server_version"))
        except SQLAlchemyError as error:
            raise _away("DATABASE_URL", error.__cause__ or error) from None
        finally:
            await engine.dispose()
        try:
            await check_pooling(settings)
        except OperationalError as error:
            raise _away("DIRECT_URL" if settings.direct_url else "DATABASE_URL", error) from None
        return f"Postgres {version} answers"

    async def schema(self) -> str:
        """Whether it is at this version's schema."""
        async with self._connection() as connection:
            await check_schema(connection)
        return "up to date"

    async def workers(self) -> str:
        """Whether any is alive, and none dead that holds jobs."""
        async with self._connection(with_schema=True) as connection:
            rows = (await connection.execute(_WORKERS)).all()
        worker = self._installation.worker
        dead_after = timedelta(seconds=_DEAD_AFTER_HEARTBEATS * (worker.worker_heartbeat_s if worker else 3))
        dead = [row for row in rows if row.silent_for > dead_after]
        start = "start one (`docker compose up -d worker`, or `just worker`); its last line says why it does not start"
        if not rows:
            raise Problem(f"none is running, and jobs stay pending: {start}")
        if len(dead) == len(rows):
            raise Problem(f"none is alive: the last heartbeat was {_ago(rows[0].silent_for)} ago: {start}")
        held = sum(row.jobs for row in dead)
        if held:
            raise Problem(f"{held} jobs are held by workers that died: a live one should take them over: see its log")
        died = f"; {len(dead)} died within the last day: see why in their logs" if dead else ""
        return f"{len(rows) - len(dead)} alive, the last heartbeat {_ago(rows[0].silent_for)} ago{died}"

    async def queue(self) -> str:
        """Whether jobs begin."""
        async with self._connection(with_schema=True) as connection:
            waiting = (await connection.execute(_WAITING, {"queue": QUEUE, "task": RUN_JOB})).one()
            held_up, longest = (await connection.execute(_UPSTREAM)).one()
        if waiting.jobs and waiting.longest > _LONGEST_WAIT:
            raise Problem(
                f"{waiting.jobs} jobs wait to begin, the oldest for {_ago(waiting.longest)}:"
                " see the workers' line and their log; where all are busy, start more"
            )
        if held_up:
            raise Problem(
                f"{held_up} jobs wait for the upstream, for {_ago(longest)}: they go on by themselves: see its line"
            )
        return f"{waiting.jobs} jobs wait to begin" if waiting.jobs else "no job waits"

    async def keeping(self) -> str:
        """Whether old things go."""
        keeping = need(self._installation.keeping, "the settings of keeping")
        if not keeping.gc_interval_hours:
            raise Skipped("GC_INTERVAL_HOURS=0: nothing goes unless you run `just gc`")
        async with self._connection(with_schema=True) as connection:
            sweep = (await connection.execute(_SWEEP)).one()
        if sweep.ended_at is None:
            return "no sweep yet: the first comes minutes after a worker's start"
        if sweep.ago > _LATEST_SWEEP_INTERVALS * timedelta(hours=keeping.gc_interval_hours):
            raise Problem(
                f"the last sweep was {_ago(sweep.ago)} ago: run `just gc`, and see the workers' log for `sweep`"
            )
        return f"the last sweep was {_ago(sweep.ago)} ago"

    @asynccontextmanager
    async def _connection(self, with_schema: bool = False) -> AsyncIterator[AsyncConnection]:
        settings = need(self._installation.database, "the settings of the database")
        engine = create_engine(settings, pool_size=1)
        try:
            async with engine.connect() as connection:
                if with_schema:
                    await check_schema(connection)
                yield connection
        except SQLAlchemyError:
            raise Skipped("needs the database: see its line") from None
        except SchemaBehind:
            if with_schema:
                raise Skipped("needs the schema: see its line") from None
            raise
        finally:
            await engine.dispose()


def _away(setting: str, error: BaseException) -> Problem:
    said = first_line(error)
    advice = next((advice for words, advice in _ADVICE.items() if words in said), "see Postgres' log")
    return Problem(f"{setting}: {said}: {advice.format(setting=setting)}")


def _ago(span: timedelta) -> str:
    seconds = max(span.total_seconds(), 0)
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
