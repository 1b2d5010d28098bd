"""What the realtime engine makes of errors: in the handshake, of the session, in place of an answer, and in a failed one."""

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from shared.clips import Voice
from shared.errors import MemolistError
from shared.usage import NO_USAGE
from tests.realtime_server import RealtimeServer
from tests.service import GIVE_UP_SECONDS
from worker.engines.realtime import RealtimeEngine
from worker.errors import (
    BadAudio,
    ClipFailed,
    ClipRefused,
    KeyRejected,
    ModelNotFound,
    QuotaExhausted,
    RateLimited,
    UpstreamClosed,
    UpstreamFault,
    UpstreamGone,
)

KEY = "sk-test-0123456789abcdef"
VOICE = Voice("en", "realtime", "", "gpt-realtime-2.1-mini", "marin", "Speak plainly.", 1.0, {})
EVENTS: list[tuple[str, type[MemolistError]]] = [
    ("invalid_api_key", KeyRejected),
    ("insufficient_quota", QuotaExhausted),
    ("model_not_found", ModelNotFound),
    ("rate_limit_exceeded", RateLimited),
    ("invalid_value", ClipRefused),
    ("server_error", UpstreamFault),
    ("unavailable", UpstreamFault),
]


@pytest.fixture
async def server() -> AsyncIterator[RealtimeServer]:
    async with RealtimeServer() as running:
        yield running


@pytest.fixture
async def engine(server: RealtimeServer) -> AsyncIterator[RealtimeEngine]:
    speaking = RealtimeEngine(KEY, server.url, 5, 8)
    yield speaking
    await speaking.close()


async def fault_at(server: RealtimeServer, engine: RealtimeEngine, kind: str, place: str) -> MemolistError:
    """What one clip fails with, of which the next one has nothing left to fear."""
    server.fail(kind, times=1, place=place)
    with pytest.raises(MemolistError) as caught:
        await engine.speak("Hello", VOICE)
    asked = len(server.requests)
    assert (await engine.speak("Hello", VOICE)).transcript == "Hello"
    assert len(server.requests) == asked + 1  # the engine did not try again by itself
    return caught.value


@pytest.mark.parametrize("place", ["open", "session", "response", "done"])
@pytest.mark.parametrize(("kind", "fault"), EVENTS)
async def test_each_error_event_has_its_error(
    server: RealtimeServer, engine: RealtimeEngine, kind: str, fault: type[MemolistError], place: str
) -> None:
    error = await fault_at(server, engine, kind, place)
    assert type(error) is fault
    assert server.faults[0].report["message"].rstrip(".") in str(error)
    assert "HTTP" not in str(error)


@pytest.mark.parametrize(("kind", "fault"), [*EVENTS, ("unsupported_country", UpstreamClosed)])
async def test_each_refused_handshake_has_its_error(
    server: RealtimeServer, engine: RealtimeEngine, kind: str, fault: type[MemolistError]
) -> None:
    error = await fault_at(server, engine, kind, "handshake")
    assert type(error) is fault
    assert "(HTTP 4" in str(error) or "(HTTP 5" in str(error)
    assert server.faults[0].report["message"].rstrip(".") in str(error)


@pytest.mark.parametrize(("kind", "fault"), [*EVENTS, ("session_expired", UpstreamFault)])
async def test_a_connection_that_is_closed_with_a_reason_and_no_event_has_its_error(
    server: RealtimeServer, engine: RealtimeEngine, kind: str, fault: type[MemolistError]
) -> None:
    assert type(await fault_at(server, engine, kind, "close")) is fault


async def test_a_handshake_that_asks_to_wait_says_how_long(server: RealtimeServer, engine: RealtimeEngine) -> None:
    server.fail("rate_limit_exceeded", place="handshake", retry_after="7")
    with pytest.raises(RateLimited) as caught:
        await engine.speak("Hello", VOICE)
    assert caught.value.retry_after_seconds == 7


