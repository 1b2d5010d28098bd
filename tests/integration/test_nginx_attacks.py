"""What nginx refuses: requests written byte by byte, since a client would tidy them up. Behind it stands an API that answers everything."""

import asyncio
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.nginx_neighbours import StandInApi
from tests.service import GIVE_UP_SECONDS

ROUTES = re.compile(r"/(api/|schema(/|\?|$)|(health|ready)(\?|$))")
UP = [
    "..",
    "%2e%2e",
    "%2E.",
    ".%2e",
    "%252e%252e",
    "%c0%ae%c0%ae",
    "%e0%80%ae%e0%80%ae",
    "%uff0e%uff0e",
    "..%00",
    "..;",
    "....",
    "..%0d",
]
SLASHES = ["/", "%2f", "%2F", "%5c", "\\", "%252f", "%c0%af", "//", "/./"]
# No listing, no other folder, no other name: all of these exist, or lead to what does.
HIDDEN = """
    / /storage /storage/ /storage/tts /storage/tts/ //storage/tts/ /storage/tts/. /storage/tts/./ /storage/tts/%2e/
    /storage/tts/.cache /storage/tts/.cache/ /storage/tts/.cache/ab/ /storage/tts/.cache/ab/x.mp3 /storage/tts//.cache//ab//x.mp3
    /storage/tts/.cache%2fab%2fx.mp3 /storage/tts/%2ecache/ab/x.mp3 /storage/tts/%2Ecache%2Fab%2Fx.mp3
    /storage/tts/folder/../.cache/ab/x.mp3 /storage/tts/folder/x.mp3 /storage/tts/folder%2fx.mp3 /storage/tts/folder%5cx.mp3
    /storage/tts/.hidden.mp3 /storage/tts/%2ehidden.mp3 /storage/tts/%2Ehidden.mp3 /storage/tts/./.hidden.mp3
    /storage/tts/x.mp3.tmp /storage/tts/x.mp3#0 /storage/tts/x.mp3%230 /storage/tts/x.MP3 /storage/tts/x.%4dP3
    /storage/tts/notes.txt /storage/tts/notes.txt%00.mp3 /storage/tts/notes.txt%0a.mp3 /storage/tts/notes.txt?x.mp3
    /storage/tts/card-1.a_en.mp3%00 /storage/tts/card-1.a_en.mp3/ /storage/tts/card-1.a_en.mp3%20 /storage/tts/card-1.a_en.mp3;x
    /storage/tts/link.mp3 /storage/ttsoutside.mp3 /storage/tts../outside.mp3 /storage/tts%2f../outside.mp3 /outside.mp3
    /STORAGE/TTS/.hidden.mp3 /.git/config /.env /nginx_status /stub_status /server-status /etc/passwd
""".split()
# What stands beside nginx: the API's metrics, the worker's port, and whatever nginx could be made to ask.
INTERNAL = """
    /metrics /metrics/ /metrics?a=b //metrics /./metrics /%6detrics /METRICS /metrics%00 /metrics%2f /metrics;a /metrics%20
    /api/../metrics /api/%2e%2e/metrics /api/..%2fmetrics /api%2f..%2fmetrics /api/tts/../../metrics /schema/../metrics
    /metrics/../api/tts/jobs /metrics/..%2fapi/tts/jobs /metrics%2f..%2fapi/tts/jobs /metrics/%2e%2e/api/x /metrics/.%2e/schema
    /metrics/../health /metrics/../api/tts/generate /metrics/../api/tts/jobs/j1/events /api/../metrics/../api/x
    /health/../metrics /health%2f..%2fmetrics /ready/ /health/ /docs /studio/../metrics
    http://127.0.0.1:9464/metrics http://worker:9464/metrics http://api:8000/metrics http://169.254.169.254/latest/meta-data/
""".split()


