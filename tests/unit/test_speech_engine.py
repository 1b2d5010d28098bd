"""The speech engine against a real server on a real socket."""

import asyncio
import gzip
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from shared.clips import SIDES, Voice
from shared.errors import MemolistError
from tests.service import GIVE_UP_SECONDS
from tests.speech_server import SpeechServer, read_tag
from tests.watching import until
from worker.engines.speech import SpeechEngine
from worker.errors import (
    BadAudio,
    ClipRefused,
    KeyRejected,
    ModelNotFound,
    QuotaExhausted,
    RateLimited,
    UpstreamFault,
)
from worker.sound.thresholds import LARGEST_BODY_BYTES

KEY = "sk-test-0123456789abcdef"
VOICE = Voice("en", "speech", "", "gpt-4o-mini-tts", "marin", "Speak plainly.", 1.0, {})


def engine_for(
    server: SpeechServer, timeout_seconds: float = 5, max_connections: int = 8, key: str = KEY
) -> SpeechEngine:
    return SpeechEngine(key, server.url, timeout_seconds, max_connections)


@pytest.fixture
async def server() -> AsyncIterator[SpeechServer]:
    async with SpeechServer() as running:
        yield running


@pytest.fixture
async def engine(server: SpeechServer) -> AsyncIterator[SpeechEngine]:
    speaking = engine_for(server)
    yield speaking
    await speaking.close()


async def test_a_text_comes_back_as_its_audio(server: SpeechServer, engine: SpeechEngine) -> None:
    speech = await engine.speak("Good morning", VOICE)
    assert read_tag(speech.audio) == {"text": "Good morning", "voice": "marin", "model": "gpt-4o-mini-tts", "serial": 1}
    assert server.requests[0].api_key == KEY
    assert server.requests[0].ok
    assert engine.upstream == f"speech {server.url}"


async def test_the_request_holds_no_field_that_says_nothing(server: SpeechServer, engine: SpeechEngine) -> None:
    await engine.speak("Hi", replace(VOICE, instructions=""))
    assert server.requests[0].body == {"input": "Hi", "model": VOICE.model, "voice": "marin", "response_format": "mp3"}


async def test_instructions_speed_and_extra_fields_are_sent_where_they_are_set(
    server: SpeechServer, engine: SpeechEngine
) -> None:
    await engine.speak("Hi", replace(VOICE, speed=1.25, extra_body={"lang_code": "f"}))
    request = server.requests[0]
    assert (request.instructions, request.speed, request.body["lang_code"]) == ("Speak plainly.", 1.25, "f")


async def test_extra_fields_go_before_ours_and_null_takes_one_out(server: SpeechServer, engine: SpeechEngine) -> None:
    extra = {"response_format": "wav", "voice": {"id": "voice_1234"}, "instructions": None, "seed": 1}
    await engine.speak("Hi", replace(VOICE, speed=1.25, extra_body=extra))
    assert server.requests[0].body == {
        "input": "Hi",
        "model": VOICE.model,
        "voice": {"id": "voice_1234"},
        "response_format": "wav",
        "speed": 1.25,
        "seed": 1,
    }


async def test_extra_fields_may_name_the_language(server: SpeechServer, engine: SpeechEngine) -> None:
    extra = {"model": "tts-{language}", "options": {"codes": ["{language}", 7, None]}, "{language}": True}
    for language in SIDES:
        await engine.speak("Hi", replace(VOICE, language=language, extra_body=extra))
    assert [(request.model, request.body["options"]) for request in server.requests] == [
        ("tts-en", {"codes": ["en", 7, None]}),
        ("tts-fr", {"codes": ["fr", 7, None]}),
    ]
    assert server.requests[0].body["{language}"] is True


@pytest.mark.parametrize("other", ["Buy this", None, ""])
async def test_no_extra_field_changes_the_text(server: SpeechServer, engine: SpeechEngine, other: str | None) -> None:
    speech = await engine.speak("Good morning", replace(VOICE, extra_body={"input": other}))
    assert server.texts == ["Good morning"]
    assert read_tag(speech.audio)["text"] == "Good morning"


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("invalid_api_key", KeyRejected),
        ("insufficient_quota", QuotaExhausted),
        ("model_not_found", ModelNotFound),
        ("rate_limit_exceeded", RateLimited),
        ("refused", ClipRefused),
        ("server_error", UpstreamFault),
        ("unavailable", UpstreamFault),
        ("reset", UpstreamFault),
        ("cut", UpstreamFault),
        ("empty", BadAudio),
    ],
)
async def test_each_failure_has_its_error(
    server: SpeechServer, engine: SpeechEngine, kind: str, fault: type[MemolistError]
) -> None:
    server.fail(kind, times=1)
    with pytest.raises(MemolistError) as caught:
        await engine.speak("Hello", VOICE)
    assert type(caught.value) is fault
    assert len(server.requests) == 1  # the client did not try again by itself
    await engine.speak("Hello", VOICE)


@pytest.mark.parametrize("kind", ["truncated", "short", "html", "json", "wav", "silent"])
async def test_bad_audio_is_not_the_engines_to_judge(server: SpeechServer, engine: SpeechEngine, kind: str) -> None:
    server.fail(kind)
    assert (await engine.speak("Hello", VOICE)).audio


async def test_the_wait_that_a_server_over_its_rate_asks_for_is_passed_on() -> None:
    async with SpeechServer(rate_per_second=1) as server:
        engine = engine_for(server)
        await engine.speak("one", VOICE)
        with pytest.raises(RateLimited) as caught:
            await engine.speak("two", VOICE)
        await engine.close()
    assert caught.value.retry_after_seconds == 1.0


