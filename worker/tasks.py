"""The queue's side of a job: what runs it."""

from procrastinate import App
from structlog.contextvars import bound_contextvars

from shared.queue import QUEUE, RUN_JOB
from worker.doors import Doors
from worker.metrics import JOBS
from worker.retry import BackToTheQueue
from worker.synthesis import Synthesizer


def add_tasks(queue: App, synthesizer: Synthesizer, doors: Doors) -> None:
    """Tells the queue how to run a job."""

    @queue.task(name=RUN_JOB, queue=QUEUE, retry=BackToTheQueue())
    async def run_job(job_id: str) -> None:
        with bound_contextvars(job_id=job_id), JOBS.track_inprogress():
            async with doors.inside():
                await synthesizer.run(job_id)
