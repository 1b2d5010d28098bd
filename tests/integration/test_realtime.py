"""Whole jobs over the realtime engine: real API, worker and Postgres, and the stand-in as a process that can be killed."""

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from tests.realtime_server import RealtimeServer
from tests.service import GIVE_UP_SECONDS, ROOT, Service, free_port, phrases
from tests.tempting_phrases import TEMPTING
from tests.watching import cached_clips, card_files, queue_jobs, until

CARDS = [f"card-{number}" for number in range(60)]
FULL_JOB = [f"card-{number}" for number in range(200)]
# Jobs of a worker that died are taken over within seconds, those that wait for the upstream looked at often.
NIMBLE = {"WORKER_HEARTBEAT_S": "1", "POLL_INTERVAL_MS": "500"}


@dataclass
class ServerProcess:
    """The stand-in as a process; started anew it listens where it did before, and remembers nothing."""

    process: asyncio.subprocess.Process
    url: str

    @classmethod
    async def start(cls, *options: str) -> "ServerProcess":
        pipe = asyncio.subprocess.PIPE
        command = [sys.executable, "-m", "tests.realtime_server", *options]
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe)
        assert process.stdout
        async with asyncio.timeout(GIVE_UP_SECONDS):
            return cls(process, (await process.stdout.readline()).decode().strip())

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()

    async def requests(self) -> list[dict[str, Any]]:
        control = self.url.removesuffix("/v1") + "/control/requests"
        async with aiohttp.ClientSession() as http, http.get(control) as answer:
            found: list[dict[str, Any]] = await answer.json()
            return found


@pytest.fixture
async def realtime() -> AsyncIterator[RealtimeServer]:
    async with RealtimeServer() as server:
        yield server


async def start(service: Service, url: str, **environment: str) -> asyncio.subprocess.Process:
    service.environment |= {"TTS_ENGINE": "realtime", "OPENAI_BASE_URL": url, **NIMBLE}
    await service.start_api()
    return await service.start_worker(**environment)


def assert_complete(service: Service, cards: list[str]) -> None:
    """Every card has its two files, every clip is there once."""
    assert set(card_files(service)) == {f"{card}_{side}.mp3" for card in cards for side in ("en", "fr")}
    assert len(cached_clips(service)) == 2 * len(cards)
    assert service.sql("SELECT count(*) FROM tts.clip") == [(2 * len(cards),)]


def unchecked_clips(service: Service) -> int:
    """Those of whose words the record says nothing."""
    [(clips,)] = service.sql("SELECT count(*) FROM tts.clip WHERE NOT words_checked")
    return int(clips)


async def test_a_full_job_is_spoken_over_as_many_connections_as_requests_in_flight(
    service: Service, realtime: RealtimeServer
) -> None:
    service.add_deck("deck", FULL_JOB)
    await start(service, realtime.url, TTS_VOICE_FR="cedar")

    await service.made("deck", phrases(FULL_JOB))

    assert_complete(service, FULL_JOB)
    assert unchecked_clips(service) == 0
    assert len(realtime.requests) == 400
    assert {request.outcome for request in realtime.requests} == {"ok"}
    assert realtime.peak_connections <= 8
    assert Counter(request.voice for request in realtime.requests) == {"marin": 200, "cedar": 200}
    assert all((request.voice == "cedar") == request.text.startswith("Le mot") for request in realtime.requests)
    assert {request.model for request in realtime.requests} == {"gpt-realtime-2.1-mini"}


async def test_a_server_that_is_killed_in_the_middle_of_a_job_loses_nothing(service: Service) -> None:
    service.add_deck("deck", CARDS)
    port = str(free_port())
    # The job cannot end before the kill: some of its cards get no answer.
    never = '[{"kind": "hang", "text": "card-5"}]'
    server = await ServerProcess.start("--port", port, "--latency-ms", "100", "--faults", never)
    await start(service, server.url)
    job_id = await service.post("deck", phrases(CARDS))
    await until(lambda: len(cached_clips(service)) > 10)

    await server.kill()
    await until(lambda: queue_jobs(service) == ["todo"])
    made = len(cached_clips(service))
    assert made < 120
    server = await ServerProcess.start("--port", port)
    job = await service.ended(job_id)

    assert (job["status"], job["errorMessage"]) == ("completed", None)
    assert_complete(service, CARDS)
    assert len(await server.requests()) == 120 - made
    await server.kill()


