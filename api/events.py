"""`GET /api/tts/jobs/{jobId}/events`: a job, live, as Server-Sent Events."""

import secrets
import time
from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.response import Stream

from api import examples
from api.auth import User
from api.job_watch import JobWatch
from api.metrics import WATCHERS
from api.openapi import OF_A_JOB, problems
from api.openapi_operations import EVENT_STREAM, EventsOperation
from api.schemas import JobProgress, JobStatus
from api.watched_job import Watcher

_HEARTBEAT = b":\n\n"
_HEARTBEAT_SECONDS = 15
# After a deploy all clients come back: not all in the same moment.
_RETRY_MS = range(1_000, 3_000)
_HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}


@get(
    "/jobs/{job_id:str}/events",
    operation_id="events",
    operation_class=EventsOperation,
    summary="A job, live",
    media_type=EVENT_STREAM,
    responses={
        200: ResponseSpec(
            JobStatus | JobProgress,  # type: ignore[arg-type]
            False,
            "The schema is that of one event. A line that begins with `:` is a sign of life.",
            EVENT_STREAM,
            [Example(summary=event["event"], value=event) for event in examples.EVENTS],
        ),
        204: ResponseSpec(None, False, "Last-Event-ID is that of the job's end: there is nothing to add."),
        **problems(*OF_A_JOB),
    },
)
async def events(request: Request[User, Any, State], job_watch: JobWatch, job_id: str) -> Response[Any]:
    """Server-Sent Events: `snapshot` at once (the job as `status` has it), `progress` with what is new, `end` (the job again).

    The server closes after `end`; before it, it closes when the token expires and when it is redeployed: connect anew, and
    begin with the next snapshot.
    """
    watcher = await job_watch.watch(job_id, request.user.id)
    if watcher.known.has_ended and request.headers.get("last-event-id") == watcher.known.end_id:
        return Response(None, status_code=HTTPStatus.NO_CONTENT)
    return Stream(tell(watcher, request.user.good_until), media_type=EVENT_STREAM, headers=_HEADERS)


async def tell(
    watcher: Watcher, until: float, heartbeat_seconds: float = _HEARTBEAT_SECONDS
) -> AsyncGenerator[bytes, None]:
    """A job's events from here to its end, or to a moment of `time.time()`; a sign of life where nothing happens."""
    with watcher, WATCHERS.track_inprogress():
        yield b"retry: %d\n\n" % secrets.choice(_RETRY_MS)
        yield watcher.known.snapshot
        while not watcher.known.has_ended:
            known = watcher.known
            news = await watcher.news(min(heartbeat_seconds, until - time.time()))
            if watcher.is_closed or time.time() >= until:
                return
            yield news.since(known) if news else _HEARTBEAT
        yield watcher.known.end
