"""What nginx serves, what it hides and what it passes on: a real nginx, the real template, a small API behind it."""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from tests.nginx_server import running_nginx

MIB = 1024 * 1024
API_BODY_LIMIT_BYTES = 20 * MIB


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    """A storage root with one clip, and with everything beside it that nobody may see."""
    root = tmp_path / "storage of tts"
    for name in [".cache/ab/x.mp3", "folder/x.mp3", ".hidden.mp3", "x.mp3.tmp", "x.mp3#0", "notes.txt", "x.MP3"]:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"hidden")
    (root / "card-1.a_en.mp3").write_bytes(b"0123456789")
    (tmp_path / "outside.mp3").write_bytes(b"hidden")
    (root / "link.mp3").symlink_to(tmp_path / "outside.mp3")
    return root


@pytest.fixture
async def api_address() -> AsyncIterator[str]:
    async with stand_in_api() as address:
        yield address


@pytest.fixture
def nginx(storage: Path, api_address: str) -> Iterator[str]:
    with running_nginx(storage, api_address) as url:
        yield url


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


# The audio


async def test_a_clip_is_served_with_all_that_a_player_needs(nginx: str, client: aiohttp.ClientSession) -> None:
    async with client.get(f"{nginx}/storage/tts/card-1.a_en.mp3") as answer:
        assert answer.status == 200
        assert await answer.read() == b"0123456789"
        assert answer.headers["Content-Type"] == "audio/mpeg"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert answer.headers["Server"] == "nginx"
        assert answer.headers["ETag"]


async def test_head_answers_without_a_body(nginx: str, client: aiohttp.ClientSession) -> None:
    async with client.head(f"{nginx}/storage/tts/card-1.a_en.mp3") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Length"] == "10"


async def test_a_range_is_served_as_a_part(nginx: str, client: aiohttp.ClientSession) -> None:
    async with client.get(f"{nginx}/storage/tts/card-1.a_en.mp3", headers={"Range": "bytes=2-4"}) as answer:
        assert answer.status == 206
        assert answer.headers["Content-Range"] == "bytes 2-4/10"
        assert await answer.read() == b"234"


async def test_an_unchanged_clip_costs_a_304_and_a_changed_one_of_equal_size_is_sent(
    nginx: str, client: aiohttp.ClientSession, storage: Path
) -> None:
    url = f"{nginx}/storage/tts/card-1.a_en.mp3"
    async with client.get(url) as first:
        etag = first.headers["ETag"]
    async with client.get(url, headers={"If-None-Match": etag}) as again:
        assert again.status == 304
        assert again.headers["Cache-Control"] == "no-cache"
    replace_a_second_later(storage / "card-1.a_en.mp3", b"abcdefghij")
    async with client.get(url, headers={"If-None-Match": etag}) as changed:
        assert changed.status == 200
        assert await changed.read() == b"abcdefghij"
        assert changed.headers["ETag"] != etag


async def test_a_clip_that_is_not_there_yet_is_a_404_that_no_one_keeps(
    nginx: str, client: aiohttp.ClientSession
) -> None:
    async with client.get(f"{nginx}/storage/tts/card-2_en.mp3") as answer:
        assert answer.status == 404
        assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_a_clip_can_only_be_read(nginx: str, client: aiohttp.ClientSession, storage: Path, method: str) -> None:
    async with client.request(method, f"{nginx}/storage/tts/card-1.a_en.mp3", data=b"x") as answer:
        assert answer.status == 405
    assert (storage / "card-1.a_en.mp3").read_bytes() == b"0123456789"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/storage",
        "/storage/tts",
        "/storage/tts/",
        "/storage/tts/.cache/",
        "/storage/tts/.cache/ab/x.mp3",
        "/storage/tts/.cache%2fab%2fx.mp3",
        "/storage/tts/%2ecache/ab/x.mp3",
        "/storage/tts/folder/x.mp3",
        "/storage/tts/folder%2fx.mp3",
        "/storage/tts/folder%5cx.mp3",
        "/storage/tts/.hidden.mp3",
        "/storage/tts/%2ehidden.mp3",
        "/storage/tts/x.mp3.tmp",
        "/storage/tts/x.mp3%230",
        "/storage/tts/x.MP3",
        "/storage/tts/notes.txt",
        "/storage/tts/notes.txt%00.mp3",
        "/storage/tts/link.mp3",
        "/storage/tts/../outside.mp3",
        "/storage/tts/%2e%2e/outside.mp3",
        "/storage/tts/..%2foutside.mp3",
        "/storage/tts/x/..%2f..%2foutside.mp3",
        "/storage/tts/%252e%252e/outside.mp3",
        "/../../../etc/passwd",
        "/outside.mp3",
        "/metrics",
    ],
)
async def test_nothing_else_is_served(nginx: str, client: aiohttp.ClientSession, path: str) -> None:
    async with client.get(URL(nginx + path, encoded=True), allow_redirects=False) as answer:
        assert answer.status in (400, 403, 404)
        assert b"hidden" not in await answer.read()


