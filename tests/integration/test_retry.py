"""A job is run again: only what it lacks is made, under its own id, and never over what a later job has spoken."""

import asyncio

import pytest

from tests.aftermath import record
from tests.job_control import assert_adds_up, cancel, detail, generate, outcomes, retry, two_apis
from tests.service import Service, phrases
from tests.shared_api import assert_problem
from tests.speech_server import SpeechServer
from tests.watching import cached_clips, card_files, card_urls, queue_jobs, spoken, until

CARDS = [f"card-{number}" for number in range(10)]


async def failed_in_part(service: Service, upstream: SpeechServer, text: str = "card-1") -> str:
    """A job of three cards, with one that failed."""
    service.add_deck("deck", CARDS)
    upstream.fail("refused", text=text)
    job_id = await service.post("deck", phrases(CARDS[:3]))
    assert (await service.ended(job_id))["status"] == "failed"
    upstream.heal()
    return job_id


async def test_only_what_is_missing_is_made(running: Service, upstream: SpeechServer) -> None:
    job_id = await failed_in_part(running, upstream, text="mot est card-1")
    before, asked = card_files(running), len(upstream.requests)
    created_at = (await running.job(job_id))["createdAt"]

    answer = await retry(running, job_id)
    job = await running.ended(job_id)

    assert (answer.status, answer.body) == (202, {"ok": True, "jobId": job_id})
    assert (job["status"], job["processedCount"], job["errorMessage"]) == ("completed", 3, None)
    assert [entry["cardId"] for entry in job["resultUrls"]] == CARDS[:3]
    assert all(entry.keys() == {"cardId", "audioUrlEn", "audioUrlFr"} for entry in job["resultUrls"])
    assert job["createdAt"] == created_at
    assert upstream.texts[asked:] == ["Le mot est card-1"]
    after = card_files(running)
    assert after.keys() - before.keys() == {"card-1_fr.mp3"}
    assert {name: after[name] for name in before} == before
    full = await detail(running, job_id)
    assert outcomes(full) == {"done": 6}
    assert_adds_up(full)
    assert full["cost"]["clipsMade"] == 6
    await until(lambda: queue_jobs(running) == [])


async def test_until_it_runs_it_is_pending_and_lists_what_is_good(service: Service, upstream: SpeechServer) -> None:
    await service.start_api()
    worker = await service.start_worker()
    job_id = await failed_in_part(service, upstream)
    await until(lambda: queue_jobs(service) == [])
    assert await service.stop(worker) == 0

    assert (await retry(service, job_id)).status == 202

    job = await service.job(job_id)
    assert (job["status"], job["errorMessage"], job["completedAt"]) == ("pending", None, None)
    assert [entry["cardId"] for entry in job["resultUrls"]] == ["card-0", "card-2"]
    assert job["processedCount"] == 2
    assert outcomes(await detail(service, job_id)) == {"done": 4, "pending": 2}
    assert queue_jobs(service) == ["todo"]
    await service.start_worker()
    assert (await service.ended(job_id))["status"] == "completed"


async def test_a_cancelled_job_goes_on_where_it_was(running: Service, upstream: SpeechServer) -> None:
    upstream.fail("held", text="card-2")
    running.add_deck("deck", CARDS)
    job_id = await running.post("deck", phrases(CARDS[:3]))
    await until(lambda: record(running, job_id, "clips_made") == (4,))
    await until(lambda: upstream.in_flight == 2)
    assert (await cancel(running, job_id)).status == 202
    assert (await running.ended(job_id))["status"] == "cancelled"
    upstream.heal()
    await until(lambda: not upstream.in_flight and queue_jobs(running) == [])
    await until(lambda: len(cached_clips(running)) == 6)

    assert (await retry(running, job_id)).status == 202

    job = await running.ended(job_id)
    assert (job["status"], job["processedCount"], len(job["resultUrls"])) == ("completed", 3, 3)
    assert len(upstream.requests) == 6
    full = await detail(running, job_id)
    assert_adds_up(full)
    assert full["cost"]["clipsMade"] == 6


async def test_only_a_failed_or_cancelled_job_can_be_run_again(running: Service, upstream: SpeechServer) -> None:
    upstream.fail("hang", text="card-1")
    running.add_deck("deck", CARDS)
    completed = str((await running.made("deck", phrases(CARDS[:1])))["id"])
    processing = await running.post("deck", phrases(CARDS[1:2]))
    await until(lambda: len(upstream.requests) == 4)
    pending = await running.post("deck", phrases(CARDS[2:3]))

    for job_id in (completed, processing, pending):
        assert_problem(await retry(running, job_id), 409)

    assert queue_jobs(running) == ["doing", "todo"]
    assert [(await running.job(job_id))["status"] for job_id in (completed, processing, pending)] == [
        "completed",
        "processing",
        "pending",
    ]


