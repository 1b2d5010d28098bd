"""A stand-in for an OpenAI-compatible speech server, in the test's own loop or as a process, that fails on request.

`python -m tests.speech_server --latency-ms 300` prints its URL as the first line and ends with SIGTERM or with its stdin.
"""

import asyncio
import math
import socket
import struct
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.audio_files import ANSWERS
from tests.speech_audio import FRAME_BYTES, SAMPLE_RATE, mp3_of, pcm_of, read_tag
from tests.stand_in import StandIn, options_of, serve

__all__ = ["Fault", "Request", "SpeechServer", "read_tag"]

# Kind of fault: status, type, code and message of the error that it answers with.
ERRORS = {
    "invalid_api_key": (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    "rate_limit_exceeded": (429, "requests", "rate_limit_exceeded", "Rate limit reached for requests per min."),
    "insufficient_quota": (429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota."),
    "model_not_found": (404, "invalid_request_error", "model_not_found", "The model does not exist."),
    "refused": (400, "invalid_request_error", "invalid_value", "This input was refused."),
    "server_error": (500, "server_error", None, "The server had an error."),
    "unavailable": (503, "server_error", None, "The server is overloaded."),
}
AUDIO_FAULTS = frozenset("slow reset cut truncated short empty html json words silent".split()) | frozenset(ANSWERS)
KINDS = frozenset(ERRORS) | AUDIO_FAULTS | {"hang", "held", "answer"}
LONGEST_INPUT = 4096
_FOREVER = 1e9


@dataclass
class Fault:
    """How requests fail: every one, or the next `times`, or only those whose text holds `text`.

    One that is `held` waits until all faults are taken back, and then gets its audio; one that hangs never does.
    """

    kind: str
    times: int | None = None
    text: str = ""
    seconds: float = 0.0
    retry_after: str | None = None
    retry_after_ms: str | None = None
    message: str | None = None
    # For kind "answer" only.
    status: int = 200
    body: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such fault: {self.kind}; there are {sorted(KINDS)}")

    def take(self, text: str) -> bool:
        """Whether this request fails so; counts it."""
        if self.times == 0 or self.text not in text:
            return False
        self.times = None if self.times is None else self.times - 1
        return True


@dataclass
class Request:
    """One request as it came, and how it ended: `ok`, the kind of fault, `rate_limited`, `invalid` or `cut off` (by the client)."""

    text: str
    model: str
    voice: str
    instructions: str | None
    speed: float | None
    api_key: str
    body: dict[str, Any] = field(repr=False)
    started_at: float = field(default_factory=time.monotonic)  # one clock for all processes of a Linux machine
    started_unix: float = field(default_factory=time.time)
    ended_at: float | None = None
    outcome: str = "under way"

    @property
    def ok(self) -> bool:
        """Whether it got its audio."""
        return self.outcome in ("ok", "slow", "held")


class SpeechServer(StandIn[Fault, Request]):
    """`async with SpeechServer() as server:` and point OPENAI_BASE_URL at `server.url`."""

    def __init__(
        self,
        *,
        latency_seconds: float = 0.0,
        rate_per_second: int | None = None,
        api_key: str | None = None,
        port: int = 0,
    ) -> None:
        super().__init__(Fault, latency_seconds, api_key, port)
        self.rate_per_second = rate_per_second
        self._admitted: deque[float] = deque()

    async def start(self) -> None:
        """Listens; after `stop` on the same port again."""
        mp3_of("warm up")
        await super().start()

    def routes(self) -> list[web.RouteDef]:
        """The one route."""
        return [web.post("/v1/audio/speech", self._speak)]

    async def _speak(self, http: web.Request) -> web.StreamResponse:
        body = await _json_object(http)
        request = _request(body, http.headers.get("Authorization", "").removeprefix("Bearer "))
        self.requests.append(request)
        try:
            with self.counted():
                return await self._answer(http, request)
        except asyncio.CancelledError:
            request.outcome = "cut off"
            raise
        finally:
            request.ended_at = time.monotonic()

    async def _answer(self, http: web.Request, request: Request) -> web.StreamResponse:
        refusal = self._refusal(request)
        if refusal:
            return refusal
        fault = next((fault for fault in self.faults if fault.take(request.text)), None)
        kind = fault.kind if fault else "ok"
        if fault and (kind in ERRORS or kind == "answer"):
            request.outcome = kind
            return _answer_of(fault)
        if kind == "held":
            await self.healed.wait()
        await asyncio.sleep(_FOREVER if kind == "hang" else self.latency_seconds + (fault.seconds if fault else 0))
        request.outcome = kind
        return await _audio(http, request, kind, serial=len(self.requests))

    def _refusal(self, request: Request) -> web.Response | None:
        if self.api_key is not None and request.api_key != self.api_key:
            request.outcome = "invalid_api_key"
            return _answer_of(Fault("invalid_api_key", message=f"Incorrect API key provided: {request.api_key}."))
        if not 0 < len(request.text) <= LONGEST_INPUT or not request.model or not request.voice:
            request.outcome = "invalid"
            return _answer_of(Fault("refused", message="input (1 to 4096 characters), model and voice are required."))
        wait_seconds = self._wait_for_rate(request.started_at)
        if wait_seconds:
            request.outcome = "rate_limited"
            return _answer_of(Fault("rate_limit_exceeded", retry_after=str(math.ceil(wait_seconds))))
        return None

    def _wait_for_rate(self, now: float) -> float:
        """Seconds until there is room in the last second for one more request; 0 admits this one."""
        while self._admitted and self._admitted[0] <= now - 1:
            self._admitted.popleft()
        if self.rate_per_second is not None and len(self._admitted) >= self.rate_per_second:
            return self._admitted[0] + 1 - now
        self._admitted.append(now)
        return 0


async def _json_object(http: web.Request) -> dict[str, Any]:
    try:
        body = await http.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _request(body: dict[str, Any], api_key: str) -> Request:
    text, model, voice = (str(body.get(name) or "") for name in ("input", "model", "voice"))
    return Request(text, model, voice, body.get("instructions"), body.get("speed"), api_key, body)


def _answer_of(fault: Fault) -> web.Response:
    waits = {"Retry-After": fault.retry_after, "retry-after-ms": fault.retry_after_ms}
    headers = {name: value for name, value in waits.items() if value is not None}
    if fault.kind == "answer":
        return web.Response(text=fault.body, status=fault.status, headers=headers)
    status, kind, code, message = ERRORS[fault.kind]
    error = {"message": fault.message or message, "type": kind, "param": None, "code": code}
    return web.json_response({"error": error}, status=status, headers=headers)


async def _audio(http: web.Request, request: Request, kind: str, serial: int) -> web.StreamResponse:
    tag = {"voice": request.voice, "model": request.model, "serial": serial}
    speed = (request.speed or 1.0) * (10 if kind == "short" else 1)
    audio = mp3_of(request.text, speed, silent=kind == "silent", **tag)
    match kind:
        case "reset":
            return _reset(http)
        case "cut":
            return await _cut(http, audio)
        case "html":
            return web.Response(text="<html><body>Please log in</body></html>", content_type="text/html")
        case "json":
            return web.json_response({"error": "the voice could not be loaded"})
        case "words":
            return web.Response(text="Upstream overloaded,\ntry later.")
    if kind in ANSWERS:
        audio = ANSWERS[kind](pcm_of(request.text).tobytes(), SAMPLE_RATE)
    lost = len(audio) // 3 // FRAME_BYTES * FRAME_BYTES + FRAME_BYTES // 2  # the last frame is cut in two
    body = {"truncated": audio[:-lost], "empty": b""}.get(kind, audio)
    return web.Response(body=body, content_type="audio/mpeg")


def _reset(http: web.Request) -> web.Response:
    if http.transport:
        # No lingering: the client sees a reset, not an orderly end.
        http.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        http.transport.abort()
    return web.Response()


async def _cut(http: web.Request, audio: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(audio)), "Content-Type": "audio/mpeg"})
    await response.prepare(http)
    await response.write(audio[: len(audio) // 2])
    if http.transport:
        http.transport.close()
    return response


def main(arguments: list[str]) -> None:
    """Serves until told to stop."""
    parser = options_of(__doc__)
    parser.add_argument("--rate-per-second", type=int)
    options = parser.parse_args(arguments)
    server = SpeechServer(
        latency_seconds=options.latency_ms / 1000,
        rate_per_second=options.rate_per_second,
        api_key=options.api_key,
        port=options.port,
    )
    server.faults = [Fault(**fault) for fault in options.faults]
    serve(server)


if __name__ == "__main__":
    main(sys.argv[1:])
