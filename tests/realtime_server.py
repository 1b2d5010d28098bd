"""A stand-in for OpenAI's Realtime API, in the test's own loop or as a process, that fails on request.

`python -m tests.realtime_server --latency-ms 300` prints its URL as the first line and ends with SIGTERM or with its stdin.
"""

import argparse
import asyncio
import json
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from itertools import count
from typing import Any, Self

from aiohttp import web

from tests.realtime_faults import ERRORS, Fault, Request
from tests.realtime_session import Session
from tests.realtime_speech import warm_up
from tests.stand_in import serve

__all__ = ["Fault", "RealtimeServer", "Request"]


class RealtimeServer:
    """`async with RealtimeServer() as server:` and point OPENAI_BASE_URL at `server.url`."""

    def __init__(
        self,
        *,
        latency_seconds: float = 0.0,
        api_key: str | None = None,
        session_seconds: float | None = None,
        session_responses: int | None = None,
        announces_expiry: bool = True,
        port: int = 0,
    ) -> None:
        self.latency_seconds = latency_seconds
        self.api_key = api_key
        self.session_seconds = session_seconds
        self.session_responses = session_responses
        self.announces_expiry = announces_expiry
        self.port = port
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.sessions: dict[int, Session] = {}
        self.handshakes = 0
        self.peak_connections = 0
        self.in_flight = 0
        self.peak_in_flight = 0
        self._numbers = count(1)
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """What to set as OPENAI_BASE_URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def texts(self) -> list[str]:
        """The texts that were asked for, in the order in which they came."""
        return [request.text for request in self.requests]

    def fail(self, kind: str, *, times: int | None = None, text: str = "", **details: Any) -> Fault:
        """Makes requests fail from now on. The first fault that fits a request wins."""
        self.faults.append(Fault(kind, times, text, **details))
        return self.faults[-1]

    def heal(self) -> None:
        """Takes all faults back."""
        self.faults.clear()

    def fault(self, place: str, text: str = "") -> Fault | None:
        """The fault that happens there now."""
        return next((fault for fault in self.faults if fault.take(place, text)), None)

    def cut_all(self) -> None:
        """Breaks every connection, as a server that dies does."""
        for session in self.sessions.values():
            session.cut()

    async def start(self) -> None:
        """Listens; after `stop` on the same port again."""
        warm_up()
        self._runner = web.AppRunner(self._app(), handler_cancellation=True, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        listening = socket.create_server(("127.0.0.1", self.port), backlog=1024)
        self.port = listening.getsockname()[1]
        await web.SockSite(self._runner, listening).start()

    async def stop(self) -> None:
        """From now on connections are refused; those that are open are cut."""
        if self._runner:
            self.cut_all()
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """A response under way."""
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        try:
            yield
        finally:
            self.in_flight -= 1

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/v1/realtime", self._connect)
        app.router.add_get("/control/requests", self._show_requests)
        app.router.add_delete("/control/requests", self._forget_requests)
        app.router.add_get("/control/faults", self._show_faults)
        app.router.add_put("/control/faults", self._put_faults)
        return app

    async def _connect(self, http: web.Request) -> web.StreamResponse:
        self.handshakes += 1
        refusal = self._refusal(http)
        if refusal:
            return refusal
        number = next(self._numbers)
        session = Session(self, number, http)
        await session.socket.prepare(http)
        self.sessions[number] = session
        self.peak_connections = max(self.peak_connections, len(self.sessions))
        try:
            await session.run()
        except ConnectionError:
            pass  # the client has gone, or was cut off
        finally:
            del self.sessions[number]
        return session.socket

    def _refusal(self, http: web.Request) -> web.Response | None:
        key = http.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.api_key is not None and key != self.api_key:
            return _answer_of(Fault("invalid_api_key", message=f"Incorrect API key provided: {key}."))
        fault = self.fault("handshake")
        return _answer_of(fault) if fault else None

    async def _show_requests(self, _: web.Request) -> web.Response:
        return web.json_response([asdict(request) for request in self.requests])

    async def _forget_requests(self, _: web.Request) -> web.Response:
        self.requests.clear()
        return web.Response(status=204)

    async def _show_faults(self, _: web.Request) -> web.Response:
        return web.json_response([asdict(fault) for fault in self.faults])

    async def _put_faults(self, http: web.Request) -> web.Response:
        self.faults = [Fault(**fault) for fault in await http.json()]
        return await self._show_faults(http)


def _answer_of(fault: Fault) -> web.Response:
    headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
    return web.json_response({"error": fault.report}, status=ERRORS[fault.kind][0], headers=headers)


def main(arguments: list[str]) -> None:
    """Serves until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--api-key")
    parser.add_argument("--session-seconds", type=float)
    parser.add_argument("--session-responses", type=int)
    parser.add_argument("--faults", type=json.loads, default=[], help='JSON, such as [{"kind": "cut", "times": 3}]')
    options = parser.parse_args(arguments)
    server = RealtimeServer(
        latency_seconds=options.latency_ms / 1000,
        api_key=options.api_key,
        session_seconds=options.session_seconds,
        session_responses=options.session_responses,
        port=options.port,
    )
    server.faults = [Fault(**fault) for fault in options.faults]
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(server))


if __name__ == "__main__":
    main(sys.argv[1:])
