"""How `/studio` is served: whole, under a strict policy, and to be asked for anew each time."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.postgres import Postgres
from tests.service import ROOT, Service
from tests.shared_api import assert_problem, request, shared_api

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILES = {path.name: path for path in (ROOT / "api" / "studio").iterdir()}
TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "tsv": "text/tab-separated-values; charset=utf-8",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(
    postgres: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("studio")
    audio = "https://audio.example:8443/some/folder"
    async with shared_api(postgres, migrated_template, folder, PUBLIC_BASE_URL=audio) as service:
        yield service


async def test_every_file_has_its_type_and_the_page_stands_at_studio_itself(api: Service) -> None:
    for path, file in [("/studio", FILES["index.html"]), *[(f"/studio/{name}", it) for name, it in FILES.items()]]:
        answer = await request(api, "GET", path, user=None)
        assert (answer.status, answer.body) == (200, file.read_bytes())
        assert answer.headers["Content-Type"] == TYPES[file.suffix[1:]]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-cache"


async def test_the_policy_lets_in_this_host_and_the_audio_s_and_nothing_else(api: Service) -> None:
    answer = await request(api, "GET", "/studio", user=None)

    assert dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";")) == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self' https://audio.example:8443",
        "media-src": "'self' https://audio.example:8443",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


async def test_an_unchanged_file_is_a_304_and_a_head_has_no_body(api: Service) -> None:
    tags = set()
    for name in FILES:
        head = await request(api, "HEAD", f"/studio/{name}", user=None, **{"Accept-Encoding": "identity"})
        tag = head.headers["ETag"]
        again = await request(api, "GET", f"/studio/{name}", user=None, **{"If-None-Match": f'"x", {tag}'})
        changed = await request(api, "GET", f"/studio/{name}", user=None, **{"If-None-Match": '"x"'})
        assert (head.status, head.body) == (200, b"")
        assert head.headers["Content-Length"] == str(FILES[name].stat().st_size)
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
        assert "Content-Security-Policy" in again.headers
        assert changed.status == 200
        tags.add(tag)
    assert len(tags) == len(FILES)


async def test_all_of_it_is_small(api: Service) -> None:
    """Under 60 kB as the files lie there, and far less on the way."""
    heads = {
        form: [await request(api, "HEAD", f"/studio/{name}", user=None, **{"Accept-Encoding": form}) for name in FILES]
        for form in ("identity", "gzip, br")
    }
    raw, sent = (sum(int(head.headers["Content-Length"]) for head in it) for it in heads.values())

    assert {head.headers["Content-Encoding"] for head in heads["gzip, br"]} == {"gzip"}
    assert raw < 60_000
    assert sent < 30_000


@pytest.mark.parametrize(
    "path", ["/studio/nothing.js", "/studio/..%2Fapp.py", "/studio/../app.py", "/studio/x/y", "/studio/%00"]
)
async def test_nothing_else_is_there(api: Service, path: str) -> None:
    assert_problem(await request(api, "GET", path, user=None), 404)


async def test_it_can_only_be_read(api: Service) -> None:
    assert_problem(await request(api, "POST", "/studio", b"{}"), 405)


async def test_nothing_is_inline_and_nothing_comes_from_another_host() -> None:
    files = {name: path.read_text() for name, path in FILES.items()}

    for name, text in files.items():
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|new Function", text), name
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", files["index.html"])
