"""Answers that are no audio, answers that are none at all, and those that no further request can help."""

import asyncio
import re
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.service import Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import all_files, cached_clips, card_files, card_urls, until

BAD_AUDIO = ["empty", "truncated", "cut", "html", "json", "silent", "short"]
NO_ANSWER = ["hang", "reset", "server_error", "unavailable", "rate_limit_exceeded"]
LOADING = (
    '{"error": {"code": "model_loading", "message": "The model is loading: 12 of 35 GB", "type": "model_loading"}}'
)
KEY = "sk-proj-a-key-that-nobody-may-see"


async def start(service: Service, **environment: str) -> asyncio.subprocess.Process:
    await service.start_api()
    return await service.start_worker(**environment)


async def test_a_clip_that_fails_once_is_tried_again(service: Service, upstream: SpeechServer) -> None:
    cards = BAD_AUDIO + NO_ANSWER
    service.add_deck("deck", cards)
    for kind in cards:
        upstream.fail(kind, times=1, text=f"The word is {kind}", retry_after="1")
    await start(service, TTS_REQUEST_TIMEOUT_S="6")  # so long nothing stands still but what hangs

    await service.made("deck", phrases(cards))

    for kind in cards:
        assert [r.outcome for r in upstream.requests if r.text == f"The word is {kind}"] == [
            "cut off" if kind == "hang" else kind,
            "ok",
        ]
    assert len(card_files(service)) == 2 * len(cards)


async def test_what_never_becomes_good_audio_is_never_stored(service: Service, upstream: SpeechServer) -> None:
    bad = BAD_AUDIO + NO_ANSWER
    cards = [card for kind in bad for card in (f"good-{kind}", f"fine-{kind}", f"bad-{kind}")]
    service.add_deck("deck", cards)
    for kind in bad:
        upstream.fail(kind, text=f"bad-{kind}", retry_after="1")
    await start(service, TTS_MAX_ATTEMPTS="2", TTS_MAX_IN_FLIGHT="2", TTS_REQUEST_TIMEOUT_S="3")

    job = await service.ended(await service.post("deck", phrases(cards)))

    assert job["status"] == "failed"
    assert job["errorMessage"].startswith("24 of 72 clips failed: ")
    assert [bool(entry.get("error")) for entry in job["resultUrls"]] == [False, False, True] * len(bad)
    assert len([request for request in upstream.requests if "bad-" in request.text]) == 2 * 24
    assert not [name for name in all_files(service) if name.startswith("bad-")]
    assert len(cached_clips(service)) == 48
    assert card_urls(service, "bad-html") == (None, None)


@pytest.mark.parametrize(
    ("kind", "what_to_do"),
    [
        ("invalid_api_key", "OPENAI_API_KEY"),
        ("insufficient_quota", "add credit"),
        ("model_not_found", "TTS_MODEL"),
    ],
)
async def test_an_upstream_that_serves_nothing_stops_the_job_at_once(
    service: Service, upstream: SpeechServer, kind: str, what_to_do: str
) -> None:
    cards = [f"card-{number}" for number in range(50)]
    service.add_deck("deck", cards)
    upstream.fail(kind)
    worker = await start(service, TTS_MAX_IN_FLIGHT="4")

    job = await service.ended(await service.post("deck", phrases(cards)))

    assert job["status"] == "failed"
    assert what_to_do in job["errorMessage"]
    assert len(job["resultUrls"]) == job["processedCount"] == 50
    asked = len(upstream.requests)
    assert asked <= 8  # those that were on their way already, of 100

    again = await service.ended(await service.post("deck", phrases(cards)))

    assert what_to_do in again["errorMessage"]
    assert len(upstream.requests) == asked  # one a minute may try
    upstream.heal()
    assert await service.stop(worker) == 0
    await service.start_worker()
    await service.made("deck", phrases(cards))


async def test_a_first_answer_that_takes_longer_than_any_other_may_is_waited_for(
    service: Service, upstream: SpeechServer
) -> None:
    cards = [f"card-{number}" for number in range(10)]
    service.add_deck("deck", cards)
    upstream.fail("held")  # what is under way while the model loads
    await start(service, TTS_MAX_ATTEMPTS="1", TTS_REQUEST_TIMEOUT_S="5")

    job_id = await service.post("deck", phrases(cards))
    await until(lambda: upstream.in_flight == 8)
    await asyncio.sleep(6)
    upstream.heal()

    assert (await service.ended(job_id))["status"] == "completed"
    assert len(upstream.texts) == len(set(upstream.texts)) == 20
    assert service.sql("SELECT waits, clips_made FROM tts.job") == [(0, 20)]


