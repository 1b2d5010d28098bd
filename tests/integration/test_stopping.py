"""SIGTERM at any moment, and a worker that was given up for dead: nothing is lost, nothing is paid for twice."""

import asyncio
import signal

from tests.job_control import cancel, retry
from tests.service import GIVE_UP_SECONDS, Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import cached_clips, card_files, queue_jobs, until

CARDS = [f"card-{number}" for number in range(10)]


def hold_all_but(upstream: SpeechServer, cards: list[str]) -> None:
    """Nothing that other cards say is answered until the upstream is healed."""
    for card in CARDS:
        if card not in cards:
            upstream.fail("held", text=card)


async def stops_in_the_middle(service: Service, worker: asyncio.subprocess.Process, upstream: SpeechServer) -> None:
    """Told to stop while the upstream holds what is under way, a worker waits for that, and begins nothing more."""
    worker.send_signal(signal.SIGTERM)
    await until(lambda: "stopping" in service.log("worker"))
    upstream.heal()
    assert await asyncio.wait_for(worker.wait(), GIVE_UP_SECONDS) == 0


async def test_a_job_that_is_stopped_in_the_middle_is_finished_by_another_worker(
    service: Service, upstream: SpeechServer
) -> None:
    hold_all_but(upstream, CARDS[:3])
    service.add_deck("deck", CARDS)
    await service.start_api()
    worker = await service.start_worker(TTS_MAX_IN_FLIGHT="4")
    job_id = await service.post("deck", phrases(CARDS))
    await until(lambda: len(upstream.requests) == 6 + 4 and upstream.in_flight == 4)

    await stops_in_the_middle(service, worker, upstream)

    asked = len(upstream.requests)
    assert asked == 6 + 4
    assert all(request.ok for request in upstream.requests)
    assert len(cached_clips(service)) == len(card_files(service)) == asked
    assert (await service.job(job_id))["status"] == "processing"
    assert queue_jobs(service) == ["todo"]

    await service.start_worker()
    job = await service.ended(job_id)

    assert (job["status"], job["processedCount"]) == ("completed", 10)
    assert len(upstream.texts) == len(set(upstream.texts)) == 20
    assert service.sql("SELECT clips_made, clips_cached FROM tts.job") == [(20, 0)]


async def test_a_regeneration_that_is_stopped_in_the_middle_remakes_nothing_twice(
    service: Service, upstream: SpeechServer
) -> None:
    service.add_deck("deck", CARDS)
    await service.start_api()
    worker = await service.start_worker(TTS_MAX_IN_FLIGHT="4")
    await service.made("deck", phrases(CARDS))
    before = card_files(service)
    hold_all_but(upstream, CARDS[:3])
    job_id = await service.post("deck", phrases(CARDS), regenerate=True)
    await until(lambda: len(upstream.requests) == 20 + 6 + 4 and upstream.in_flight == 4)
    await stops_in_the_middle(service, worker, upstream)
    assert len(upstream.requests) == 20 + 6 + 4

    await service.start_worker()
    await service.ended(job_id)

    anew = upstream.texts[20:]
    assert len(anew) == len(set(anew)) == 20
    assert all(audio != before[name] for name, audio in card_files(service).items())


async def test_an_idle_worker_stops_without_a_word_of_trouble(service: Service) -> None:
    worker = await service.start_worker()

    assert await service.stop(worker) == 0

    assert "stopped" in service.log("worker")
    assert "Traceback" not in service.log("worker")
    assert service.sql("SELECT count(*) FROM tts.procrastinate_workers") == [(0,)]


async def test_a_worker_that_waits_for_a_busy_upstream_stops_at_once(service: Service, upstream: SpeechServer) -> None:
    upstream.fail("rate_limit_exceeded", retry_after="3600")
    service.add_deck("deck", CARDS)
    await service.start_api()
    worker = await service.start_worker(WORKER_SHUTDOWN_TIMEOUT_S="1000")
    job_id = await service.post("deck", phrases(CARDS))
    await until(lambda: upstream.requests and not upstream.in_flight)

    assert await service.stop(worker) == 0

    assert (await service.job(job_id))["status"] == "processing"
    assert queue_jobs(service) == ["todo"]


