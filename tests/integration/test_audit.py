"""The audit of our packages: it fails where one has a known vulnerability, and only then."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from scripts.audit import LARGEST_LOCK, pins_of
from tests.service import ROOT

VULNERABILITY = {
    "id": "PYSEC-2026-1",
    "modified": "2026-01-01T00:00:00Z",
    "summary": "It says too much",
    "affected": [{"package": {"ecosystem": "PyPI", "name": "structlog"}, "versions": ["26.1.0"]}],
}


@pytest.fixture
async def osv() -> AsyncIterator[TestServer]:
    """A stand-in that knows of one vulnerability, in structlog."""

    async def batch(request: web.Request) -> web.Response:
        asked = [query["package"]["name"] for query in (await request.json())["queries"]]
        told = {"vulns": [{"id": VULNERABILITY["id"], "modified": VULNERABILITY["modified"]}]}
        return web.json_response({"results": [told if name == "structlog" else {} for name in asked]})

    async def vulnerability(_: web.Request) -> web.Response:
        return web.json_response(VULNERABILITY)

    app = web.Application()
    app.router.add_post("/v1/querybatch", batch)
    app.router.add_get(f"/v1/vulns/{VULNERABILITY['id']}", vulnerability)
    server = TestServer(app)
    async with server:
        yield server


async def run(lock: Path, service_url: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "scripts.audit", str(lock), "--service-url", service_url]
    done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


async def test_a_known_vulnerability_fails_the_audit_and_a_server_that_is_away_does_not(
    osv: TestServer, tmp_path: Path
) -> None:
    bad, good = tmp_path / "bad.txt", tmp_path / "good.txt"
    good.write_text("iniconfig==2.1.0 \\\n    --hash=sha256:0\n")
    bad.write_text(good.read_text() + "structlog==26.1.0 ; python_full_version >= '3.11' \\\n    --hash=sha256:0\n")
    url = str(osv.make_url("/"))
    code, words = await run(bad, url)
    assert code == 1, words
    assert "structlog 26.1.0" in words
    assert "PYSEC-2026-1" in words
    assert await run(good, url) == (0, "No known vulnerability in 1 packages\n")
    await osv.close()
    code, words = await run(bad, url)
    assert (code, "was skipped" in words) == (0, True), words


def test_the_audit_asks_about_every_package_of_the_lock() -> None:
    packages = [line for line in LARGEST_LOCK.read_text().splitlines() if line and not line[0].isspace()]
    assert len(pins_of(LARGEST_LOCK)) == len(packages) > 100
