"""A job is stopped: at once where it waits, within a moment where it runs. What is made stays; one end, whatever comes together."""

import asyncio
import time
from contextlib import ExitStack

import pytest

from tests.aftermath import empty_the_queue, record
from tests.job_control import assert_adds_up, cancel, detail, locked, outcomes, waiters
from tests.service import ENDED, Service, phrases
from tests.shared_api import assert_problem, request
from tests.speech_server import SpeechServer
from tests.watching import cached_clips, card_files, card_urls, queue_jobs, until

CARDS = [f"card-{number}" for number in range(10)]


async def test_a_job_whose_upstream_hangs_ends_within_a_moment_and_keeps_what_is_made(
    running: Service, upstream: SpeechServer
) -> None:
    upstream.fail("hang", text="card-9")
    running.add_deck("deck", CARDS)
    job_id = await running.post("deck", phrases(CARDS))
    await until(lambda: len(card_files(running)) == 18)

    began_at = time.monotonic()
    answer = await cancel(running, job_id)
    job = await running.ended(job_id)
    print(f"cancelled after {time.monotonic() - began_at:.2f} s")

    assert (answer.status, answer.body) == (202, {"ok": True})
    assert (job["status"], job["processedCount"], job["errorMessage"]) == ("cancelled", 9, None)
    assert job["completedAt"]
    assert [entry["cardId"] for entry in job["resultUrls"]] == CARDS[:9]
    assert all(entry.keys() == {"cardId", "audioUrlEn", "audioUrlFr"} for entry in job["resultUrls"])
    assert len(card_files(running)) == 18
    for entry in job["resultUrls"]:
        assert card_urls(running, entry["cardId"]) == (entry["audioUrlEn"], entry["audioUrlFr"])
    assert card_urls(running, "card-9") == (None, None)
    full = await detail(running, job_id)
    assert outcomes(full) == {"done": 18, "cancelled": 2}
    assert_adds_up(full)
    assert full["cost"]["clipsMade"] == 18
    # The deck is free.
    await until(lambda: queue_jobs(running) == [])
    await running.made("deck", phrases(CARDS[:9]))
    assert len(upstream.requests) == 20


async def test_what_is_under_way_is_not_bought_again_and_nothing_more_is_asked_for(
    service: Service, upstream: SpeechServer
) -> None:
    upstream.fail("held")
    service.add_deck("deck", CARDS)
    service.add_deck("other", ["other"])
    await service.start_api()
    await service.start_worker(TTS_MAX_IN_FLIGHT="2")
    job_id = await service.post("deck", phrases(CARDS))
    await until(lambda: len(upstream.requests) == 2)

    assert (await cancel(service, job_id)).status == 202
    assert (await service.ended(job_id))["status"] == "cancelled"
    upstream.heal()
    await service.made("other", phrases(["other"]))  # the places are free again

    await until(lambda: not upstream.in_flight)
    assert sum("card-" in text for text in upstream.texts) == 2
    await until(lambda: len(cached_clips(service)) == 4)
    later = await service.post("deck", phrases(CARDS))
    assert (await service.ended(later))["status"] == "completed"
    assert len(upstream.texts) == len(set(upstream.texts)) == 22
    full = await detail(service, later)
    assert_adds_up(full)
    assert full["cost"]["clipsMade"] == 20  # the first to tell of a clip pays for it


async def test_a_job_that_waits_behind_another_of_its_deck_ends_at_once(
    running: Service, upstream: SpeechServer
) -> None:
    upstream.fail("held")
    running.add_deck("deck", CARDS)
    first = await running.post("deck", phrases(CARDS[:1]))
    await until(lambda: upstream.requests)
    second = await running.post("deck", phrases(CARDS[1:2]))
    third = await running.post("deck", phrases(CARDS[2:3]))

    assert (await cancel(running, second)).status == 202

    job = await running.job(second)
    assert (job["status"], job["processedCount"], job["resultUrls"]) == ("cancelled", 0, [])
    assert queue_jobs(running) == ["doing", "todo"]
    upstream.heal()
    assert (await running.ended(first))["status"] == "completed"
    assert (await running.ended(third))["status"] == "completed"
    assert "card-1" not in str(upstream.texts)