async def test_a_worker_that_is_killed_in_the_middle_of_a_job_loses_what_was_under_way_and_nothing_else(
    service: Service, realtime: RealtimeServer
) -> None:
    service.add_deck("deck", CARDS)
    realtime.latency_seconds = 0.1
    worker = await start(service, realtime.url)
    job_id = await service.post("deck", phrases(CARDS))
    await until(lambda: len(cached_clips(service)) > 10)

    await service.stop(worker, signal.SIGKILL)
    await until(lambda: not realtime.sessions)
    await service.start_worker()
    job = await service.ended(job_id)

    assert job["status"] == "completed"
    assert_complete(service, CARDS)
    lost = [request for request in realtime.requests if not request.ok]
    assert len(lost) <= 8
    # Some were answered, and not yet stored.
    assert len(realtime.requests) <= 120 + 2 * 8


async def test_a_stopping_worker_leaves_no_connection_behind(service: Service, realtime: RealtimeServer) -> None:
    service.add_deck("deck", CARDS)
    realtime.latency_seconds = 0.1
    worker = await start(service, realtime.url)
    job_id = await service.post("deck", phrases(CARDS))
    await until(lambda: len(cached_clips(service)) > 10)

    assert await service.stop(worker) == 0

    await until(lambda: not realtime.sessions)
    assert {request.outcome for request in realtime.requests} == {"ok"}
    await service.start_worker()
    assert (await service.ended(job_id))["status"] == "completed"
    assert len(realtime.requests) == 120


async def test_texts_that_are_answered_instead_of_read_are_made_again(
    service: Service, realtime: RealtimeServer
) -> None:
    tempting = [text for _, text, _ in TEMPTING if text.endswith("?")][:20]
    cards = [f"card-{number}" for number in range(len(tempting))]
    service.add_deck("deck", cards)
    for text in tempting:
        realtime.fail("answers", times=1, text=text)
    await start(service, realtime.url)

    await service.made(
        "deck", [{"cardId": c, "textEn": t, "textFr": "bonjour"} for c, t in zip(cards, tempting, strict=True)]
    )

    asked = Counter(request.text for request in realtime.requests)
    assert {text: asked[text] for text in tempting} == dict.fromkeys(tempting, 2)


async def test_a_text_that_is_always_answered_fails_and_says_what_was_said(
    service: Service, realtime: RealtimeServer
) -> None:
    service.add_deck("deck", ["card-1"])
    realtime.fail("answers", text="What time is it?")
    await start(service, realtime.url, TTS_MAX_ATTEMPTS="2")

    phrase = {"cardId": "card-1", "textEn": "What time is it?", "textFr": "Bonjour"}
    job = await service.ended(await service.post("deck", [phrase]))

    assert job["status"] == "failed"
    assert "half past three" in str(job["resultUrls"])
    assert set(card_files(service)) == {"card-1_fr.mp3"}
    assert "half past" not in service.log("worker")


async def test_every_kind_of_trouble_costs_a_clip_one_try_and_no_log_a_secret(
    service: Service, realtime: RealtimeServer
) -> None:
    kinds = (
        "cut silent incomplete content_filter cancelled empty odd no_transcript wrong_words garbage bad_base64".split()
    )
    kinds += ["server_error", "rate_limit_exceeded", "session_expired", "short", "silence", "expire"]
    service.add_deck("deck", ["first", *kinds])
    for kind in kinds:
        realtime.fail(kind, times=1, text=f"The word is {kind}")
    await start(service, realtime.url, LOG_LEVEL="debug", TTS_REQUEST_TIMEOUT_S="2", TTS_MAX_ATTEMPTS="5")

    await service.made("deck", phrases(["first", *kinds]))

    assert_complete(service, ["first", *kinds])
    assert unchecked_clips(service) == 0
    log = service.log("worker")
    assert "tried again" in log
    for hidden in ("The word is", "Le mot est", "Something else", service.environment["OPENAI_API_KEY"]):
        assert hidden not in log


async def test_what_every_answer_cost_is_on_the_clips_and_the_job(service: Service, realtime: RealtimeServer) -> None:
    service.add_deck("deck", ["card-1"])
    realtime.fail("incomplete", times=1, text="The word is")
    await start(service, realtime.url)

    await service.made("deck", phrases(["card-1"]))

    [(of_clips,)] = service.sql("SELECT sum(output_audio_tokens) FROM tts.clip")
    [(of_job,)] = service.sql("SELECT output_audio_tokens FROM tts.job")
    assert 0 < of_clips < of_job  # what was thrown away cost as well
