"""Jobs, from the queue to their end, or back to the queue."""

import asyncio
from dataclasses import dataclass

import structlog
from structlog.contextvars import bind_contextvars

from shared import runs
from shared.database import DATABASE_AWAY
from shared.job_lock import HOLD_SECONDS
from shared.runs import Run
from shared.to_its_end import to_its_end
from worker.job_run import JobRun, Parts

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Synthesizer(Parts):
    """Runs jobs, any number at once."""

    async def run(self, job_id: str) -> None:
        """Takes a job to its end. Raises only what is not the job's fault: run again, it goes on where it was."""
        async with self.sessions.begin() as session:
            run = await runs.start(session, job_id)
        if run is None:
            _log.info("nothing to do: the job has ended, or is gone")
            return
        # In this job's context, and so in those of its hands.
        bind_contextvars(request_id=run.request_id, user_id=run.user_id, deck_id=run.deck_id)
        job_run = JobRun(self, run)
        try:
            await job_run.run()
        except DATABASE_AWAY:
            raise  # nobody can be asked: whether it was cancelled is for the next run to see
        except (Exception, asyncio.CancelledError):
            # To its end: a cancel may come in this very moment, and nobody else is there who would heed it.
            if not await to_its_end(self._stop_early(job_run, run), HOLD_SECONDS):
                raise
        finally:
            job_run.hand_over()

    async def _stop_early(self, job_run: JobRun, run: Run) -> bool:
        """Lays a run down. Where it was asked before to end its job, it does so: then there is nothing to go back to the queue."""
        async with self.sessions.begin() as session:
            was_asked_to_end = await runs.lay_down(session, run)
        if was_asked_to_end:
            await job_run.end()
        return was_asked_to_end