async def test_a_job_that_waits_for_its_upstream_ends_at_once_and_waits_for_nothing_any_more(
    running: Service, upstream: SpeechServer
) -> None:
    await upstream.stop()
    running.add_deck("deck", CARDS)
    job_id = await running.post("deck", phrases(CARDS))
    await until(lambda: queue_jobs(running) == ["todo"] and record(running, job_id, "waits") != (0,))
    assert "Waiting" in (await running.job(job_id))["errorMessage"]

    assert (await cancel(running, job_id)).status == 202

    job = await running.job(job_id)
    assert (job["status"], job["errorMessage"]) == ("cancelled", None)
    assert queue_jobs(running) == []
    await upstream.start()
    await running.made("deck", phrases(CARDS[:1]))
    assert len(upstream.requests) == 2


async def test_a_job_that_no_worker_has_seen_ends_at_once_and_is_never_run(
    service: Service, upstream: SpeechServer
) -> None:
    service.add_deck("deck", CARDS)
    await service.start_api()
    job_id = await service.post("deck", phrases(CARDS))

    assert (await cancel(service, job_id)).status == 202

    job = await service.job(job_id)
    assert (job["status"], job["processedCount"], job["resultUrls"]) == ("cancelled", 0, [])
    assert outcomes(await detail(service, job_id)) == {"cancelled": 20}
    assert queue_jobs(service) == []
    await service.start_worker()
    await service.made("deck", phrases(CARDS[:1]))
    assert await service.job(job_id) == job
    assert len(upstream.requests) == 2


async def test_after_its_end_a_job_cannot_be_cancelled(running: Service, upstream: SpeechServer) -> None:
    upstream.fail("refused", text="card-1")
    running.add_deck("deck", CARDS)
    completed = await running.post("deck", phrases(CARDS[:1]))
    failed = await running.post("deck", phrases(CARDS[1:2]))
    await asyncio.gather(running.ended(completed), running.ended(failed))
    before = [await running.job(job_id) for job_id in (completed, failed)]

    for job_id in (completed, failed):
        assert "ended" in assert_problem(await cancel(running, job_id), 409)["detail"]

    assert [await running.job(job_id) for job_id in (completed, failed)] == before


async def test_cancelled_twice_it_ends_once(running: Service, upstream: SpeechServer) -> None:
    upstream.fail("hang")
    running.add_deck("deck", CARDS)
    job_id = await running.post("deck", phrases(CARDS))
    await until(lambda: upstream.requests)

    answers = await asyncio.gather(*(cancel(running, job_id) for _ in range(10)))
    job = await running.ended(job_id)

    assert {answer.status for answer in answers} <= {202, 409}
    assert 202 in {answer.status for answer in answers}
    assert job["status"] == "cancelled"
    assert_problem(await cancel(running, job_id), 409)
    assert await running.job(job_id) == job


@pytest.mark.parametrize("action", ["cancel", "retry"])
async def test_jobs_of_others_and_of_nobody_are_not_there(service: Service, action: str) -> None:
    service.add_deck("deck", ["card"])
    await service.start_api()
    job_id = await service.post("deck", phrases(["card"]))
    odd = ["not-there", "%00", "a%00b", "x" * 5_000, "a%2Fb", "%FF", "%ED%A0%80", "%F0%9F%98%80", "%20", "{job_id:str}"]
    unknown = [await request(service, "POST", f"/api/tts/jobs/{an_id}/{action}") for an_id in odd]
    of_another = await request(service, "POST", f"/api/tts/jobs/{job_id}/{action}", user="bob")

    assert assert_problem(unknown[0], 404) == assert_problem(of_another, 404)
    for answer in unknown:
        assert_problem(answer, 404)

    assert_problem(await request(service, "POST", f"/api/tts/jobs/{job_id}/{action}", user=None), 401)
    assert_problem(await request(service, "GET", f"/api/tts/jobs/{job_id}/{action}"), 405)
    assert (await service.job(job_id))["status"] == "pending"
    assert queue_jobs(service) == ["todo"]
    assert "error of ours" not in service.log("api")


async def test_a_cancel_that_comes_after_the_last_write_is_a_409(service: Service, upstream: SpeechServer) -> None:
    """The run waits for the job's row first, the cancel after it: by then the job has ended."""
    service.add_deck("deck", ["card"])
    await service.start_api()
    await service.start_worker()
    await service.made("deck", phrases(["card"]))
    with ExitStack() as its_row:
        with locked(service, "LOCK TABLE tts.card_audio IN ACCESS EXCLUSIVE MODE"):
            job_id = await service.post("deck", phrases(["card"]))  # all is there: its first write is its last
            await until(lambda: waiters(service) == 1)
            its_row.enter_context(locked(service, "SELECT FROM tts.job WHERE id = %s FOR UPDATE", job_id))
        await until(lambda: waiters(service) == 1)
        cancelling = asyncio.create_task(cancel(service, job_id))
        await until(lambda: waiters(service) == 2)

    answer = await cancelling

    assert_problem(answer, 409)
    assert (await service.ended(job_id))["status"] == "completed"
    await until(lambda: queue_jobs(service) == [])
    assert (await service.job(job_id))["status"] == "completed"