async def test_what_a_later_job_has_spoken_stays(running: Service, upstream: SpeechServer) -> None:
    """Cards that the first job failed at, and one that it had made."""
    job_id = await failed_in_part(running, upstream)
    await running.made("deck", phrases(CARDS[:2], " changed"))
    before, urls = card_files(running), [card_urls(running, card) for card in CARDS]
    asked = len(upstream.requests)

    assert (await retry(running, job_id)).status == 202
    job = await running.ended(job_id)

    assert "internal" not in str(job).lower(), job
    assert (job["status"], job["processedCount"]) == ("failed", 3)
    assert "4 of 6 clips failed: superseded by a later job" in job["errorMessage"]
    assert [entry.get("error") for entry in job["resultUrls"]] == ["superseded by a later job"] * 2 + [None]
    assert card_files(running) == before
    assert [card_urls(running, card) for card in CARDS] == urls
    assert spoken(running, "card-1_en.mp3") == "The word is card-1 changed"
    assert len(upstream.requests) == asked
    full = await detail(running, job_id)
    assert outcomes(full) == {"done": 2, "failed": 4}
    assert {clip["error"] for clip in full["clips"]} == {None, "superseded by a later job"}
    assert "error of ours" not in running.log("worker")


async def test_what_a_later_job_says_too_is_kept(running: Service, upstream: SpeechServer) -> None:
    job_id = await failed_in_part(running, upstream)
    await running.made("deck", phrases(CARDS[1:2]))
    asked = len(upstream.requests)

    await retry(running, job_id)

    assert (await running.ended(job_id))["status"] == "completed"
    assert len(upstream.requests) == asked
    assert outcomes(await detail(running, job_id)) == {"done": 6}


async def test_a_clip_that_was_made_and_now_fails_is_told_as_failed(running: Service, upstream: SpeechServer) -> None:
    """Its audio was lost in between."""
    job_id = await failed_in_part(running, upstream)
    for path in running.storage.rglob("*.mp3"):
        path.unlink()
    upstream.fail("refused", text="card-0")

    await retry(running, job_id)

    job = await running.ended(job_id)
    assert job["status"] == "failed"
    assert job["errorMessage"].startswith("2 of 6 clips failed: "), job
    assert outcomes(await detail(running, job_id)) == {"done": 4, "failed": 2}


async def test_tried_again_many_times_at_once_it_is_queued_once(service: Service) -> None:
    service.add_deck("deck", CARDS)
    apis = await two_apis(service)
    job_id = await service.post("deck", phrases(CARDS))
    for _ in range(10):
        assert (await cancel(service, job_id)).status == 202

        answers = await asyncio.gather(*(retry(apis[n % 2], job_id) for n in range(6)))

        assert sorted(answer.status for answer in answers) == [202] + [409] * 5
        assert queue_jobs(service) == ["todo"]
        assert (await service.job(job_id))["status"] == "pending"


async def test_it_counts_among_the_user_s_jobs_under_way(service: Service, upstream: SpeechServer) -> None:
    service.add_deck("deck", CARDS)
    await service.start_api(MAX_ACTIVE_JOBS_PER_USER="1")
    old = await service.post("deck", phrases(CARDS))
    await cancel(service, old)
    new = await service.post("deck", phrases(CARDS))

    answer = await retry(service, old)

    assert_problem(answer, 429)
    assert int(answer.headers["Retry-After"]) > 0
    assert (await service.job(old))["status"] == "cancelled"
    assert_problem(await retry(service, new), 409)  # waiting for room would not help
    await cancel(service, new)
    assert (await retry(service, old)).status == 202
    assert_problem(await generate(service, phrases(CARDS)), 429)
    assert queue_jobs(service) == ["todo"]


async def test_the_deck_must_still_be_the_user_s(service: Service) -> None:
    service.add_deck("deck", CARDS)
    await service.start_api()
    job_id = await service.post("deck", phrases(CARDS))
    await cancel(service, job_id)

    service.sql("""UPDATE public."Deck" SET "userId" = 'bob'""")
    assert_problem(await retry(service, job_id), 403)
    service.sql('DELETE FROM public."Card"')
    service.sql('DELETE FROM public."Deck"')
    assert_problem(await retry(service, job_id), 404)

    assert (await service.job(job_id))["status"] == "cancelled"
    assert queue_jobs(service) == []
    assert "error of ours" not in service.log("api")


