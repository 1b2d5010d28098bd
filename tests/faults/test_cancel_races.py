"""A cancel against everything that can happen in the same moment: one end, that of the answer, and a deck that is free."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.jobs import Job
from procrastinate.manager import NotificationCallback

from shared.database import prepare_session
from tests.aftermath import assert_whole, kill, listeners
from tests.job_control import assert_adds_up, cancel, detail, locked, outcomes, retry, waiters
from tests.mid_job import freeze, held_up_in_a_job, noticed_its_loss, wake
from tests.s3_server import S3Server
from tests.service import Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import card_files, queue_jobs, until
from worker.heartbeat import Heartbeat
from worker.steady_queue import SteadyJobs

CARDS = [f"card-{number}" for number in range(10)]


async def answered(service: Service, job_id: str) -> str:
    """Cancels a job, and returns how it must end by the answer."""
    answer = await cancel(service, job_id)
    assert answer.status in (202, 409), answer
    return "cancelled" if answer.status == 202 else "completed"


async def test_cancelled_in_the_moment_of_its_end_a_job_ends_once_as_the_answer_said(
    service: Service, upstream: SpeechServer
) -> None:
    for number in range(80):
        service.add_deck(f"deck-{number}", [f"card-{number}"])
    apis = [replace(service)]
    await service.start_api()
    apis.append(service)
    await service.start_worker()
    began_at = time.monotonic()
    await service.made("deck-0", phrases(["card-0"]))
    takes_seconds = min(time.monotonic() - began_at, 1)
    moment = random.Random(5)

    async def one(number: int) -> tuple[str, str]:
        # Half of the jobs find all of it made, and so are at their end at once.
        wanted = [{"textEn": "The word is card-0", "textFr": f"Mot {number % 2 * number}", "cardId": f"card-{number}"}]
        job_id = await service.post(f"deck-{number}", wanted)
        await asyncio.sleep(moment.random() * 3 * takes_seconds)
        said = await answered(apis[number % 2], job_id)
        return job_id, said

    ends = [end for first in range(0, 80, 8) for end in await asyncio.gather(*map(one, range(first, first + 8)))]

    jobs = {job_id: await service.ended(job_id) for job_id, _ in ends}
    print(Counter(said for _, said in ends))
    assert [jobs[job_id]["status"] for job_id, _ in ends] == [said for _, said in ends]
    await until(lambda: queue_jobs(service) == [])
    for job_id, job in jobs.items():
        assert await service.job(job_id) == job
        assert_whole_end(job)
    print(f"ended as {Counter(job['status'] for job in jobs.values())}")
    assert_whole(service)
    assert "Traceback" not in service.log("worker")


def assert_whole_end(job: dict[str, Any]) -> None:
    assert job["completedAt"]
    assert job["errorMessage"] is None
    assert len(job["resultUrls"]) == job["processedCount"]


async def test_cancelled_in_the_moment_of_its_start_a_job_ends_once(service: Service, upstream: SpeechServer) -> None:
    upstream.latency_seconds = 2  # none is done before its cancel is heard
    for number in range(40):
        service.add_deck(f"deck-{number}", [f"{number}-{card}" for card in CARDS])
    await service.start_worker()
    moment = random.Random(7)

    async def one(number: int) -> None:
        job_id = await service.post(f"deck-{number}", phrases(f"{number}-{card}" for card in CARDS))
        await asyncio.sleep(moment.random() * 0.03)
        assert await answered(service, job_id) == "cancelled"
        assert (await service.ended(job_id))["status"] == "cancelled"
        full = await detail(service, job_id)
        assert outcomes(full)["cancelled"] + outcomes(full)["done"] == 20
        assert_adds_up(full)

    for first in range(0, 40, 8):
        await asyncio.gather(*map(one, range(first, first + 8)))

    await until(lambda: queue_jobs(service) == [])
    upstream.latency_seconds = 0
    await service.made("deck-0", phrases([f"0-{card}" for card in CARDS]))
    assert "Traceback" not in service.log("worker")


async def test_what_is_paid_for_and_not_yet_stored_counts_where_it_is_found(
    service: Service, upstream: SpeechServer, s3: S3Server
) -> None:
    """The cancelled job has no clip to show for it; the next one of these cards finds the clips, and what they cost."""
    await s3.make_public()
    service.environment |= s3.environment
    service.add_deck("deck", CARDS[:2])
    await service.start_worker()
    s3.fail("held", method="PUT", path=".mp3")
    job_id = await service.post("deck", phrases(CARDS[:2]))
    await until(lambda: s3.count("PUT", ".mp3") == 4)

    assert await answered(service, job_id) == "cancelled"
    await service.ended(job_id)
    cancelled = await detail(service, job_id)
    looked = s3.count("HEAD", ".cache/")
    finding = await service.post("deck", phrases(CARDS[:2]))
    await until(lambda: s3.count("HEAD", ".cache/") == looked + 4)  # in vain
    s3.heal()
    assert (await service.ended(finding))["status"] == "completed"
    finder = await detail(service, finding)

    assert len(upstream.requests) == 4
    assert (cancelled["cost"]["clipsMade"], cancelled["cost"]["charactersBilled"]) == (0, 0)
    assert finder["cost"]["clipsMade"] == 4
    for job in (cancelled, finder):
        assert_adds_up(job)


async def test_the_job_of_a_dead_worker_ends_as_cancelled_and_is_not_run_again(
    service: Service, upstream: SpeechServer
) -> None:
    doomed, job_id = await held_up_in_a_job(service, upstream, CARDS)
    listed = (await service.job(job_id))["resultUrls"]
    await kill(service, doomed)

    assert (await cancel(service, job_id)).status == 202
    assert (await cancel(service, job_id)).status == 202
    upstream.heal()
    await service.start_worker()
    job = await service.ended(job_id)

    assert (job["status"], job["processedCount"], job["errorMessage"]) == ("cancelled", 8, None)
    assert job["resultUrls"] == listed
    await until(lambda: queue_jobs(service) == [])
    await service.made("deck", phrases(CARDS[:8]))
    assert len(upstream.requests) == 20
    assert await service.job(job_id) == job
    # And what it lacks can still be made.
    assert (await retry(service, job_id)).status == 202
    assert (await service.ended(job_id))["status"] == "completed"


async def test_a_worker_that_froze_and_was_cancelled_wakes_up_to_nothing(
    service: Service, upstream: SpeechServer
) -> None:
    frozen, job_id = await held_up_in_a_job(service, upstream, CARDS)
    freeze(frozen)
    upstream.heal()
    assert (await cancel(service, job_id)).status == 202
    await service.start_worker()
    job = await service.ended(job_id)
    assert job["status"] == "cancelled"
    await service.made("deck", phrases(CARDS, " changed"))
    files = card_files(service)

    wake(frozen)
    await noticed_its_loss(service)

    assert card_files(service) == files
    assert await service.job(job_id) == job
    await service.made("deck", phrases(CARDS))


async def test_connections_that_break_around_a_cancel_change_nothing_of_its_end(
    service: Service, upstream: SpeechServer
) -> None:
    await service.start_worker()
    moment = random.Random(11)
    for number in range(6):
        upstream.fail("held")
        asked = len(upstream.requests)
        service.add_deck(f"deck-{number}", [f"{number}-{card}" for card in CARDS])
        job_id = await service.post(f"deck-{number}", phrases(f"{number}-{card}" for card in CARDS))
        await until(lambda asked=asked: len(upstream.requests) > asked)  # type: ignore[misc]

        cancelling = asyncio.create_task(cancel(service, job_id))
        await asyncio.sleep(moment.random() * 0.06)
        terminate_connections(service)
        answer = await cancelling
        assert answer.status in (202, 503), answer
        while answer.status == 503:
            answer = await cancel(service, job_id)

        # 409: the first one was heard, and only its answer was lost.
        assert answer.status in (202, 409)
        assert (await service.ended(job_id))["status"] == "cancelled"
        upstream.heal()
    await until(lambda: queue_jobs(service) == [])
    await service.made("deck-0", phrases([f"0-{card}" for card in CARDS]))


def terminate_connections(service: Service) -> None:
    service.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


async def test_a_run_that_could_not_end_its_job_leaves_that_to_the_next(
    service: Service, upstream: SpeechServer
) -> None:
    """The database goes away between the cancel and the run's last write."""
    upstream.fail("hang")
    service.add_deck("deck", CARDS)
    await service.start_worker()
    job_id = await service.post("deck", phrases(CARDS))
    await until(lambda: upstream.requests)
    service.sql("UPDATE tts.job SET cancel_requested_at = now() WHERE id = %s", job_id)
    with locked(service, "SELECT FROM tts.job WHERE id = %s FOR UPDATE", job_id):
        with psycopg.connect(service.database_url) as connection:
            connection.execute("SET search_path = tts")
            connection.execute("SELECT procrastinate_cancel_job_v1(id, true, false) FROM procrastinate_jobs")
        await until(lambda: waiters(service) == 1)
        service.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        # Whoever takes it next waits for the row, too.
        await until(lambda: service.sql("SELECT attempts > 0 FROM tts.procrastinate_jobs") == [(True,)])

    assert (await service.ended(job_id))["status"] == "cancelled"
    await until(lambda: queue_jobs(service) == [])


