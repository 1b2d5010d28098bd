"""A job's row through every order of events that users, workers, their deaths and the upstream can bring about."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared import deaths, jobs, runs
from shared.database import create_engine, create_sessions
from shared.errors import JobHasEnded, JobNotFound, JobNotRetryable, LostRun, TooManyJobs
from shared.job_lock import hold
from shared.runs import Checkpoint, Run
from shared.settings import Settings
from shared.usage import Spent

PHRASES = [{"cardId": f"card-{number}", "textEn": "a", "textFr": "b"} for number in range(4)]
WRITES = [runs.checkpoint, partial(runs.wait, reason="waits"), partial(runs.finish, error_message=None)]
ENDED = ("completed", "failed", "cancelled")
Result = TypeVar("Result")


class JobStates(RuleBasedStateMachine):
    """Runs of one job: `holder` has the token, `old` are those that lost it, frozen or dead, and may wake up at any time."""

    database_url: str

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.database = create_engine(Settings(database_url=SecretStr(self.database_url)), pool_size=1)
        self.sessions = create_sessions(self.database)
        self.holder: Run | None = None
        self.old: list[Run] = []
        self.made = 0
        self.deaths = 0
        self.status = "pending"
        self.processed = self.listed = 0
        self.user = uuid4().hex
        # Asked of the run that has the token, even if it is dead.
        self.is_cancel_requested = False
        self.ends: list[Any] = []

    def teardown(self) -> None:
        self.loop.run(self.database.dispose())
        self.loop.close()

    def do(self, work: Callable[[AsyncSession], Awaitable[Result]]) -> Result:
        async def in_transaction() -> Result:
            async with self.sessions.begin() as session:
                return await work(session)

        return self.loop.run(in_transaction())

    @property
    def row(self) -> Any:
        return self.do(self._read)

    async def _read(self, session: AsyncSession) -> Any:
        rows = await session.execute(
            text(
                'SELECT * FROM public."TtsJob" AS row JOIN tts.job AS record ON record.id = row."id" WHERE row."id" = :id'
            ),
            {"id": self.job_id},
        )
        return rows.mappings().one()

    @initialize()
    def create(self) -> None:
        self.job_id = self.do(lambda session: jobs.create(session, self.user, "deck", PHRASES, False))

    @rule()
    def start(self) -> None:
        """Also while another run has the job: it was given up for dead."""
        if self.holder:
            self.old.append(self.holder)
        listed = self.row["resultUrls"]
        self.holder = self.do(lambda session: runs.start(session, self.job_id))
        assert (self.holder is None) == (self.status in ENDED or self.is_cancel_requested)
        if self.holder:
            assert self.holder.spent_before == Spent(self.made, self.made)
            assert self.holder.listed_before == listed
            self.status = "processing"
        elif self.status not in ENDED:
            self.status = "cancelled"

    @precondition(lambda self: self.holder is not None)
    @rule(processed=st.integers(0, len(PHRASES)), more=st.integers(0, 2))
    def checkpoint(self, processed: int, more: int) -> None:
        """The new run looks at everything again: it may count fewer phrases than the one before it."""
        self._write(runs.checkpoint, processed, more)

    @precondition(lambda self: self.holder is not None)
    @rule(more=st.integers(0, 2))
    def wait(self, more: int) -> None:
        waiting = self._write(partial(runs.wait, reason="waits"), 0, more)
        assert waiting.times >= 1
        self.old.append(self.holder)  # type: ignore[arg-type]
        self.holder = None

    @precondition(lambda self: self.holder is not None)
    @rule(error=st.sampled_from([None, "1 of 8 clips failed"]), more=st.integers(0, 2))
    def finish(self, error: str | None, more: int) -> None:
        self._write(partial(runs.finish, error_message=error), len(PHRASES), more)
        self.old.append(self.holder)  # type: ignore[arg-type]
        self.holder = None
        self.status = "cancelled" if self.is_cancel_requested else "failed" if error else "completed"

    @precondition(lambda self: self.holder is not None)
    @rule()
    def lay_down(self) -> None:
        """The run stops early; one that was asked to end the job does so."""
        run = self.holder
        assert run
        was_asked = self.do(lambda session: runs.lay_down(session, run))
        assert was_asked == self.is_cancel_requested
        self.old.append(run)
        if was_asked:
            self._write(partial(runs.finish, error_message=None), 0, 0)
            self.status = "cancelled"
        self.holder = None

    @rule(is_theirs=st.sampled_from([True, True, False]), is_running=st.booleans())
    def cancel(self, is_theirs: bool, is_running: bool) -> None:
        """As the API does, at any moment; `is_running` as the queue says it, which may be late."""
        has_run = self.row["run"] is not None

        def work(session: AsyncSession) -> Awaitable[None]:
            return jobs.cancel(session, self.job_id, self.user if is_theirs else "bob", is_running)

        if not is_theirs or self.status in ENDED:
            before = self.row
            with pytest.raises(JobNotFound if not is_theirs else JobHasEnded):
                self.do(work)
            assert self.row == before
            return
        self.do(work)
        if is_running and has_run:
            self.is_cancel_requested = True
        else:
            if self.holder:
                self.old.append(self.holder)
            self.holder = None
            self.status = "cancelled"

    @rule(is_theirs=st.sampled_from([True, True, True, False]), most=st.sampled_from([0, 1, 1, 1]))
    def retry(self, is_theirs: bool, most: int) -> None:
        def work(session: AsyncSession) -> Awaitable[None]:
            return jobs.retry(session, self.job_id, self.user if is_theirs else "bob", most)

        before = self.row
        can = is_theirs and self.status in ("failed", "cancelled")
        if not can or not most:
            with pytest.raises(JobNotFound if not is_theirs else JobNotRetryable if not can else TooManyJobs):
                self.do(work)
            assert self.row == before
            return
        self.do(work)
        self.status, self.deaths, self.is_cancel_requested = "pending", 0, False
        self.processed = self.listed = sum("error" not in entry for entry in before["resultUrls"])
        self.ends.append(before)

    @precondition(lambda self: self.holder is not None)
    @rule()
    def kill(self) -> None:
        """Nobody knows yet: the row says nothing of it."""
        self.old.append(self.holder)  # type: ignore[arg-type]
        self.holder = None

    @rule(most=st.sampled_from([1, 3, 3, 3]))
    def rescue(self, most: int) -> None:
        """As `worker/rescue.py`: the death is counted, then the job is queued again or failed. It may have ended meanwhile."""

        async def work(session: AsyncSession) -> int | None:
            in_a_row = await deaths.count_death(session, self.job_id)
            if in_a_row and in_a_row >= most:
                await deaths.fail(session, self.job_id, "died")
            return in_a_row

        in_a_row = self.do(work)
        if self.status in ENDED or self.is_cancel_requested:
            assert in_a_row is None
            if self.holder:
                self.old.append(self.holder)
            self.holder = None
            self.status = self.status if self.status in ENDED else "cancelled"
            return
        assert in_a_row == self.deaths + 1
        self.deaths = in_a_row
        if in_a_row >= most:
            if self.holder:
                self.old.append(self.holder)
            self.holder = None
            if self.status not in ENDED:
                self.status, self.processed = "failed", len(PHRASES)

    @precondition(lambda self: bool(self._losers()))
    @rule(choice=st.randoms(use_true_random=False), say=st.sampled_from(WRITES))
    def wake(self, choice: Any, say: Callable[..., Awaitable[Any]]) -> None:
        """A run that lost its token wakes up and tries to write."""
        before = self.row
        run = choice.choice(self._losers())
        so_far = Checkpoint(1, urls(1), Spent(self.made + 7, self.made + 7))

        async def work(session: AsyncSession) -> None:
            await hold(session, run.job_id, run.token)
            await say(session, run, so_far)

        with pytest.raises(LostRun):
            self.do(work)
        assert self.row == before

    def _losers(self) -> list[Run]:
        token = self.row["run"]
        return [run for run in self.old if run.token != token]

    @invariant()
    def all_is_as_it_must_be(self) -> None:
        row = self.row
        self._check_state(row)
        self._check_end(row)

    def _check_state(self, row: Any) -> None:
        assert row["status"] == self.status
        assert row["processedCount"] == self.processed <= row["totalPhrases"]
        assert (row["ended_at"] is not None) == (row["completedAt"] is not None) == (self.status in ENDED)
        assert (row["cancel_requested_at"] is not None) == self.is_cancel_requested
        assert row["run"] is None or self.status not in ENDED
        assert (row["startedAt"] is None) <= (self.status in ("pending", "failed", "cancelled"))
        assert (row["clips_made"], row["characters_billed"], row["deaths"]) == (self.made, self.made, self.deaths)
        assert self.status != "completed" or row["errorMessage"] is None
        assert self.status != "failed" or row["errorMessage"]
        assert self.status not in ("completed", "failed") or len(row["resultUrls"]) == len(PHRASES)
        assert len(row["resultUrls"]) == self.processed or self.status == "processing"
        if self.holder:
            assert row["run"] == self.holder.token

    def _check_end(self, row: Any) -> None:
        """It is one: as long as nobody tries again, nothing of it changes."""
        if self.ends and self.ends[-1]["ended_at"] == row["ended_at"]:
            assert self.ends[-1] == row
        elif row["ended_at"]:
            self.ends.append(row)

    def _write(self, say: Callable[..., Awaitable[Any]], processed: int, more: int) -> Any:
        run = self.holder
        assert run
        # A run lists what the one before had listed until it comes to that.
        self.listed = max(processed, self.listed)
        so_far = Checkpoint(processed, urls(self.listed), Spent(self.made + more, self.made + more))

        async def work(session: AsyncSession, so_far: Checkpoint = so_far) -> Any:
            await hold(session, run.job_id, run.token)
            result = await say(session, run, so_far)
            # Absolute values: to write them again counts nothing twice.
            if say is runs.checkpoint:
                await say(session, run, replace(so_far))
            return result

        result = self.do(work)
        self.made += more
        self.deaths = 0 if more else self.deaths
        self.processed = max(self.processed, processed)
        return result


def urls(count: int) -> list[dict[str, str | None]]:
    return [{"cardId": phrase["cardId"], "audioUrlEn": "e", "audioUrlFr": "f"} for phrase in PHRASES[:count]]


def test_no_order_of_events_breaks_a_job(database_url: str) -> None:
    machine = type("Machine", (JobStates,), {"database_url": database_url})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
