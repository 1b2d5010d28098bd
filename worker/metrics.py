"""What a worker counts for Prometheus. Every label has few values: engines, outcomes, kinds of errors, HTTP statuses."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram

from shared.clips import Voice
from shared.errors import MemolistError
from worker.errors import Unspoken

_OUTCOMES = ("made", "cached", "kept", "skipped", "superseded", "moved")
_CAUSES = ("death", "fell_out")
INTERNAL_ERROR = "internal_error"
# Why clips fail, beside what their own tries raise.
_JOBS_REASONS = ("upstream_away", "storage_fault", INTERNAL_ERROR)

CLIPS = Counter(
    "tts_clips_total",
    "Clips of jobs, by what a run did with them: made, cached (found in the storage), kept (the card has it), skipped (blank),"
    " superseded (by a later job), moved (the card is another user's by now), or failed, and why.",
    ["engine", "outcome", "reason"],
)
FAILED_TRIES = Counter(
    "tts_clip_failed_tries_total", "Tries of clips that failed; most are made by the next.", ["engine", "reason"]
)
_REQUEST_SECONDS = Histogram(
    "tts_upstream_request_seconds",
    "Time of a request to the speech server. status is ok, the HTTP status of a refusal, timeout, unreachable, error or cut_off.",
    ["engine", "status"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60, 120, 300),
)
_IN_FLIGHT = Gauge("tts_upstream_requests_in_flight", "Requests to the speech server that are under way.", ["engine"])
_RATE_LIMITED = Counter(
    "tts_upstream_rate_limited_total", "Times that the speech server asked to slow down.", ["engine"]
)
_HELD_SECONDS = Counter(
    "tts_pace_held_seconds_total", "Time for which all requests were held because of that.", ["engine"]
)
PACE_INTERVAL = Gauge("tts_pace_interval_seconds", "Least time between two requests, over all workers together.")
PACE_WAIT = Histogram(
    "tts_pace_wait_seconds",
    "Time that the next request waited for its slot.",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
CHARACTERS = Counter("tts_characters_total", "Characters that the speech server charges for.", ["engine"])
DOLLARS = Counter("tts_estimated_cost_dollars_total", "What was asked for costs about so much.", ["engine"])
RESCUED = Counter("tts_jobs_rescued_total", "Jobs that this worker put back into the queue for another.", ["cause"])
DEATHS = Counter(
    "tts_job_deaths_total", "Runs of jobs that ended with their worker's death, as this worker found them."
)
JOBS = Gauge("tts_worker_jobs", "Jobs that are open in this worker.")


def begin(engine: str) -> None:
    """All that is counted begins at 0: a rise from nothing to one is no rise for Prometheus."""
    for outcome in _OUTCOMES:
        CLIPS.labels(engine, outcome, "")
    for reason in _JOBS_REASONS:
        CLIPS.labels(engine, "failed", reason)
    for kind in _kinds(Unspoken):
        CLIPS.labels(engine, "failed", reason_of(kind))
        FAILED_TRIES.labels(engine, reason_of(kind))
    for metric in (_IN_FLIGHT, _RATE_LIMITED, _HELD_SECONDS, CHARACTERS, DOLLARS):
        metric.labels(engine)
    _REQUEST_SECONDS.labels(engine, "ok")
    for cause in _CAUSES:
        RESCUED.labels(cause)


def reason_of(kind: type[Exception]) -> str:
    """An error's class as a label: `BadAudio` is `bad_audio`. What is no error of ours is one of a kind."""
    if not issubclass(kind, MemolistError):
        return INTERNAL_ERROR
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


@contextmanager
def upstream_request(voice: Voice) -> Iterator[None]:
    """Measures a request. One that raises nothing of ours was cut off, or never became one."""
    began_at, status = time.perf_counter(), "cut_off"
    _IN_FLIGHT.labels(voice.engine).inc()
    try:
        yield
        status = "ok"
    except Unspoken as error:
        status = error.status
        raise
    finally:
        _IN_FLIGHT.labels(voice.engine).dec()
        _REQUEST_SECONDS.labels(voice.engine, status).observe(time.perf_counter() - began_at)


def count_slow_down(engine: str, seconds: float) -> None:
    """The speech server asked to slow down: nobody asks it anything for so long."""
    _RATE_LIMITED.labels(engine).inc()
    _HELD_SECONDS.labels(engine).inc(seconds)


def _kinds(kind: type[Exception]) -> Iterator[type[Exception]]:
    for child in kind.__subclasses__():
        yield child
        yield from _kinds(child)
