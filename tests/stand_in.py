"""What stand-ins for an upstream share: they listen in the test's own loop or as a process, fail as told, and keep every request."""

import argparse
import asyncio
import json
import os
import signal
import socket
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import Field, asdict
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from aiohttp import web

from tests.ports import free_port, give_back


class Kept(Protocol):
    """A fault or a request as a stand-in keeps it: a dataclass with the text that it is about."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    text: str


FaultKind = TypeVar("FaultKind", bound=Kept)
RequestKind = TypeVar("RequestKind", bound=Kept)


class StandIn(Generic[FaultKind, RequestKind]):
    """A small HTTP server on loopback, which listens while it is entered. `/control` shows and changes it from other processes."""

    def __init__(self, fault: type[FaultKind], latency_seconds: float, api_key: str | None, port: int) -> None:
        self.latency_seconds = latency_seconds
        self.api_key = api_key
        self.port = port
        self.faults: list[FaultKind] = []
        self.healed = asyncio.Event()
        self.requests: list[RequestKind] = []
        self.in_flight = 0
        self.peak_in_flight = 0
        self._fault = fault
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """What to set as OPENAI_BASE_URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def texts(self) -> list[str]:
        """The texts that were asked for, in the order in which they came."""
        return [request.text for request in self.requests]

    def fail(self, kind: str, *, times: int | None = None, text: str = "", **details: Any) -> FaultKind:
        """Makes requests fail from now on. The first fault that fits a request wins."""
        self.faults.append(self._fault(kind, times, text, **details))  # type: ignore[call-arg]
        return self.faults[-1]

    def heal(self) -> None:
        """Takes all faults back. What is held is answered."""
        self.faults.clear()
        self.healed.set()
        self.healed = asyncio.Event()

    async def start(self) -> None:
        """Listens; after `stop` on the same port again, which nobody else gets meanwhile."""
        self.port = self.port or free_port()
        app = web.Application()
        app.add_routes([*self.routes(), *self._control_routes()])
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        listening = socket.create_server(("127.0.0.1", self.port), backlog=1024)
        await web.SockSite(self._runner, listening).start()

    async def stop(self) -> None:
        """From now on connections are refused; those that are open are closed."""
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        give_back(self.port)

    def routes(self) -> Iterable[web.RouteDef]:
        """What it serves as the upstream."""
        raise NotImplementedError

    @contextmanager
    def counted(self) -> Iterator[None]:
        """A request under way."""
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        try:
            yield
        finally:
            self.in_flight -= 1

    def _control_routes(self) -> list[web.RouteDef]:
        return [
            web.get("/control/requests", self._show_requests),
            web.delete("/control/requests", self._forget_requests),
            web.get("/control/faults", self._show_faults),
            web.put("/control/faults", self._put_faults),
        ]

    async def _show_requests(self, _: web.Request) -> web.Response:
        return web.json_response([asdict(request) for request in self.requests])

    async def _forget_requests(self, _: web.Request) -> web.Response:
        self.requests.clear()
        return web.Response(status=204)

    async def _show_faults(self, _: web.Request) -> web.Response:
        return web.json_response([asdict(fault) for fault in self.faults])

    async def _put_faults(self, http: web.Request) -> web.Response:
        faults = [self._fault(**fault) for fault in await http.json()]
        self.heal()
        self.faults = faults
        return await self._show_faults(http)


def options_of(description: str | None) -> argparse.ArgumentParser:
    """The command line that all stand-ins have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--api-key")
    parser.add_argument("--faults", type=json.loads, default=[], help='JSON, such as [{"kind": "cut", "times": 3}]')
    return parser


def serve(server: StandIn[Any, Any]) -> None:
    """Prints its URL as the first line, and serves until SIGTERM, SIGINT or the end of stdin."""
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(server))


async def _serve(server: StandIn[Any, Any]) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    # Only a pipe ends with the parent: a terminal or /dev/null says nothing.
    if stat.S_ISFIFO(os.fstat(0).st_mode) or stat.S_ISSOCK(os.fstat(0).st_mode):
        loop.add_reader(0, _read_stdin, ended)
    async with server:
        print(server.url, flush=True)
        await ended.wait()


def _read_stdin(ended: asyncio.Event) -> None:
    if not os.read(0, 4096):
        ended.set()