async def ask(nginx: str, request: bytes | str) -> bytes:
    """Sends bytes as they are, and returns all that comes back."""
    host, port = urlsplit(nginx).hostname, urlsplit(nginx).port
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(request.encode("latin-1") if isinstance(request, str) else request)
        answer = b""
        async with asyncio.timeout(GIVE_UP_SECONDS):
            while part := await reader.read(65_536):
                answer += part
        return answer
    except ConnectionResetError:
        return answer
    finally:
        writer.close()


def status(answer: bytes) -> int:
    """Of the first answer; 0 where there was none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


async def get(nginx: str, target: str, method: str = "GET") -> bytes:
    return await ask(nginx, f"{method} {target} HTTP/1.1\r\nHost: tts.example\r\nConnection: close\r\n\r\n")


def assert_refused(answer: bytes, what: object) -> None:
    assert status(answer) in (400, 403, 404, 405, 414, 501), (what, answer)
    assert b"hidden" not in answer, what
    assert b"root:" not in answer, what
    assert b"nginx/" not in answer, what


async def test_no_way_leads_out_of_the_audio(nginx: str, small_api: StandInApi) -> None:
    for up in UP:
        for slash in SLASHES:
            for begin in ("/storage/tts", "/storage/tts/folder", "/storage/tts/card-1.a_en.mp3"):
                for goal in ("outside.mp3", "etc/passwd", "storage of tts/.hidden.mp3".replace(" ", "%20")):
                    for steps in (1, 2, 8):
                        target = begin + slash + (up + slash) * steps + goal.replace("/", slash)
                        assert_refused(await get(nginx, target), target)
    assert small_api.paths == []


async def test_nothing_but_clips_is_served(nginx: str, small_api: StandInApi) -> None:
    for target in HIDDEN:
        assert_refused(await get(nginx, target), target)
    assert small_api.paths == []


async def test_nothing_internal_is_reached(nginx: str, small_api: StandInApi) -> None:
    for method in ("GET", "POST"):
        for target in INTERNAL:
            assert_refused(await get(nginx, target, method), target)
    assert_refused(await get(nginx, "127.0.0.1:9464", "CONNECT"), "CONNECT")
    assert small_api.paths == []


async def test_whatever_reaches_the_api_is_a_route_of_its_own(nginx: str, small_api: StandInApi) -> None:
    wild = [f"/{first}{slash}{up}{slash}{rest}" for first in ("api", "schema", "x") for slash in SLASHES for up in UP
            for rest in ("metrics", "api/tts/jobs")]  # fmt: skip
    for target in wild:
        await get(nginx, target)
    assert [path for path in small_api.paths if not ROUTES.match(path)] == []
    assert [path for path in small_api.paths if ".." in path.lower().replace("%2e", ".")] == []


@pytest.mark.parametrize(
    "method", ["TRACE", "CONNECT", "PROPFIND", "MKCOL", "COPY", "MOVE", "LOCK", "get", "G\0T", "GET\t"]
)
async def test_other_methods_do_nothing(nginx: str, audio_folder: Path, method: str) -> None:
    before = sorted(path.name for path in audio_folder.rglob("*"))
    assert_refused(await get(nginx, "/storage/tts/card-1.a_en.mp3", method), method)
    assert sorted(path.name for path in audio_folder.rglob("*")) == before


SECOND = "GET /api/smuggled HTTP/1.1\r\nHost: tts.example\r\n\r\n"
CHUNKED = f"0\r\n\r\n{SECOND}"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (f"Content-Length: {len(CHUNKED)}\r\nTransfer-Encoding: chunked", CHUNKED),
        ("Transfer-Encoding: chunked\r\nContent-Length: 4", CHUNKED),
        ("Content-Length: 0\r\nContent-Length: 44", SECOND),
        ("Content-Length: 0, 44", SECOND),
        ("Content-Length: +0", SECOND),
        ("Content-Length: -1", SECOND),
        ("Content-Length: 0x0", SECOND),
        ("Content-Length : 44", SECOND),
        ("Content-Length: 99999999999999999999", SECOND),
        ("Transfer-Encoding: xchunked", CHUNKED),
        ("Transfer-Encoding: chunked, identity", CHUNKED),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", CHUNKED),
        ("Transfer-Encoding : chunked", CHUNKED),
        ("Transfer-Encoding: \x0bchunked", CHUNKED),
        ("Transfer-Encoding: chunked", f"-1\r\n{CHUNKED}"),
        ("Transfer-Encoding: chunked", f"fffffffffffffffff\r\n{CHUNKED}"),
        ("Transfer-Encoding: chunked", f"zz\r\n{CHUNKED}"),
        ("X-A: b\r\n folded: yes\r\nContent-Length: 0\0", SECOND),
        ("X-A: \0", SECOND),
    ],
)
async def test_a_second_request_cannot_hide_in_the_first(
    nginx: str, small_api: StandInApi, headers: str, body: str
) -> None:
    answer = await ask(nginx, f"POST /api/tts/x HTTP/1.1\r\nHost: tts.example\r\n{headers}\r\n\r\n{body}")
    assert status(answer) in (400, 413, 501), answer
    assert answer.count(b"HTTP/1.1 ") == 1
    assert small_api.paths == []


@pytest.mark.parametrize(
    "hosts",
    ["", "Host:\r\n", "Host: a\r\nHost: b\r\n", "Host: a/b\r\n", "Host: a b\r\n", "Host: a\0b\r\n", "Host: ../x\r\n"],
)
async def test_a_host_that_is_none_is_refused(nginx: str, small_api: StandInApi, hosts: str) -> None:
    assert status(await ask(nginx, f"GET /health HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n")) in (400, 200)
    if hosts != "Host:\r\n":
        assert small_api.paths == []


async def test_a_foreign_host_is_in_no_answer_of_nginx(nginx: str) -> None:
    for target in ("/storage/tts", "/storage", "/nothing", "/metrics", "/storage/tts/card-1.a_en.mp3"):
        answer = await ask(nginx, f"GET {target} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
        assert b"evil.example" not in answer
        assert b"Location:" not in answer


@pytest.mark.parametrize(
    "request_",
    [
        f"GET /health?{'a' * 100_000} HTTP/1.1\r\nHost: a\r\n\r\n",
        f"GET /health HTTP/1.1\r\nHost: a\r\nX-Long: {'a' * 100_000}\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: a\r\n" + "".join(f"X-{n}: {'a' * 900}\r\n" for n in range(200)) + "\r\n",
        "POST /api/tts/generate HTTP/1.1\r\nHost: a\r\nContent-Length: 20971521\r\n\r\n",
        "\0" * 1000,
        "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
        "GET /health HTTP/9.9\r\nHost: a\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=["address", "header", "headers", "body", "zeros", "tls", "version", "http2"],
)
async def test_what_is_too_large_or_no_http_ends_here(nginx: str, small_api: StandInApi, request_: str) -> None:
    answer = await ask(nginx, request_)
    assert status(answer) in (400, 413, 414, 431, 505), answer
    assert small_api.paths == []


async def test_slow_headers_and_bodies_are_given_up_and_the_api_hears_nothing_of_them(
    nginx: str, small_api: StandInApi
) -> None:
    body = b"POST /api/tts/generate HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{"
    answers = await asyncio.gather(*(ask(nginx, begin) for begin in (b"GET /he", body, b"") for _ in range(5)))
    assert {status(answer) for answer in answers} <= {0, 408}
    assert small_api.paths == []


async def test_bodies_that_do_not_end_take_few_places_and_leave_the_rest_free(
    nginx: str, small_api: StandInApi
) -> None:
    begin = b"POST /api/tts/generate HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{"
    unfinished = [asyncio.create_task(ask(nginx, begin)) for _ in range(60)]
    done, _ = await asyncio.wait(unfinished, return_when=asyncio.FIRST_COMPLETED)
    assert {status(task.result()) for task in done} <= {0, 408, 429}
    assert status(await get(nginx, "/health")) == 200
    assert status(await get(nginx, "/storage/tts/card-1.a_en.mp3")) == 200
    await asyncio.gather(*unfinished)
    assert small_api.paths == ["/health"]
