"""What stands around nginx in its tests: a small API that remembers what reached it, a name server, files that change."""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from aiohttp import web

API_BODY_LIMIT_BYTES = 20 * 1024 * 1024
LONG_TEXT = "a long answer " * 200


@dataclass
class StandInApi:
    """Answers whatever it is asked. `paths` are as they came in, and `connections` those that they came by."""

    address: str = ""
    paths: list[str] = field(default_factory=list)
    connections: set[object] = field(default_factory=set)

    def app(self) -> web.Application:
        app = web.Application(client_max_size=2 * API_BODY_LIMIT_BYTES)
        app.router.add_get("/api/tts/jobs/{job}/events", self._events)
        app.router.add_post("/api/tts/generate", self._generate)
        app.router.add_route("*", "/{path:.*}", self._echo)
        return app

    def _note(self, request: web.Request) -> None:
        self.paths.append(request.raw_path)
        self.connections.add(request.transport)

    async def _echo(self, request: web.Request) -> web.Response:
        self._note(request)
        return web.json_response({"path": request.raw_path, "headers": dict(request.headers), "text": LONG_TEXT})

    async def _generate(self, request: web.Request) -> web.Response:
        self._note(request)
        body = await request.read()
        return web.json_response({"said_by": "api", "bytes": len(body)}, status=202)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        await answer.write(b"data: first\n\n")
        await asyncio.sleep(60)
        return answer


@asynccontextmanager
async def stand_in_api() -> AsyncIterator[StandInApi]:
    api = StandInApi()
    runner = web.AppRunner(api.app(), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        api.address = f"{host}:{port}"
        yield api
    finally:
        await runner.cleanup()


class NameServer(asyncio.DatagramProtocol):
    """A DNS server that knows one address, whatever the name."""

    address: str

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        host, port = transport.get_extra_info("sockname")
        self.address = f"{host}:{port}"

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        question = data[12 : data.index(b"\0", 12) + 5]
        is_a = question[-4:-2] == struct.pack("!H", 1)
        header = data[:2] + struct.pack("!5H", 0x8180, 1, int(is_a), 0, 0)
        record = struct.pack("!HHHLH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton(self.answer) if is_a else b""
        self._transport.sendto(header + question + record, addr)


@asynccontextmanager
async def name_server(answer: str) -> AsyncIterator[NameServer]:
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: NameServer(answer), local_addr=("127.0.0.1", 0)
    )
    try:
        yield server
    finally:
        transport.close()


def replace_a_second_later(file: Path, content: bytes) -> None:
    """As the storage does it: another file, renamed over the old one, a whole second newer."""
    written_at = int(file.stat().st_mtime)
    new = file.with_name(".new")
    new.write_bytes(content)
    os.utime(new, (written_at + 1, written_at + 1))
    new.rename(file)


async def in_parts(body: bytes) -> AsyncIterator[bytes]:
    """A body whose length is not told beforehand."""
    for start in range(0, len(body), 1024 * 1024):
        yield body[start : start + 1024 * 1024]