class HastyJobs(SteadyJobs):
    """Hears of an abort in the moment in which it gets a job: before the job's task makes its first step."""

    _hear: NotificationCallback

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        job = await super().fetch_job(queues, worker_id)
        if job:
            asyncio.get_running_loop().call_soon(self._abort, job.id or 0)
        return job

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        self._hear = partial(self._notice, on_notification)
        await super().listen_for_jobs(on_notification=on_notification, queues=queues)

    def _abort(self, queue_job_id: int) -> None:
        told = self._hear(channel="", notification={"type": "abort_job_requested", "job_id": queue_job_id})
        # All of it now, not in a task of its own: that would begin after the job's.
        with suppress(StopIteration):
            told.__await__().__next__()


async def test_an_abort_before_a_job_s_first_step_does_not_keep_it_from_ending(service: Service) -> None:
    connector = PsycopgConnector(conninfo=service.database_url, configure=prepare_session)
    hasty = HastyJobs(connector, Heartbeat(limit_seconds=9))
    queue = App(connector=connector, worker_defaults={"worker_middleware": [hasty.begin]})
    queue.job_manager = hasty
    done: list[int] = []

    @queue.task(name="note", queue="tts", pass_context=False)
    async def note(number: int) -> None:
        done.append(number)

    async with queue.open_async():
        working = asyncio.create_task(
            queue.run_worker_async(queues=["tts"], install_signal_handlers=False, delete_jobs="successful")
        )
        await until(lambda: listeners(service))
        await note.defer_async(number=7)
        await until(lambda: done == [7])
        await until(lambda: queue_jobs(service) == [])
        working.cancel()
        await asyncio.wait([working])
