"""The database, its schema, and what it tells of workers, jobs and sweeps."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.current import check_schema
from shared.backlog import read_backlog
from shared.database import create_engine
from shared.database_faults import DatabaseUnreached
from shared.errors import SchemaBehind
from shared.pooling import check_pooling
from worker.doctor.checkup import Problem, Skipped
from worker.doctor.installation import Installation

_DEAD_AFTER_HEARTBEATS = 3
# Jobs begin within milliseconds while a worker has a place for them.
_LONGEST_WAIT_SECONDS = 300
_LATEST_SWEEP_INTERVALS = 3
_WORKERS = text(
    """
    SELECT worker.id, now() - worker.last_heartbeat AS silent_for, count(entry.id) AS jobs
    FROM tts.procrastinate_workers AS worker
    LEFT JOIN tts.procrastinate_jobs AS entry ON entry.worker_id = worker.id AND entry.status = 'doing'
    GROUP BY worker.id ORDER BY silent_for
    """
)
_SWEEP = text("SELECT ended_at, now() - ended_at AS ago FROM tts.sweep")


class DatabaseChecks:
    """Each with a connection of its own: what one waits for does not hold up the others."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    async def database(self) -> str:
        """Whether it answers, and each address leads to it as it must."""
        settings = self._installation.database()
        await check_pooling(settings)
        engine = create_engine(settings, pool_size=1)
        try:
            async with engine.connect() as connection:
                version = await connection.scalar(text("SHOW server_version"))
        except SQLAlchemyError as error:
            raise DatabaseUnreached("DATABASE_URL", error.__cause__ or error) from None
        finally:
            await engine.dispose()
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
        heartbeat = self._installation.heartbeat()
        dead_after = timedelta(seconds=_DEAD_AFTER_HEARTBEATS * heartbeat.worker_heartbeat_s)
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
            found = await read_backlog(connection)
        if found.oldest_startable_seconds > _LONGEST_WAIT_SECONDS:
            raise Problem(
                f"{found.startable} jobs wait to begin, the oldest for {_ago(found.oldest_startable_seconds)}:"
                " see the workers' line and their log; where all are busy, start more"
            )
        if found.waiting_for_upstream:
            raise Problem(
                f"{found.waiting_for_upstream} jobs wait for the upstream, for"
                f" {_ago(found.longest_upstream_wait_seconds)}: they go on by themselves: see its line"
            )
        return f"{found.startable} jobs wait to begin" if found.startable else "no job waits"

    async def keeping(self) -> str:
        """Whether old things go."""
        keeping = self._installation.keeping("jobs_kept_days", "clips_kept_days", "gone_audio_kept_days")
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
        settings = self._installation.database()
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


def _ago(span: timedelta | float) -> str:
    seconds = max(span.total_seconds() if isinstance(span, timedelta) else span, 0)
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
