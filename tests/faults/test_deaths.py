"""What counts against a job: workers that die in it. What does not: those that are told to stop, however often and however hard."""

import signal

from tests.aftermath import assert_spoken, kill, lost_requests, record
from tests.mid_job import HELD, held_up_in_a_job
from tests.service import Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import cached_clips, queue_jobs, until

CARDS = [f"card-{number}" for number in range(10)]
CLIPS = 20


async def test_a_job_in_which_three_workers_die_without_a_clip_fails_and_frees_its_deck(
    service: Service, upstream: SpeechServer
) -> None:
    service.environment["WORKER_HEARTBEAT_S"] = "0.5"
    upstream.fail("hang", text=" two")
    service.add_deck("deck", CARDS)
    worker = await service.start_worker()
    one = phrases(CARDS[:1])
    await service.made("deck", one)
    job_id = await service.post("deck", phrases(CARDS[1:], " two"))

    for asked in (6, 10, 14):
        await until(lambda asked=asked: len(upstream.requests) >= asked)  # type: ignore[misc]
        await kill(service, worker)
        next_job = await service.post("deck", one)
        worker = await service.start_worker()
    job = await service.ended(job_id)

    assert job["status"] == "failed"
    assert "A worker died 3 times in a row" in job["errorMessage"]
    assert [entry["cardId"] for entry in job["resultUrls"]] == CARDS[1:]
    assert all(entry["error"] == job["errorMessage"] for entry in job["resultUrls"])
    assert job["processedCount"] == 9
    assert record(service, job_id, "deaths", "run") == (3, None)
    assert (await service.ended(next_job))["status"] == "completed"
    upstream.heal()
    await service.made("deck", phrases(CARDS[1:], " two"))


async def test_deaths_between_which_clips_were_made_never_fail_a_job(service: Service, upstream: SpeechServer) -> None:
    service.environment["WORKER_HEARTBEAT_S"] = "0.5"
    service.add_deck("deck", CARDS)
    job_id = await service.post("deck", phrases(CARDS))
    lost = 0

    for deaths in range(1, 4):
        upstream.fail("slow", times=2)  # by no time: the first two are answered, and no more
        upstream.fail("held")
        worker = await service.start_worker(TTS_MAX_IN_FLIGHT="2")
        await until(lambda deaths=deaths: upstream.in_flight == 2 and len(cached_clips(service)) == 2 * deaths)  # type: ignore[misc]
        await kill(service, worker)
        lost = await lost_requests(service, upstream)
        upstream.heal()
    assert lost == 2 * 3
    assert record(service, job_id, "ended_at") == (None,)
    await service.start_worker()

    assert (await service.ended(job_id))["status"] == "completed"
    assert len(upstream.requests) == CLIPS + lost
    assert record(service, job_id, "clips_made", "clips_cached") == (CLIPS, 0)
    assert_spoken(service, phrases(CARDS))


async def test_ten_redeploys_in_the_middle_of_a_job_never_count_and_cost_nothing(
    service: Service, upstream: SpeechServer
) -> None:
    cards = [f"card-{number}" for number in range(20)]
    service.add_deck("deck", cards)
    job_id = await service.post("deck", phrases(cards))

    for redeploys in range(10):
        upstream.fail("held")
        worker = await service.start_worker(TTS_MAX_IN_FLIGHT="2")
        await until(lambda: upstream.in_flight == 2)
        worker.send_signal(signal.SIGTERM)
        await until(lambda times=redeploys + 1: service.log("worker").count("stopping") == times)  # type: ignore[misc]
        upstream.heal()
        assert await worker.wait() == 0
        assert queue_jobs(service) == ["todo"]
        assert len(upstream.requests) == len(cached_clips(service)) == 2 * (redeploys + 1)
    await service.start_worker()

    assert (await service.ended(job_id))["status"] == "completed"
    assert len(upstream.texts) == len(set(upstream.texts)) == 40
    assert record(service, job_id, "deaths", "clips_made", "clips_cached") == (0, 40, 0)


async def test_nothing_is_lost_by_a_second_signal(service: Service, upstream: SpeechServer) -> None:
    worker, job_id = await held_up_in_a_job(service, upstream, CARDS)
    worker.send_signal(signal.SIGTERM)
    await until(lambda: "stopping" in service.log("worker"))
    assert await service.stop(worker) == 128 + signal.SIGTERM

    upstream.heal()
    await service.start_worker()

    assert (await service.ended(job_id))["status"] == "completed"
    assert len(upstream.requests) == CLIPS + HELD
    assert_spoken(service, phrases(CARDS))
