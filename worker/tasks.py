"""The queue's side of a job: what runs it, and what brings it back when it could not end."""

import os
from asyncio import CancelledError

import structlog
from procrastinate import App, BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job

from shared.errors import LostRun, ShuttingDown
from shared.queue import QUEUE, RUN_JOB
from worker.doors import Doors
from worker.readiness import first_line
from worker.synthesis import Synthesizer

_FIRST_WAIT_SECONDS = 5
_LONGEST_WAIT_SECONDS = 300
_EXIT_CODE_LOST_RUN = 70
_log = structlog.get_logger(__name__)


def add_tasks(queue: App, synthesizer: Synthesizer, doors: Doors) -> None:
    """Tells the queue how to run a job."""

    @queue.task(name=RUN_JOB, queue=QUEUE, retry=_BackToTheQueue())
    async def run_job(job_id: str) -> None:
        try:
            async with doors.inside():
                await synthesizer.run(job_id)
        except LostRun:
            _end_process(job_id)


class _BackToTheQueue(BaseRetryStrategy):
    """Always: a job ends in its own row, and what is raised here is never its fault. There is no count that could run out."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        if isinstance(exception, ShuttingDown | CancelledError):
            return RetryDecision(retry_in={"seconds": 0})
        _log.warning("a job goes back to the queue", job_id=job.task_kwargs.get("job_id"), reason=first_line(exception))
        wait = min(_FIRST_WAIT_SECONDS * 2 ** min(job.attempts, 10), _LONGEST_WAIT_SECONDS)
        return RetryDecision(retry_in={"seconds": wait})


def _end_process(job_id: str) -> None:
    """Ends this process before the queue can take the job for done.

    Another run has the job: this worker was declared dead, and its jobs are not its own any more. procrastinate would
    acknowledge the queue job that the other run is working on, since it looks neither at the worker nor at the attempt.
    """
    _log.error("this worker was given up for dead and its jobs run elsewhere: it ends, to start anew", job_id=job_id)
    os._exit(_EXIT_CODE_LOST_RUN)