# The API


@pytest.mark.parametrize(
    "path",
    ["/health", "/ready", "/schema", "/schema/openapi.json", "/api/tts/jobs?limit=2&status=failed", "/api/a%2Fb%20c/"],
)
async def test_the_apis_routes_reach_it_as_they_are(nginx: str, client: aiohttp.ClientSession, path: str) -> None:
    async with client.get(URL(nginx + path, encoded=True), headers={"Authorization": "Bearer t"}) as answer:
        assert answer.status == 200
        seen = await answer.json()
    host = nginx.removeprefix("http://")
    assert seen["path"] == path
    assert seen["headers"]["Authorization"] == "Bearer t"
    assert seen["headers"]["Host"] == host
    assert seen["headers"]["X-Forwarded-Host"] == host
    assert seen["headers"]["X-Forwarded-For"] == "127.0.0.1"
    assert seen["headers"]["X-Forwarded-Proto"] == "http"


@pytest.mark.parametrize("path", ["/healthy", "/schemata", "/apis", "/readyz"])
async def test_names_that_only_begin_like_a_route_are_not_passed_on(
    nginx: str, client: aiohttp.ClientSession, path: str
) -> None:
    async with client.get(nginx + path) as answer:
        assert answer.status == 404


@pytest.mark.parametrize(("size", "status"), [(API_BODY_LIMIT_BYTES, 200), (24 * MIB, 413)])
async def test_the_api_itself_judges_a_body_up_to_its_limit_and_a_little_more(
    nginx: str, client: aiohttp.ClientSession, size: int, status: int
) -> None:
    async with client.post(f"{nginx}/api/tts/generate", data=b"x" * size) as answer:
        assert answer.status == status
        assert (await answer.json())["said_by"] == "api"


async def test_a_flood_is_stopped_before_the_api_and_told_why(nginx: str, client: aiohttp.ClientSession) -> None:
    headers = {"Content-Length": str(100 * MIB), "Expect": "100-continue"}
    async with client.post(f"{nginx}/api/tts/generate", headers=headers, data=b"") as answer:
        assert answer.status == 413
        assert answer.content_type == "application/problem+json"
        assert (await answer.json())["status"] == 413


async def test_each_event_arrives_while_the_answer_is_still_open(nginx: str, client: aiohttp.ClientSession) -> None:
    async with client.get(f"{nginx}/api/tts/jobs/j1/events") as answer:
        assert answer.content_type == "text/event-stream"
        first = await asyncio.wait_for(answer.content.readline(), timeout=5)
    assert first == b"data: first\n"


async def test_an_absent_api_is_a_503_with_a_reason_and_the_audio_is_still_there(
    storage: Path, client: aiohttp.ClientSession
) -> None:
    with running_nginx(storage, "127.0.0.1:9") as url:
        async with client.get(f"{url}/ready") as answer:
            assert answer.status == 503
            assert answer.content_type == "application/problem+json"
            assert answer.headers["Retry-After"] == "5"
            assert (await answer.json())["ok"] is False
        async with client.get(f"{url}/storage/tts/card-1.a_en.mp3") as answer:
            assert answer.status == 200


async def test_the_api_is_found_again_when_it_comes_back_with_another_address(
    storage: Path, api_address: str, client: aiohttp.ClientSession
) -> None:
    port = api_address.split(":")[1]
    async with name_server("127.0.0.2") as names:
        with running_nginx(storage, f"api.test:{port}", resolver=names.address) as url:
            async with client.get(f"{url}/health") as answer:
                assert answer.status == 503
            names.answer = "127.0.0.1"
            async with asyncio.timeout(10):
                while True:
                    async with client.get(f"{url}/health") as answer:
                        if answer.status == 200:
                            return
                    await asyncio.sleep(0.2)


# What stands around nginx


def replace_a_second_later(file: Path, content: bytes) -> None:
    """As the storage does it: another file, renamed over the old one, a whole second newer."""
    written_at = int(file.stat().st_mtime)
    new = file.with_name(".new")
    new.write_bytes(content)
    os.utime(new, (written_at + 1, written_at + 1))
    new.rename(file)


@asynccontextmanager
async def stand_in_api() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/api/tts/jobs/{job}/events", _events)
    app.router.add_post("/api/tts/generate", _generate)
    app.router.add_get("/{path:.*}", _echo)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"{host}:{port}"
    finally:
        await runner.cleanup()


async def _echo(request: web.Request) -> web.Response:
    return web.json_response({"path": request.raw_path, "headers": dict(request.headers)})


async def _generate(request: web.Request) -> web.Response:
    # As our API does it: no more is read than it may have.
    received_bytes = 0
    async for part in request.content.iter_any():
        received_bytes += len(part)
        if received_bytes > API_BODY_LIMIT_BYTES:
            return web.json_response({"said_by": "api"}, status=413)
    return web.json_response({"said_by": "api"})


async def _events(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await answer.prepare(request)
    await answer.write(b"data: first\n\n")
    await asyncio.sleep(60)
    return answer


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
