"""Answers that are no audio, answers that are none at all, and those that no further request can help."""

import asyncio
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.service import Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import all_files, cached_clips, card_files, card_urls

BAD_AUDIO = ["empty", "truncated", "cut", "html", "json", "wav", "silent", "short"]
NO_ANSWER = ["hang", "reset", "server_error", "unavailable", "rate_limit_exceeded"]
KEY = "sk-proj-a-key-that-nobody-may-see"


async def start(service: Service, **environment: str) -> asyncio.subprocess.Process:
    await service.start_api()
    return await service.start_worker(TTS_REQUEST_TIMEOUT_S="1", **environment)


async def test_a_clip_that_fails_once_is_tried_again(service: Service, upstream: SpeechServer) -> None:
    cards = BAD_AUDIO + NO_ANSWER
    service.add_deck("deck", cards)
    for kind in cards:
        upstream.fail(kind, times=1, text=f"The word is {kind}", retry_after="1")
    await start(service)

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
    await start(service, TTS_MAX_ATTEMPTS="2", TTS_MAX_IN_FLIGHT="2")

    job = await service.ended(await service.post("deck", phrases(cards)))

    assert job["status"] == "failed"
    assert job["errorMessage"].startswith("26 of 78 clips failed: ")
    assert [bool(entry.get("error")) for entry in job["resultUrls"]] == [False, False, True] * len(bad)
    assert len([request for request in upstream.requests if "bad-" in request.text]) == 2 * 26
    assert not [name for name in all_files(service) if name.startswith("bad-")]
    assert len(cached_clips(service)) == 52
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


async def test_a_refused_clip_is_not_tried_again(service: Service, upstream: SpeechServer) -> None:
    service.add_deck("deck", ["card-1", "card-2"])
    upstream.fail("refused", text="The word is card-1")
    await start(service)

    await service.ended(await service.post("deck", phrases(["card-1", "card-2"])))

    assert upstream.texts.count("The word is card-1") == 1
    assert len(card_files(service)) == 3


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
