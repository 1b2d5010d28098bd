"""`GET /metrics`: what this process counts, and what the database says of all jobs. For Prometheus, beside nginx, with no token."""

import asyncio
import math
import time
from dataclasses import fields

import structlog
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy.exc import SQLAlchemyError

from shared import metrics
from shared.backlog import Backlog, read_backlog
from shared.database import Sessions

# Several who scrape at the same time share one look.
_FRESH_SECONDS = 2.0
# Prometheus waits ten seconds by default: a scrape without the database is better than none.
_PATIENCE_SECONDS = 4.0
_log = structlog.get_logger(__name__)

REQUESTS = Counter("tts_http_requests_total", "Requests that were answered.", ["route", "method", "status"])
REQUEST_SECONDS = Histogram(
    "tts_http_request_seconds",
    "Time until an answer began.",
    ["route", "method"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
WATCHERS = Gauge("tts_sse_watchers", "Clients that watch a job live.")
_JOBS = Gauge("tts_jobs", "Jobs that have not ended.", ["status"])
_WAITING_FOR_UPSTREAM = Gauge("tts_jobs_waiting_for_upstream", "Jobs that wait for the upstream to serve again.")
_OLDEST = Gauge(
    "tts_oldest_pending_job_seconds",
    "For how long a job that a worker could begin has been pending at most; 0 where none is.",
)
_QUEUE = Gauge("tts_queue_jobs", "Entries of the queue: ready for a worker, scheduled for later, running.", ["state"])
_WORKERS = Gauge("tts_workers", "Workers that showed a sign of life in the last minute.")
_DATABASE_UP = Gauge(
    "tts_database_up", "Whether the database answered this scrape: 1, or 0 where the jobs are unknown."
)


def metrics_route(sessions: Sessions) -> HTTPRouteHandler:
    """The route, on this database."""
    look = _Look(sessions)

    @get("/metrics", include_in_schema=False)
    async def scrape() -> Response[bytes]:
        await look.refresh()
        return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)

    return scrape


class _Look:
    """Reads the backlog, at most every two seconds. Where it cannot be read it is unknown (NaN), and the scrape goes on."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._stale_at = 0.0
        self._in_turn = asyncio.Lock()
        self._is_away = False

    async def refresh(self) -> None:
        async with self._in_turn:
            if time.monotonic() >= self._stale_at:
                _show(await self._read())
                self._stale_at = time.monotonic() + _FRESH_SECONDS

    async def _read(self) -> Backlog | None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS), self._sessions.begin() as session:
                backlog = await read_backlog(session)
        except (SQLAlchemyError, TimeoutError, OSError) as error:
            if not self._is_away:
                _log.warning("the metrics of jobs cannot be read", reason=type(error).__name__)
            self._is_away = True
            return None
        self._is_away = False
        return backlog


def _show(backlog: Backlog | None) -> None:
    _DATABASE_UP.set(backlog is not None)
    found = backlog or Backlog(*[math.nan] * len(fields(Backlog)))  # type: ignore[arg-type]
    _JOBS.labels("pending").set(found.pending)
    _JOBS.labels("processing").set(found.processing)
    _WAITING_FOR_UPSTREAM.set(found.waiting_for_upstream)
    _OLDEST.set(found.oldest_startable_seconds)
    _QUEUE.labels("ready").set(found.ready)
    _QUEUE.labels("scheduled").set(found.scheduled)
    _QUEUE.labels("running").set(found.running)
    _WORKERS.set(found.workers)