async def test_a_cancel_that_comes_before_the_last_write_is_the_end(service: Service, upstream: SpeechServer) -> None:
    """The cancel is answered while the run has made all and waits to say so."""
    service.add_deck("deck", ["card"])
    await service.start_api()
    await service.start_worker()
    with locked(service, 'SELECT FROM public."Card" WHERE "id" = %s FOR UPDATE', "card"):
        job_id = await service.post("deck", phrases(["card"]))
        await until(lambda: waiters(service) == 1)
        cancelling = asyncio.create_task(cancel(service, job_id))
        await until(lambda: waiters(service) == 2)

    answer, job = await cancelling, await service.ended(job_id)

    assert (answer.status, job["status"]) in [(202, "cancelled"), (409, "completed")]
    assert job["processedCount"] == 1
    assert len(job["resultUrls"]) == 1
    assert card_urls(service, "card")[0]
    await until(lambda: queue_jobs(service) == [])


async def test_a_run_that_is_cancelled_before_it_has_looked_around_keeps_what_the_one_before_listed(
    service: Service, upstream: SpeechServer
) -> None:
    upstream.fail("held", text="card-9")
    service.add_deck("deck", CARDS)
    await service.start_api()
    worker = await service.start_worker(TTS_MAX_IN_FLIGHT="1")
    job_id = await service.post("deck", phrases(CARDS))
    await until(lambda: "card-9" in str(upstream.texts))
    worker.terminate()
    await until(lambda: "stopping: " in service.log("worker"))  # from now on it asks for nothing more
    upstream.heal()
    assert await worker.wait() == 0
    listed = (await service.job(job_id))["resultUrls"]
    assert len(listed) == 9
    with locked(service, "LOCK TABLE tts.card_audio IN ACCESS EXCLUSIVE MODE"):
        await service.start_worker()
        await until(lambda: waiters(service) == 1)
        assert (await cancel(service, job_id)).status == 202
        job = await service.ended(job_id)

    assert (job["status"], job["processedCount"]) == ("cancelled", 9)
    assert job["resultUrls"] == listed


async def test_a_run_that_is_cancelled_at_its_very_start_ends_the_job(service: Service, upstream: SpeechServer) -> None:
    """It waits for the job's row, to take the token."""
    service.add_deck("deck", CARDS)
    await service.start_api()
    job_id = await service.post("deck", phrases(CARDS))
    with locked(service, "SELECT FROM tts.job WHERE id = %s FOR UPDATE", job_id):
        await service.start_worker()
        await until(lambda: waiters(service) == 1)
        cancelling = asyncio.create_task(cancel(service, job_id))
        await until(lambda: waiters(service) == 2)

    assert (await cancelling).status == 202
    assert (await service.ended(job_id))["status"] == "cancelled"
    await until(lambda: queue_jobs(service) == [])
    await service.made("deck", phrases(CARDS[:1]))


async def test_a_job_whose_worker_stops_in_the_same_moment_ends_all_the_same(
    service: Service, upstream: SpeechServer
) -> None:
    upstream.latency_seconds = 0.3
    await service.start_api()
    for number in range(6):
        cards = [f"{number}-card-{card}" for card in range(150)]  # more than are made before anybody is heard
        service.add_deck(f"deck-{number}", cards)
        worker = await service.start_worker(TTS_MAX_IN_FLIGHT="2")
        job_id = await service.post(f"deck-{number}", phrases(cards))
        await until(lambda: any(text.endswith(f" {number}-card-0") for text in upstream.texts))  # noqa: B023

        if number % 2:
            worker.terminate()
            await asyncio.sleep(0.15 * number)
            answer = await cancel(service, job_id)
        else:
            answer = await cancel(service, job_id)
            await asyncio.sleep(0.02 * number)
            worker.terminate()

        assert answer.status == 202
        assert await worker.wait() == 0
        assert (await service.job(job_id))["status"] == "cancelled"  # nobody else is there to end it
    assert "Traceback" not in service.log("worker")