async def test_a_server_that_echoes_the_key_does_not_get_it_into_the_message() -> None:
    async with SpeechServer(api_key="another") as server:
        engine = engine_for(server)
        with pytest.raises(KeyRejected) as caught:
            await engine.speak("Hello", VOICE)
        await engine.close()
    assert KEY not in str(caught.value)
    assert "OPENAI_API_KEY" in str(caught.value)
    assert "Incorrect API key provided: ***" in str(caught.value)


async def test_a_server_that_hangs_is_a_fault_after_the_timeout(server: SpeechServer) -> None:
    server.fail("hang")
    engine = engine_for(server, timeout_seconds=0.2)
    with pytest.raises(UpstreamFault, match="in time"):
        await engine.speak("Hello", VOICE)
    await engine.close()
    await until(lambda: not server.in_flight)
    assert server.requests[0].outcome == "cut off"


async def test_a_server_that_drips_is_a_fault_after_the_timeout() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not writer.transport.is_closing():
            writer.write(b".")
            await asyncio.sleep(0.05)

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as dripping:
        engine = SpeechEngine(KEY, f"http://127.0.0.1:{dripping.sockets[0].getsockname()[1]}/v1", 0.4, 1)
        with pytest.raises(UpstreamFault, match="in time"):
            await engine.speak("Hello", VOICE)
        await engine.close()


@pytest.mark.parametrize(
    "head",
    [
        "200 OK\r\n",
        "500 Internal Server Error\r\n",
        "200 OK\r\nContent-Length: 99999999999\r\n",
    ],
)
async def test_an_answer_without_end_is_given_up_before_it_fills_the_memory(head: str) -> None:
    sent = 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(f"HTTP/1.1 {head}\r\n".encode())
        with suppress(ConnectionError):
            while sent < 4 * LARGEST_BODY_BYTES:
                writer.write(bytes(1 << 20))
                await writer.drain()
                sent += 1 << 20
        writer.close()

    async with await asyncio.start_server(pour, "127.0.0.1", 0) as pouring:
        engine = SpeechEngine(KEY, f"http://127.0.0.1:{pouring.sockets[0].getsockname()[1]}/v1", 30, 1)
        with pytest.raises(BadAudio, match="too large"):
            await engine.speak("Hello", VOICE)
        await engine.close()
    assert sent < 2 * LARGEST_BODY_BYTES


async def test_an_answer_that_nobody_asked_to_be_packed_is_not_unpacked() -> None:
    """A few kB of it could become more than there is memory."""
    packed = gzip.compress(bytes(1 << 20))
    asked = b""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked = await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
        writer.write(head.encode() + packed)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as answering:
        engine = SpeechEngine(KEY, f"http://127.0.0.1:{answering.sockets[0].getsockname()[1]}/v1", 5, 1)
        assert (await engine.speak("Hello", VOICE)).audio == packed
        await engine.close()
    assert b"accept-encoding: identity" in asked.lower()


async def test_a_server_that_is_away_is_a_fault(server: SpeechServer, engine: SpeechEngine) -> None:
    await server.stop()
    with pytest.raises(UpstreamFault, match="could not be reached"):
        await engine.speak("Hello", VOICE)
    await server.start()
    await engine.speak("Hello", VOICE)


@pytest.mark.parametrize("key", ["line\nbreak-key", "clé-secrète", " padded-key ", "nul\0-key-value"])
async def test_a_key_that_no_header_can_carry_is_rejected(server: SpeechServer, key: str) -> None:
    engine = engine_for(server, key=key)
    with pytest.raises(KeyRejected) as caught:
        await engine.speak("Hello", VOICE)
    assert key.strip() not in str(caught.value)
    await engine.close()


async def test_a_text_that_is_no_unicode_is_refused(engine: SpeechEngine) -> None:
    with pytest.raises(ClipRefused):
        await engine.speak("half \ud83d emoji", VOICE)


async def test_a_cancelled_call_stays_cancelled(server: SpeechServer, engine: SpeechEngine) -> None:
    server.fail("hang")
    call = asyncio.create_task(engine.speak("Hello", VOICE))
    while not server.in_flight:
        await asyncio.sleep(0.01)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_as_many_requests_as_allowed_are_under_way_at_once() -> None:
    async with SpeechServer() as server:
        server.fail("held")
        engine = engine_for(server, timeout_seconds=30, max_connections=120)
        speaking = asyncio.gather(*(engine.speak(f"Text {i}", VOICE) for i in range(150)))
        await until(lambda: server.in_flight >= 120)
        server.heal()
        await speaking
        await engine.close()
    assert server.peak_in_flight == 120


def test_the_stand_in_runs_as_a_process_that_ends_with_its_parent() -> None:
    command = [sys.executable, "-m", "tests.speech_server", "--latency-ms", "1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        url = process.stdout.readline().strip()
        control = url.removesuffix("/v1") + "/control"
        assert _json("PUT", f"{control}/faults", [{"kind": "cut", "times": 2}])[0]["times"] == 2
        assert _json("GET", f"{control}/requests") == []
        process.stdin.close()
        assert process.wait(GIVE_UP_SECONDS) == 0


def test_the_stand_in_ends_on_sigterm() -> None:
    command = [sys.executable, "-m", "tests.speech_server"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(GIVE_UP_SECONDS) == 0


def _json(method: str, url: str, body: Any = None) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)
