"""`API_SERVES_AUDIO=true`: the API answers for the audio as nginx does, and for nothing else in the folder."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.postgres import Postgres
from tests.service import Service
from tests.shared_api import assert_problem, request, shared_api

pytestmark = pytest.mark.asyncio(loop_scope="module")

AUDIO = bytes(range(256)) * 4
SECRET_AUDIO = b"what only the cache knows"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(
    postgres: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("audio")
    async with shared_api(postgres, migrated_template, folder, API_SERVES_AUDIO="true") as service:
        put(service, "card-1_en.mp3", AUDIO)
        put(service, ".cache/ab/abcd.mp3", SECRET_AUDIO)
        put(service, ".hidden.mp3", SECRET_AUDIO)
        put(service, "folder/inside.mp3", SECRET_AUDIO)
        put(service, "folder.mp3/inside", SECRET_AUDIO)
        put(service, "notes.txt", SECRET_AUDIO)
        put(service, "../outside.mp3", SECRET_AUDIO)
        (service.storage / "way-out.mp3").symlink_to(service.storage / "../outside.mp3")
        yield service
        assert "error of ours" not in service.log("api")


def put(api: Service, name: str, content: bytes) -> Path:
    path = api.storage / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


async def test_a_card_s_audio_needs_no_token_and_may_be_kept_but_must_be_asked_for(api: Service) -> None:
    answer = await request(api, "GET", "/storage/tts/card-1_en.mp3", user=None)

    assert (answer.status, answer.body) == (200, AUDIO)
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Content-Length"] == str(len(AUDIO))
    assert answer.headers["ETag"].startswith('"')


async def test_unchanged_audio_is_a_304(api: Service) -> None:
    etag = (await request(api, "GET", "/storage/tts/card-1_en.mp3")).headers["ETag"]

    answer = await request(api, "GET", "/storage/tts/card-1_en.mp3", **{"If-None-Match": etag})

    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["ETag"] == etag
    assert answer.headers["Cache-Control"] == "no-cache"


async def test_audio_of_the_same_size_that_came_a_second_later_is_sent(api: Service) -> None:
    path = put(api, "changing_fr.mp3", b"old audio")
    os.utime(path, (1_800_000_000, 1_800_000_000))
    etag = (await request(api, "GET", "/storage/tts/changing_fr.mp3")).headers["ETag"]
    path.write_bytes(b"new audio")
    os.utime(path, (1_800_000_001, 1_800_000_001))

    answer = await request(api, "GET", "/storage/tts/changing_fr.mp3", **{"If-None-Match": etag})

    assert (answer.status, answer.body) == (200, b"new audio")


@pytest.mark.parametrize(
    ("wanted", "first", "last"), [("bytes=0-1", 0, 1), ("bytes=1000-", 1000, 1023), ("bytes=-24", 1000, 1023)]
)
async def test_a_player_may_ask_for_a_part(api: Service, wanted: str, first: int, last: int) -> None:
    answer = await request(api, "GET", "/storage/tts/card-1_en.mp3", Range=wanted)

    assert (answer.status, answer.body) == (206, AUDIO[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/1024"
    assert answer.headers["Content-Type"] == "audio/mpeg"


async def test_a_part_beyond_the_end_is_a_416(api: Service) -> None:
    answer = await request(api, "GET", "/storage/tts/card-1_en.mp3", Range="bytes=5000-")

    assert answer.status == 416
    assert answer.headers["Content-Range"] == "bytes */1024"


async def test_a_head_has_no_body_and_the_same_headers(api: Service) -> None:
    got, head = [await request(api, method, "/storage/tts/card-1_en.mp3") for method in ("GET", "HEAD")]

    assert (head.status, head.body) == (200, b"")
    for name in ("ETag", "Cache-Control", "Content-Type", "Content-Length"):
        assert head.headers[name] == got.headers[name]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_audio_can_only_be_read(api: Service, method: str) -> None:
    answer = await request(api, method, "/storage/tts/card-1_en.mp3")

    assert_problem(answer, 405)
    assert answer.headers["Allow"] == "GET, HEAD"
    assert (api.storage / "card-1_en.mp3").read_bytes() == AUDIO


@pytest.mark.parametrize(
    "path",
    [
        "missing.mp3",
        "",
        "/",
        ".",
        "..",
        ".cache",
        ".cache/",
        ".cache/ab/abcd.mp3",
        "./.cache/ab/abcd.mp3",
        "%2ecache/ab/abcd.mp3",
        ".cache%2Fab%2Fabcd.mp3",
        "card-1_en.mp3/../.cache/ab/abcd.mp3",
        ".hidden.mp3",
        "%2Ehidden.mp3",
        "../outside.mp3",
        "%2e%2e/outside.mp3",
        "%2e%2e%2foutside.mp3",
        "..%5Coutside.mp3",
        "folder/../../outside.mp3",
        "way-out.mp3",
        "folder",
        "folder/",
        "folder/inside.mp3",
        "folder%2Finside.mp3",
        "folder.mp3",
        "folder.mp3/",
        "folder.mp3/inside",
        "notes.txt",
        "card-1_en.MP3",
        "card-1_en.mp3%00",
        "card-1_en.mp3%0a",
        "%00.mp3",
        "%FF.mp3",
        "%ED%A0%80.mp3",
        "x" * 5_000 + ".mp3",
        "//etc/passwd",
    ],
    ids=range(36),
)
async def test_what_is_not_a_card_s_audio_is_not_there(api: Service, path: str) -> None:
    for method in ("GET", "HEAD"):
        answer = await request(api, method, f"/storage/tts/{path}", user=None)
        assert answer.status == 404
        assert SECRET_AUDIO not in str(answer.body).encode()
    assert_problem(await request(api, "GET", f"/storage/tts/{path}", user=None), 404)


async def test_a_folder_that_is_not_there_yet_is_a_404(
    postgres: Postgres, migrated_template: str, tmp_path: Path
) -> None:
    async with shared_api(postgres, migrated_template, tmp_path, API_SERVES_AUDIO="true") as api:
        assert not api.storage.exists()
        assert_problem(await request(api, "GET", "/storage/tts/card-1_en.mp3", user=None), 404)

        put(api, "card-1_en.mp3", AUDIO)
        assert (await request(api, "GET", "/storage/tts/card-1_en.mp3", user=None)).body == AUDIO


async def test_the_api_serves_no_audio_unless_told_to(
    postgres: Postgres, migrated_template: str, tmp_path: Path
) -> None:
    async with shared_api(postgres, migrated_template, tmp_path) as api:
        put(api, "card-1_en.mp3", AUDIO)

        assert_problem(await request(api, "GET", "/storage/tts/card-1_en.mp3", user=None), 404)


async def test_the_schema_says_nothing_of_audio(api: Service) -> None:
    document = (await api.get("/schema/openapi.json", user=None)).body

    assert not [path for path in document["paths"] if "storage" in path]