async def test_a_cancel_in_the_moment_in_which_a_stopping_worker_lays_its_job_down_ends_it(
    service: Service, upstream: SpeechServer
) -> None:
    service.add_deck("deck", CARDS)
    await service.start_api()
    # One clip, and then nothing for a minute: there is nothing to write before the job is laid down.
    worker = await service.start_worker(TTS_REQUEST_INTERVAL_MS="60000")
    job_id = await service.post("deck", phrases(CARDS))
    await until(lambda: service.sql("SELECT clips_made FROM tts.job") == [(1,)])
    # The cancel keeps the job's row until it is laid down; laying it down takes until the cancel is heard of.
    service.sql(
        """
        CREATE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(TG_ARGV[0]::float); RETURN NEW; END';
        CREATE TRIGGER asked BEFORE UPDATE ON tts.job FOR EACH ROW
        WHEN (OLD.cancel_requested_at IS NULL AND NEW.cancel_requested_at IS NOT NULL) EXECUTE FUNCTION be_slow(2);
        CREATE TRIGGER laid_down BEFORE UPDATE ON tts.job FOR EACH ROW
        WHEN (OLD.cancel_requested_at IS NOT NULL) EXECUTE FUNCTION be_slow(1);  -- the two of its end, too
        """
    )

    cancelling = asyncio.create_task(cancel(service, job_id))
    await until(lambda: service.sql("SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'") != [])
    worker.terminate()

    assert (await cancelling).status == 202
    assert await worker.wait() == 0
    assert (await service.job(job_id))["status"] == "cancelled"


async def test_a_cancelled_job_has_no_error_of_its_own_and_its_entries_keep_theirs(
    running: Service, upstream: SpeechServer
) -> None:
    """As where the job waited in the queue when it was cancelled: who ended it makes no difference."""
    upstream.fail("refused", text="The word is card-0")
    upstream.fail("hang", text="card-1")
    running.add_deck("deck", CARDS)
    job_id = await running.post("deck", phrases(CARDS[:2]))
    await until(lambda: running.sql('SELECT "processedCount" FROM public."TtsJob"') == [(1,)])

    await cancel(running, job_id)

    job = await running.ended(job_id)
    assert (job["status"], job["errorMessage"]) == ("cancelled", None)
    [entry] = job["resultUrls"]
    assert (entry["audioUrlEn"], bool(entry["audioUrlFr"]), bool(entry["error"])) == (None, True, True)
    assert outcomes(await detail(running, job_id)) == {"done": 1, "failed": 1, "cancelled": 2}


async def test_a_request_that_waits_too_long_for_a_job_s_row_is_a_503_and_frees_its_connection(
    service: Service,
) -> None:
    service.add_deck("deck", CARDS)
    await service.start_api()
    job_id = await service.post("deck", phrases(CARDS))

    with locked(service, "SELECT FROM tts.job WHERE id = %s FOR UPDATE", job_id):
        answer = await cancel(service, job_id)

        assert_problem(answer, 503)
        assert int(answer.headers["Retry-After"]) > 0
        assert "locked" in answer.body["detail"]
        await until(lambda: waiters(service) == 0)
    assert (await cancel(service, job_id)).status == 202
    assert "error of ours" not in service.log("api")


async def test_a_job_that_has_fallen_out_of_the_queue_can_be_cancelled(service: Service) -> None:
    service.add_deck("deck", CARDS)
    await service.start_api()
    job_id = await service.post("deck", phrases(CARDS))
    empty_the_queue(service)

    assert (await cancel(service, job_id)).status == 202
    assert (await service.job(job_id))["status"] in ENDED


async def test_a_job_that_an_older_api_made_is_its_users_all_the_same(service: Service) -> None:
    """During a deploy it writes no owner beside the job."""
    service.add_deck("deck", ["card-1"])
    service.add_deck("other", ["other"])
    await service.start_api()
    job_id, other = await service.post("deck", phrases(["card-1"])), await service.post("other", phrases(["other"]))
    service.sql("UPDATE tts.job SET user_id = NULL, deck_id = NULL")

    assert (await cancel(service, job_id)).status == 202
    assert (await service.job(job_id))["status"] == "cancelled"
    assert_problem(await cancel(service, other, user="ben"), 404)
    await service.start_worker()
    assert (await service.ended(other))["status"] == "completed"
    assert (await detail(service, other))["status"] == "completed"