async def test_a_response_that_failed_says_what_it_cost(server: RealtimeServer, engine: RealtimeEngine) -> None:
    error = await fault_at(server, engine, "server_error", "done")
    assert isinstance(error, ClipFailed)
    assert error.usage != NO_USAGE
    assert server.handshakes == 1


async def test_a_session_that_expires_at_once_is_a_fault(server: RealtimeServer, engine: RealtimeEngine) -> None:
    server.fail("session_expired", place="session", times=1)
    with pytest.raises(UpstreamFault, match="expired"):
        await engine.speak("Hello", VOICE)


async def test_a_message_of_many_lines_with_a_key_in_it_becomes_one_without(
    server: RealtimeServer, engine: RealtimeEngine
) -> None:
    server.fail("server_error", message=f"It\nbroke\0 down with {KEY}.")
    with pytest.raises(UpstreamFault) as caught:
        await engine.speak("Hello", VOICE)
    assert str(caught.value) == "The upstream is in trouble (It broke down with ***.)"


@pytest.mark.parametrize("place", ["open", "session", "response", "done", "handshake"])
async def test_what_a_log_may_hold_quotes_nobody(server: RealtimeServer, engine: RealtimeEngine, place: str) -> None:
    server.fail("server_error", place=place, message="no answer to: A secret text")
    with pytest.raises(UpstreamFault, match="A secret text") as caught:
        await engine.speak("A secret text", VOICE)
    status = "HTTP 500 " if place == "handshake" else ""
    assert caught.value.reason == f"UpstreamFault: {status}server_error"


async def test_an_upstream_that_is_away_has_heard_nothing(server: RealtimeServer, engine: RealtimeEngine) -> None:
    await engine.speak("Hello", VOICE)
    await server.stop()
    with pytest.raises(UpstreamGone, match="could not be reached"):
        await engine.speak("Hello", VOICE)
    await server.start()
    await engine.speak("Hello", VOICE)


async def test_a_server_that_speaks_no_websocket_is_a_fault() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 24\r\n\r\n<title>Log in</title> ..."
        )
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as page:
        astray = RealtimeEngine(KEY, f"http://127.0.0.1:{page.sockets[0].getsockname()[1]}/v1", 5, 1)
        with pytest.raises(UpstreamFault, match="HTTP 200: Log in"):
            await astray.speak("Hello", VOICE)
        await astray.close()


async def test_audio_without_end_is_not_read_further_than_it_can_be_used() -> None:
    """The event that is one too many ends the answer, though many more wait behind it."""
    delta = base64.b64encode(bytes(6 << 20)).decode()
    sent = 0

    async def pour(http: web.Request) -> web.WebSocketResponse:
        nonlocal sent
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(http)
        await socket.send_json({"type": "session.created"})
        await socket.receive()
        await socket.send_json({"type": "session.updated"})
        await socket.receive()
        await socket.send_json({"type": "response.created", "response": {"id": "resp"}})
        event = json.dumps({"type": "response.output_audio.delta", "response_id": "resp", "delta": delta})
        with suppress(ConnectionError):
            while sent < 60:
                await socket.send_str(event)
                sent += 1
        return socket

    app = web.Application()
    app.router.add_get("/v1/realtime", pour)
    async with TestServer(app) as pouring:
        engine = RealtimeEngine(KEY, f"{pouring.make_url('/v1')}", 30, 1)
        with pytest.raises(BadAudio, match="too large"):
            await engine.speak("Hello", VOICE)
        await engine.close()
    assert sent < 20


def test_the_stand_in_runs_as_a_process_that_ends_with_its_parent() -> None:
    command = [sys.executable, "-m", "tests.realtime_server", "--latency-ms", "1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.stdin.close()
        assert process.wait(GIVE_UP_SECONDS) == 0


def test_the_stand_in_ends_on_sigterm() -> None:
    command = [sys.executable, "-m", "tests.realtime_server"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(GIVE_UP_SECONDS) == 0