async def test_a_worker_does_not_wait_for_ever_for_a_hanging_upstream(service: Service, upstream: SpeechServer) -> None:
    upstream.fail("hang")
    service.add_deck("deck", CARDS)
    await service.start_api()
    worker = await service.start_worker(WORKER_SHUTDOWN_TIMEOUT_S="1")
    job_id = await service.post("deck", phrases(CARDS))
    await until(lambda: upstream.requests)

    assert await service.stop(worker) == 0

    assert queue_jobs(service) == ["todo"]
    assert "Traceback" not in service.log("worker")
    upstream.heal()
    await service.start_worker()
    assert (await service.ended(job_id))["status"] == "completed"


async def test_what_a_cancelled_job_left_under_way_is_stored_before_the_worker_stops(
    service: Service, upstream: SpeechServer
) -> None:
    upstream.fail("held")
    service.add_deck("deck", CARDS[:2])
    await service.start_api()
    worker = await service.start_worker(WORKER_SHUTDOWN_TIMEOUT_S="1000")
    job_id = await service.post("deck", phrases(CARDS[:2]))
    await until(lambda: upstream.in_flight == 4)
    assert (await cancel(service, job_id)).status == 202
    assert (await service.ended(job_id))["status"] == "cancelled"
    worker.send_signal(signal.SIGTERM)
    await until(lambda: "stopping" in service.log("worker"))
    await asyncio.sleep(1)  # in which it would be gone

    upstream.heal()
    assert await asyncio.wait_for(worker.wait(), 60) == 0

    assert len(cached_clips(service)) == 4
    await service.start_worker()
    await retry(service, job_id)
    assert (await service.ended(job_id))["status"] == "completed"
    assert len(upstream.requests) == 4


async def test_a_second_signal_ends_the_worker_at_once(service: Service, upstream: SpeechServer) -> None:
    upstream.fail("hang")
    service.add_deck("deck", CARDS)
    await service.start_api()
    worker = await service.start_worker(WORKER_SHUTDOWN_TIMEOUT_S="1000")
    await service.post("deck", phrases(CARDS))
    await until(lambda: upstream.requests)
    worker.send_signal(signal.SIGTERM)
    await until(lambda: "stopping" in service.log("worker"))

    assert await service.stop(worker, signal.SIGTERM) == 128 + signal.SIGTERM

    assert queue_jobs(service) == ["doing"]


async def test_a_worker_whose_job_was_taken_over_writes_nothing_more_of_it_and_works_on(
    service: Service, upstream: SpeechServer
) -> None:
    hold_all_but(upstream, CARDS[:3])
    service.add_deck("deck", CARDS)
    service.add_deck("other", ["other"])
    await service.start_api()
    await service.start_worker(TTS_MAX_IN_FLIGHT="2")
    await service.post("deck", phrases(CARDS))
    await until(lambda: card_files(service) and upstream.in_flight == 2)

    service.sql("UPDATE tts.procrastinate_jobs SET attempts = attempts + 1")
    service.sql("UPDATE tts.job SET run = gen_random_uuid()")
    files, rows = card_files(service), written(service)
    upstream.heal()
    await until(lambda: "not this worker's any more" in service.log("worker"))

    assert queue_jobs(service) == ["doing"]
    assert (card_files(service), written(service)) == (files, rows)
    assert len(files) < 20
    await service.made("other", phrases(["other"]))


def written(service: Service) -> list[object]:
    """All that only a job's run may write."""
    tables = ('public."TtsJob"', 'public."Card" ORDER BY "id"', "tts.job", "tts.card_audio ORDER BY card_id, side")
    return [service.sql(f"SELECT * FROM {table}") for table in tables]