@pytest.mark.parametrize("moment", ["before", "during"])
async def test_a_card_that_is_in_another_user_s_deck_by_now_is_left_alone(
    running: Service, upstream: SpeechServer, moment: str
) -> None:
    job_id = await failed_in_part(running, upstream)
    running.add_deck("of-ben", ["of-ben"], user="ben")
    before, asked = card_files(running), len(upstream.requests)
    upstream.fail("held", text="card-1")

    if moment == "before":
        move(running, "card-1", "of-ben")
    assert (await retry(running, job_id)).status == 202
    if moment == "during":
        await until(lambda: len(upstream.requests) > asked)
        move(running, "card-1", "of-ben")
        upstream.heal()
    job = await running.ended(job_id)

    assert (job["status"], job["processedCount"]) == ("failed", 3)
    [entry] = [entry for entry in job["resultUrls"] if "error" in entry]
    assert (entry["cardId"], entry["audioUrlEn"], entry["audioUrlFr"]) == ("card-1", None, None)
    assert "another user's deck" in entry["error"]
    assert outcomes(await detail(running, job_id)) == {"done": 4, "failed": 2}
    assert card_files(running) == before
    assert card_urls(running, "card-1") == (None, None)
    if moment == "before":
        assert len(upstream.requests) == asked  # nothing is bought for nobody
    # It is its new owner's to speak.
    upstream.heal()  # where nothing was asked for, the fault is still there
    await running.made("of-ben", phrases(["card-1"]), user="ben")
    assert spoken(running, "card-1_en.mp3") == "The word is card-1"


def move(service: Service, card_id: str, deck_id: str) -> None:
    service.sql('UPDATE public."Card" SET "deckId" = %s WHERE "id" = %s', deck_id, card_id)


async def test_it_waits_for_another_job_of_its_deck(running: Service, upstream: SpeechServer) -> None:
    job_id = await failed_in_part(running, upstream)
    upstream.fail("held", text="card-5")
    other = await running.post("deck", phrases(CARDS[5:6]))
    await until(lambda: "card-5" in str(upstream.texts))

    assert (await retry(running, job_id)).status == 202

    assert queue_jobs(running) == ["doing", "todo"]
    assert (await running.job(job_id))["status"] == "pending"
    upstream.heal()
    assert (await running.ended(other))["status"] == "completed"
    assert (await running.ended(job_id))["status"] == "completed"


async def test_cancelled_and_tried_again_in_turns_it_ends_well(running: Service, upstream: SpeechServer) -> None:
    upstream.latency_seconds = 0.1
    running.add_deck("deck", CARDS)
    job_id = await running.post("deck", phrases(CARDS))
    for turn in range(15):
        await asyncio.sleep(turn * 0.01)
        if (await cancel(running, job_id)).status == 409:
            assert (await running.job(job_id))["status"] == "completed"
            break
        assert (await running.ended(job_id))["status"] == "cancelled"
        assert (await retry(running, job_id)).status == 202

    job = await running.ended(job_id)

    assert (job["status"], job["processedCount"]) == ("completed", 10)
    await until(lambda: queue_jobs(running) == [])
    assert len(upstream.texts) == len(set(upstream.texts)) == 20
    assert_adds_up(await detail(running, job_id))
    assert record(running, job_id, "clips_made") == (20,)


async def test_tried_again_while_clips_of_before_are_under_way_it_takes_those(
    running: Service, upstream: SpeechServer
) -> None:
    upstream.fail("held")
    running.add_deck("deck", CARDS)
    job_id = await running.post("deck", phrases(CARDS))
    await until(lambda: len(upstream.requests) == 8)
    assert (await cancel(running, job_id)).status == 202
    assert (await running.ended(job_id))["status"] == "cancelled"

    assert (await retry(running, job_id)).status == 202
    await until(lambda: record(running, job_id, "run") != (None,))
    assert upstream.in_flight == 8
    upstream.heal()
    assert (await running.ended(job_id))["status"] == "completed"

    assert len(upstream.texts) == len(set(upstream.texts)) == 20
    full = await detail(running, job_id)
    assert_adds_up(full)
    assert full["cost"]["clipsMade"] == 20
    assert full["cost"]["charactersBilled"] == sum(map(len, upstream.texts))


async def test_a_job_that_makes_anew_does_not_make_twice_what_it_made(running: Service, upstream: SpeechServer) -> None:
    running.add_deck("deck", CARDS)
    await running.made("deck", phrases(CARDS))
    upstream.fail("refused", text="card-9")
    job_id = await running.post("deck", phrases(CARDS), regenerate=True)
    assert (await running.ended(job_id))["status"] == "failed"
    upstream.heal()

    await retry(running, job_id)

    assert (await running.ended(job_id))["status"] == "completed"
    assert len(upstream.requests) == 42
    assert_adds_up(await detail(running, job_id))
