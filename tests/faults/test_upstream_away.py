"""An upstream that serves nobody: jobs wait for it without burning requests, say so, go on by themselves, and lose patience in the end."""

import asyncio
from typing import Any

import pytest

from tests.aftermath import assert_spoken, record
from tests.mid_job import busy_with_a_job
from tests.service import Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import cached_clips, queue_jobs, until

CARDS = [f"card-{number}" for number in range(60)]
CLIPS = 120
WAITING = "Waiting for the upstream, which serves nobody just now"


async def says(service: Service, job_id: str, words: str) -> dict[str, Any]:
    """The job once its errorMessage says so."""
    async with asyncio.timeout(60):
        while words not in str((job := await service.job(job_id))["errorMessage"]):
            await asyncio.sleep(0.05)
    return job


@pytest.mark.parametrize("places", ["1", "8"])
async def test_a_job_waits_for_an_upstream_that_is_gone_and_goes_on_when_it_is_back(
    service: Service, upstream: SpeechServer, places: str
) -> None:
    upstream.fail("held", text=CARDS[-1])  # it does not end before the upstream is gone
    _, job_id = await busy_with_a_job(service, upstream, CARDS, TTS_MAX_IN_FLIGHT=places)

    await upstream.stop()
    job = await says(service, job_id, WAITING)

    assert job["status"] == "processing"
    assert not [entry for entry in job["resultUrls"] if entry.get("error")]
    await until(lambda: queue_jobs(service) == ["todo"])
    assert record(service, job_id, "waits", "deaths") == (1, 0)
    asked, made = len(upstream.requests), len(cached_clips(service))
    assert made < CLIPS
    upstream.latency_seconds = 0
    upstream.heal()
    await upstream.start()
    job = await service.ended(job_id)
    assert (job["status"], job["errorMessage"]) == ("completed", None)
    assert len(upstream.requests) == asked + CLIPS - made
    assert record(service, job_id, "waits", "waiting_since", "clips_made") == (0, None, CLIPS)
    assert_spoken(service, phrases(CARDS))


@pytest.mark.parametrize("kinds", [["hang"], ["rate_limit_exceeded"], ["reset", "server_error", "unavailable"]])
async def test_an_upstream_in_trouble_gets_few_requests_until_it_is_well_again(
    service: Service, upstream: SpeechServer, kinds: list[str]
) -> None:
    _, job_id = await busy_with_a_job(service, upstream, CARDS, TTS_REQUEST_TIMEOUT_S="5" if "hang" in kinds else "60")
    upstream.latency_seconds = 0.1

    for kind in kinds[:-1]:
        upstream.fail(kind, times=4)
    upstream.fail(kinds[-1], retry_after="1" if "rate_limit_exceeded" in kinds else None)
    job = await says(service, job_id, WAITING)

    failed = [request for request in upstream.requests if not request.ok]
    # So many in a row tell that it serves nobody; some more were on their way. Not all, three times.
    assert len(failed) <= 10 + 3 * 4
    assert job["status"] == "processing"
    upstream.heal()
    assert (await service.ended(job_id))["status"] == "completed"
    assert len([request for request in upstream.requests if request.ok]) == CLIPS
    assert record(service, job_id, "waits", "clips_made") == (0, CLIPS)


@pytest.mark.parametrize("patience", ["0", "4"])
async def test_a_job_that_has_waited_long_enough_fails_and_says_why(
    service: Service, upstream: SpeechServer, patience: str
) -> None:
    await upstream.stop()
    service.add_deck("deck", CARDS)
    await service.start_worker(TTS_OUTAGE_PATIENCE_S=patience)

    job = await service.ended(await service.post("deck", phrases(CARDS)))

    assert job["status"] == "failed"
    assert "120 of 120 clips failed: The upstream served nobody for" in job["errorMessage"]
    assert [entry["cardId"] for entry in job["resultUrls"]] == CARDS
    assert job["processedCount"] == len(CARDS)
    await until(lambda: queue_jobs(service) == [])
    await upstream.start()
    await service.made("deck", phrases(CARDS))


async def test_a_long_pause_that_the_upstream_asks_for_is_told_kept_and_loses_patience_in_the_end(
    service: Service, upstream: SpeechServer
) -> None:
    """Also while it served others a moment ago, and for those that stand in line."""
    service.add_deck("deck", CARDS)
    service.add_deck("later", ["later"])
    await service.start_worker(TTS_OUTAGE_PATIENCE_S="40", TTS_MAX_IN_FLIGHT="2")
    await service.made("deck", phrases(CARDS[:1]))
    asked = len(upstream.requests)
    upstream.fail("rate_limit_exceeded", retry_after="3600")

    job_id = await service.post("deck", phrases(CARDS))
    job = await says(service, job_id, f"{WAITING}: The upstream asks to slow down")
    later = await service.post("later", phrases(["later"]))
    await says(service, later, WAITING)

    assert job["status"] == "processing"
    await until(lambda: queue_jobs(service) == ["todo"] * 2)  # a moment after they said so
    assert record(service, job_id, "waits") == record(service, later, "waits") == (1,)
    # As long as there is patience, and not every few seconds.
    [waiting] = service.sql(
        "SELECT min(scheduled_at) - now() > interval '10 s', max(scheduled_at) < now() + interval '41 s'"
        " FROM tts.procrastinate_jobs"
    )
    assert waiting == (True, True)
    for ending in (job_id, later):
        job = await service.ended(ending)
        assert "The upstream served nobody for" in job["errorMessage"]
    assert len(upstream.requests) <= asked + 2  # what was under way, and nothing since
    assert record(service, job_id, "deaths") == (0,)


async def test_other_jobs_wait_for_the_upstream_too_with_hardly_a_request(
    service: Service, upstream: SpeechServer
) -> None:
    upstream.fail("unavailable")
    service.add_deck("deck", CARDS)
    for deck in range(5):
        service.add_deck(f"deck-{deck}", [f"deck-{deck}-{number}" for number in range(50)])
    await service.start_worker()

    jobs = [await service.post("deck", phrases(CARDS))]
    for deck in range(5):
        jobs.append(await service.post(f"deck-{deck}", phrases(f"deck-{deck}-{number}" for number in range(50))))
    for job_id in jobs:
        await says(service, job_id, WAITING)

    asked = len(upstream.requests)
    # Of 620, with three tries each: those that were on their way when a run learned of it.
    assert asked <= 4 * service.log("worker").count("a job begins")
    upstream.heal()
    for job_id in jobs:
        assert (await service.ended(job_id))["status"] == "completed"


async def test_a_key_that_is_closed_out_costs_one_request_until_the_worker_is_restarted(
    service: Service, upstream: SpeechServer
) -> None:
    upstream.api_key = "another-key"
    decks = {f"deck-{deck}": [f"deck-{deck}-{number}" for number in range(20)] for deck in range(3)}
    for deck, cards in decks.items():
        service.add_deck(deck, cards)
    worker = await service.start_worker()
    first = await service.ended(await service.post("deck-0", phrases(decks["deck-0"])))
    asked = len(upstream.requests)

    jobs = [await service.post(deck, phrases(cards)) for deck, cards in decks.items()]
    later = [await service.ended(job_id) for job_id in jobs]

    assert "OPENAI_API_KEY" in first["errorMessage"]
    assert {job["errorMessage"] for job in later} == {first["errorMessage"]}
    assert asked <= 8
    assert len(upstream.requests) == asked
    assert await service.stop(worker) == 0
    await service.start_worker(OPENAI_API_KEY="another-key")
    for deck, cards in decks.items():
        await service.made(deck, phrases(cards))
