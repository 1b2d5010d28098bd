"""When a job that could not end is run again."""

import math
from asyncio import CancelledError

import structlog
from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job

from shared.database import DATABASE_AWAY
from shared.errors import ShuttingDown
from shared.tracebacks import kind_and_words
from worker.errors import UpstreamAway

_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 5.0, 300.0
_log = structlog.get_logger(__name__)


class BackToTheQueue(BaseRetryStrategy):
    """Always: a job ends in its own row, and what is raised is never its fault. There is no count that could run out."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        if isinstance(exception, ShuttingDown | CancelledError):
            return RetryDecision(retry_in={"seconds": 0})
        seconds = max(backoff_seconds(_times(exception, job)), _asked_seconds(exception))
        # Outside of the job's own context, which has ended.
        _log.warning(
            "a job goes back to the queue", **job.task_kwargs, wait_seconds=seconds, reason=kind_and_words(exception)
        )
        return RetryDecision(retry_in={"seconds": seconds})


def _times(exception: BaseException, job: Job) -> int:
    """The how manieth time in a row it is."""
    if isinstance(exception, UpstreamAway):
        return exception.times
    # The queue job goes back once the database is there again. Redeploys are attempts, too: those count for nothing.
    return 1 if isinstance(exception, DATABASE_AWAY) else job.attempts + 1


def _asked_seconds(exception: BaseException) -> int:
    return math.ceil(exception.retry_after_seconds) if isinstance(exception, UpstreamAway) else 0


def backoff_seconds(times: int) -> int:
    """How long to wait after so many times in a row: 5 s to 5 minutes."""
    return round(min(_FIRST_WAIT_SECONDS * 2.0 ** min(times - 1, 10), _LONGEST_WAIT_SECONDS))