async def test_a_server_that_never_gives_its_first_answer_is_found_out(
    service: Service, upstream: SpeechServer
) -> None:
    service.add_deck("deck", ["card"])
    upstream.fail("hang")
    await start(service, TTS_OUTAGE_PATIENCE_S="0", TTS_REQUEST_TIMEOUT_S="1")

    job = await service.ended(await service.post("deck", phrases(["card"])))

    assert job["status"] == "failed"
    told = re.search(r"The upstream did not answer in time \(within ([0-9.]+) s\)", job["errorMessage"])
    assert told, job
    # How long it really was: never less than the five times that a first answer may take, and more where the machine is slow.
    assert 5 <= float(told[1]) < 60
    await until(lambda: {request.outcome for request in upstream.requests} == {"cut off"})


@pytest.mark.parametrize("made_before", [[], ["before"]])
async def test_a_job_waits_while_the_server_says_that_its_model_is_loading(
    service: Service, upstream: SpeechServer, made_before: list[str]
) -> None:
    service.add_deck("deck", [*made_before, "card"])
    await start(service, TTS_MAX_ATTEMPTS="1")
    if made_before:
        await service.made("deck", phrases(made_before))
    upstream.fail("answer", status=503, body=LOADING)

    job_id = await service.post("deck", phrases(["card"]))

    await until(lambda: service.sql("SELECT waits > 0 FROM tts.job WHERE id = %s", job_id) == [(True,)])
    job = await service.job(job_id)
    assert job["status"] == "processing"
    assert "The upstream loads its model (HTTP 503: The model is loading: 12 of 35 GB)" in job["errorMessage"]
    upstream.heal()
    assert (await service.ended(job_id))["status"] == "completed"


async def test_a_worker_that_waits_for_a_loading_model_stops_when_told_and_loses_nothing(
    service: Service, upstream: SpeechServer
) -> None:
    service.add_deck("deck", ["card"])
    upstream.fail("slow", seconds=600)
    await service.start_api()
    worker = await service.start_worker(WORKER_SHUTDOWN_TIMEOUT_S="1")
    job_id = await service.post("deck", phrases(["card"]))
    await until(lambda: upstream.in_flight == 2)

    assert await service.stop(worker) == 0

    assert (await service.job(job_id))["status"] == "processing"
    upstream.heal()
    await service.start_worker()
    assert (await service.ended(job_id))["status"] == "completed"


async def test_a_refused_clip_is_not_tried_again(running: Service, upstream: SpeechServer) -> None:
    running.add_deck("deck", ["card-1", "card-2"])
    upstream.fail("refused", text="The word is card-1")

    await running.ended(await running.post("deck", phrases(["card-1", "card-2"])))

    assert upstream.texts.count("The word is card-1") == 1
    assert len(card_files(running)) == 3


async def test_no_secret_and_no_text_is_told_in_the_log_or_to_the_user(
    service: Service, upstream: SpeechServer
) -> None:
    cards = ["good", "quoted", "fine", "refused", "well", "html", "nice", "broken"]
    service.add_deck("deck", [*cards, "key"])
    for side in ("The word is", "Le mot est"):
        upstream.fail("server_error", text=f"{side} quoted", message=f"no answer to: {side} quoted")
    for kind, card in (("refused", "refused"), ("html", "html"), ("reset", "broken")):
        upstream.fail(kind, text=card)
    upstream.fail("invalid_api_key", text="key", message=f"Incorrect API key provided: {KEY}.")
    parts = urlsplit(service.database_url)
    host = parts.netloc.rpartition("@")[2]
    database_url = urlunsplit(parts._replace(netloc=f"postgres:a-password-of-ours@{host}"))
    secrets = {"OPENAI_API_KEY": KEY, "DATABASE_URL": database_url, "LOG_LEVEL": "debug"}
    await start(service, **secrets, TTS_MAX_ATTEMPTS="2", TTS_MAX_IN_FLIGHT="1")

    jobs = [await service.ended(await service.post("deck", phrases(of))) for of in (cards, ["key"])]

    log = service.log("worker") + service.log("api")
    assert {request.api_key for request in upstream.requests} == {KEY}
    assert "tried again" in log
    for hidden in ("The word is", "Le mot est", KEY, "a-password-of-ours"):
        assert hidden not in log
    assert all(job["status"] == "failed" for job in jobs)
    assert KEY not in str(jobs)
    assert "a-password-of-ours" not in str(jobs)
