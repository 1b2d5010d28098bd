"""What both programs count for Prometheus, and how they tell it. `monitoring/` stands on these names.

A metric is its module's, as a logger is: it belongs to the process. No label ever holds an id, a text or an address.
"""

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, disable_created_metrics, generate_latest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.pool import QueuePool

CONTENT_TYPE = CONTENT_TYPE_LATEST
_ENDS = ("completed", "failed", "cancelled")
disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, which nobody asks for

STORAGE_ERRORS = Counter("tts_storage_errors_total", "Times that the audio storage did not obey.", ["storage"])
_JOBS_ENDED = Counter("tts_jobs_ended_total", "Jobs that this process has ended.", ["status"])
_CONNECTIONS = Gauge("tts_database_connections", "Connections to Postgres in the pool of this process.", ["state"])
_MOST_CONNECTIONS = Gauge("tts_database_connections_limit", "Connections that the pool of this process may have.")

for _status in _ENDS:  # a rise from nothing to one is no rise for Prometheus: what is watched begins at 0
    _JOBS_ENDED.labels(_status)


def exposition() -> bytes:
    """All that this process counts, as Prometheus reads it."""
    return generate_latest()


def count_end(session: AsyncSession, status: str) -> None:
    """A job has this end, once the session's transaction is committed."""
    event.listen(session.sync_session, "after_commit", lambda _: _JOBS_ENDED.labels(status).inc(), once=True)


def watch_pool(engine: AsyncEngine) -> None:
    """From now on it is this engine's connections that are told of."""
    pool = engine.pool
    if isinstance(pool, QueuePool):
        _CONNECTIONS.labels("in_use").set_function(pool.checkedout)
        _CONNECTIONS.labels("idle").set_function(pool.checkedin)
        _MOST_CONNECTIONS.set_function(pool.size)
