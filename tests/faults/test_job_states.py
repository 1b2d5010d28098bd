"""A job's row through every order of events that workers, their deaths and the upstream can bring about."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

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

from shared import jobs
from shared.database import create_engine, create_sessions
from shared.errors import LostRun
from shared.jobs import Checkpoint, Run, Spent
from shared.settings import Settings

PHRASES = [{"cardId": f"card-{number}", "textEn": "a", "textFr": "b"} for number in range(4)]
WRITES = [jobs.checkpoint, partial(jobs.wait, reason="waits"), partial(jobs.finish, error_message=None)]
ENDED = ("completed", "failed")
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
        self.processed = 0

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
        self.job_id = self.do(lambda session: jobs.create(session, "anna", "deck", PHRASES, False))

    @rule()
    def start(self) -> None:
        """Also while another run has the job: it was given up for dead."""
        if self.holder:
            self.old.append(self.holder)
        self.holder = self.do(lambda session: jobs.start(session, self.job_id))
        assert (self.holder is None) == (self.status in ENDED)
        if self.holder:
            assert self.holder.spent_before == Spent(self.made, self.made)
            self.status = "processing"

    @precondition(lambda self: self.holder is not None)
    @rule(processed=st.integers(0, len(PHRASES)), more=st.integers(0, 2))
    def checkpoint(self, processed: int, more: int) -> None:
        """The new run looks at everything again: it may count fewer phrases than the one before it."""
        self._write(jobs.checkpoint, processed, more)

    @precondition(lambda self: self.holder is not None)
    @rule(more=st.integers(0, 2))
    def wait(self, more: int) -> None:
        waiting = self._write(partial(jobs.wait, reason="waits"), 0, more)
        assert waiting.times >= 1
        self.old.append(self.holder)  # type: ignore[arg-type]
        self.holder = None

    @precondition(lambda self: self.holder is not None)
    @rule(error=st.sampled_from([None, "1 of 8 clips failed"]), more=st.integers(0, 2))
    def finish(self, error: str | None, more: int) -> None:
        self._write(partial(jobs.finish, error_message=error), len(PHRASES), more)
        self.old.append(self.holder)  # type: ignore[arg-type]
        self.holder = None
        self.status = "failed" if error else "completed"

    @precondition(lambda self: self.holder is not None)
    @rule()
    def kill(self) -> None:
        """Nobody knows yet: the row says nothing of it."""
        self.old.append(self.holder)  # type: ignore[arg-type]
        self.holder = None

    @rule(most=st.integers(1, 3))
    def rescue(self, most: int) -> None:
        """As `worker/rescue.py`: the death is counted, then the job is queued again or failed. It may have ended meanwhile."""

        async def work(session: AsyncSession) -> int:
            deaths = await jobs.count_death(session, self.job_id)
            if deaths >= most:
                await jobs.fail(session, self.job_id, "died")
            return deaths

        deaths = self.do(work)
        assert deaths == self.deaths + 1
        self.deaths = deaths
        if deaths >= most:
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
        so_far = Checkpoint(1, urls(1), 2, Spent(self.made + 7, self.made + 7))

        async def work(session: AsyncSession) -> None:
            await jobs.hold(session, run)
            await say(session, run, so_far)

        with pytest.raises(LostRun):
            self.do(work)
        assert self.row == before

    def _losers(self) -> list[Run]:
        token = self.row["run"]
        return [run for run in self.old if run.token != token]

    @invariant()
    def the_row_is_as_it_must_be(self) -> None:
        row = self.row
        assert row["status"] == self.status
        assert row["processedCount"] == self.processed <= row["totalPhrases"]
        assert (row["ended_at"] is not None) == (row["completedAt"] is not None) == (self.status in ENDED)
        assert row["run"] is None or self.status not in ENDED
        assert (row["startedAt"] is None) <= (self.status in ("pending", "failed"))
        assert (row["clips_made"], row["characters_billed"], row["deaths"]) == (self.made, self.made, self.deaths)
        assert self.status != "completed" or row["errorMessage"] is None
        assert self.status != "failed" or row["errorMessage"]
        assert self.status not in ENDED or len(row["resultUrls"]) == len(PHRASES)
        if self.holder:
            assert row["run"] == self.holder.token

    def _write(self, say: Callable[..., Awaitable[Any]], processed: int, more: int) -> Any:
        run = self.holder
        assert run
        so_far = Checkpoint(processed, urls(processed), 2 * processed, Spent(self.made + more, self.made + more))

        async def work(session: AsyncSession, so_far: Checkpoint = so_far) -> Any:
            await jobs.hold(session, run)
            result = await say(session, run, so_far)
            # Absolute values: to write them again counts nothing twice.
            if say is jobs.checkpoint:
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
            max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
