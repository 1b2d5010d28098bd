"""What nginx serves, what it hides and what it passes on: a real nginx, the real template, a small API behind it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from tests.nginx_neighbours import API_BODY_LIMIT_BYTES, StandInApi, in_parts, name_server, replace_a_second_later
from tests.nginx_server import running_nginx
from tests.service import GIVE_UP_SECONDS


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
    nginx: str, client: aiohttp.ClientSession, audio_folder: Path
) -> None:
    url = f"{nginx}/storage/tts/card-1.a_en.mp3"
    async with client.get(url) as first:
        etag = first.headers["ETag"]
    async with client.get(url, headers={"If-None-Match": etag}) as again:
        assert again.status == 304
        assert again.headers["Cache-Control"] == "no-cache"
    replace_a_second_later(audio_folder / "card-1.a_en.mp3", b"abcdefghij")
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
async def test_a_clip_can_only_be_read(
    nginx: str, client: aiohttp.ClientSession, audio_folder: Path, method: str
) -> None:
    async with client.request(method, f"{nginx}/storage/tts/card-1.a_en.mp3", data=b"x") as answer:
        assert answer.status == 405
    assert (audio_folder / "card-1.a_en.mp3").read_bytes() == b"0123456789"


# The API


@pytest.mark.parametrize(
    "path",
    [
        "/health",
        "/ready",
        "/schema",
        "/schema/openapi.json",
        "/studio",
        "/studio/app.js",
        "/api/tts/jobs?limit=2&status=failed",
        "/api/a%2Fb%20c/",
    ],
)
async def test_the_apis_routes_reach_it_as_they_are(nginx: str, client: aiohttp.ClientSession, path: str) -> None:
    said = {"Authorization": "Bearer t", "X-Forwarded-For": "192.0.2.1", "X-Forwarded-Host": "evil.example"}
    async with client.get(URL(nginx + path, encoded=True), headers=said) as answer:
        assert answer.status == 200
        seen = await answer.json()
    host = nginx.removeprefix("http://")
    assert seen["path"] == path
    assert seen["headers"]["Authorization"] == "Bearer t"
    assert seen["headers"]["Host"] == host
    assert seen["headers"]["X-Forwarded-Host"] == host
    assert seen["headers"]["X-Forwarded-For"] == "127.0.0.1"
    assert seen["headers"]["X-Forwarded-Proto"] == "http"


@pytest.mark.parametrize("path", ["/healthy", "/schemata", "/studios", "/apis", "/readyz"])
async def test_names_that_only_begin_like_a_route_are_not_passed_on(
    nginx: str, client: aiohttp.ClientSession, path: str
) -> None:
    async with client.get(nginx + path) as answer:
        assert answer.status == 404


@pytest.mark.parametrize("is_told", [True, False])
async def test_a_body_may_be_as_long_as_the_api_takes_and_not_longer(
    nginx: str, client: aiohttp.ClientSession, small_api: StandInApi, is_told: bool
) -> None:
    async def post(size: int) -> aiohttp.ClientResponse:
        body = b"x" * size
        async with client.post(f"{nginx}/api/tts/generate", data=body if is_told else in_parts(body)) as answer:
            await answer.read()
            return answer

    accepted = await post(API_BODY_LIMIT_BYTES)
    assert (accepted.status, await accepted.json()) == (202, {"said_by": "api", "bytes": API_BODY_LIMIT_BYTES})
    refused = await post(API_BODY_LIMIT_BYTES + 1)
    assert (refused.status, refused.content_type) == (413, "application/problem+json")
    assert (await refused.json())["status"] == 413
    assert len(small_api.paths) == 1


@pytest.mark.parametrize("path", ["/api/tts/jobs/j1/retry", "/api/tts/jobs/j1/events", "/api/nothing", "/schema"])
async def test_where_no_body_is_wanted_none_fills_the_disk(
    nginx: str, client: aiohttp.ClientSession, small_api: StandInApi, path: str
) -> None:
    async with client.post(nginx + path, data=b"x" * 100_000) as refused:
        assert (refused.status, refused.content_type) == (413, "application/problem+json")
    assert small_api.paths == []


async def test_long_answers_are_compressed_unless_nobody_asked(nginx: str, client: aiohttp.ClientSession) -> None:
    async with client.get(f"{nginx}/schema", headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Vary"] == "Accept-Encoding"
    async with client.get(f"{nginx}/schema", headers={"Accept-Encoding": "identity"}) as answer:
        assert "Content-Encoding" not in answer.headers
    async with client.get(f"{nginx}/storage/tts/card-1.a_en.mp3", headers={"Accept-Encoding": "gzip"}) as answer:
        assert "Content-Encoding" not in answer.headers


async def test_requests_share_a_connection_to_the_api(
    nginx: str, client: aiohttp.ClientSession, small_api: StandInApi
) -> None:
    for _ in range(20):
        async with client.get(f"{nginx}/health", headers={"Connection": "close"}) as answer:
            assert answer.status == 200
            assert "Connection" not in (await answer.json())["headers"]
    assert len(small_api.connections) == 1


@pytest.mark.parametrize("end", ["", "/", "//", "%2F"])  # all the same to the API
async def test_whoever_asks_too_often_is_told_to_wait_and_others_are_served(
    nginx: str, client: aiohttp.ClientSession, end: str
) -> None:
    async def post(path: str) -> aiohttp.ClientResponse:
        async with client.post(URL(f"{nginx}{path}{end}", encoded=True), data=b"{}") as answer:
            await answer.read()
            return answer

    answers = await asyncio.gather(*(post(f"/api/tts/{name}") for name in ["generate", "estimate"] * 100))
    assert {answer.status for answer in answers} == ({200, 429} if end else {200, 202, 429})
    refused = next(answer for answer in answers if answer.status == 429)
    assert refused.content_type == "application/problem+json"
    assert refused.headers["Retry-After"] == "1"
    body = await refused.json()
    assert (body["ok"], body["status"], body["title"]) == (False, 429, "Too Many Requests")
    async with client.get(f"{nginx}/api/tts/status/j1") as answer:
        assert answer.status == 200


@pytest.mark.parametrize("path", ["/health", "/storage/tts/card-1.a_en.mp3", "/nothing", "/storage/tts/x_en.mp3"])
async def test_every_answer_has_the_headers_that_protect_and_none_that_tells(
    nginx: str, client: aiohttp.ClientSession, path: str
) -> None:
    async with client.get(nginx + path) as answer:
        assert answer.headers.getall("X-Content-Type-Options") == ["nosniff"]
        assert answer.headers.getall("X-Frame-Options") == ["DENY"]
        assert answer.headers.getall("Referrer-Policy") == ["no-referrer"]
        assert "nginx/" not in str(answer.headers) + await answer.text()


async def test_each_event_arrives_while_the_answer_is_still_open(nginx: str, client: aiohttp.ClientSession) -> None:
    async with client.get(f"{nginx}/api/tts/jobs/j1/events") as answer:
        assert answer.content_type == "text/event-stream"
        first = await asyncio.wait_for(answer.content.readline(), timeout=30)
    assert first == b"data: first\n"


async def test_an_absent_api_is_a_503_with_a_reason_and_the_audio_is_still_there(
    audio_folder: Path, client: aiohttp.ClientSession
) -> None:
    with running_nginx(audio_folder, "127.0.0.1:9") as url:
        async with client.get(f"{url}/ready") as answer:
            assert answer.status == 503
            assert answer.content_type == "application/problem+json"
            assert answer.headers["Retry-After"] == "5"
            assert (await answer.json())["ok"] is False
        async with client.get(f"{url}/storage/tts/card-1.a_en.mp3") as answer:
            assert answer.status == 200


async def test_the_api_is_found_again_when_it_comes_back_with_another_address(
    audio_folder: Path, small_api: StandInApi, client: aiohttp.ClientSession
) -> None:
    port = small_api.address.split(":")[1]
    async with name_server("127.0.0.2") as names:
        with running_nginx(audio_folder, f"api.test:{port}", resolver=names.address) as url:
            async with client.get(f"{url}/health") as answer:
                assert answer.status == 503
            names.answer = "127.0.0.1"
            async with asyncio.timeout(GIVE_UP_SECONDS):
                while True:
                    async with client.get(f"{url}/health") as answer:
                        if answer.status == 200:
                            return
                    await asyncio.sleep(0.2)
