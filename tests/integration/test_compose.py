"""A compose file's services as processes, from an `.env` to audio that a browser plays: all through nginx's port."""

import asyncio
import random
import re
import signal
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.compose_files import DEVELOPMENT, PRODUCTION, read_compose
from tests.compose_processes import Stack
from tests.event_stream import watching
from tests.s3_server import S3Server
from tests.service import GIVE_UP_SECONDS, ROOT, SECRET, Service, phrases
from tests.speech_server import SpeechServer, read_tag
from tests.watching import until

CARDS = [f"card-{number}" for number in range(6)]
PASSWORD = "a p@ss/w:o#r?d $HOME %40"


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def settings(upstream: SpeechServer, **more: str) -> dict[str, str]:
    """What somebody writes into `.env`."""
    given = {"OPENAI_API_KEY": "sk-of-the-tests", "OPENAI_BASE_URL": upstream.url, "TTS_REQUEST_INTERVAL_MS": "0"}
    # Not a free port of 127.0.0.1: until nginx takes it, any connection's other end may have.
    outside = f"127.{random.randrange(1, 255)}.{random.randrange(1, 255)}.9:8080"
    given |= {"HTTP_PORT": outside, "PUBLIC_BASE_URL": f"http://{outside}/storage/tts"}
    return given | {"JWT_SECRET": SECRET, "POSTGRES_PASSWORD": PASSWORD} | more


async def main_job(stack: Stack) -> Service:
    """Posts a deck through nginx and watches it there to its end. Returns the service as its users reach it."""
    service = Service(stack.database_url, stack.volume("unused"), url=stack.url)
    async with service:
        service.add_deck("deck", CARDS)
        job_id = await service.post("deck", phrases(CARDS))
        async with watching(service.url, job_id) as stream:
            events = await stream.rest()
        assert (events[0].name, events[-1].name) == ("snapshot", "end")
        job = await service.job(job_id)
        assert (job["status"], job["processedCount"]) == ("completed", len(CARDS))
    return service


async def test_production_does_its_job_through_nginx(
    tmp_path: Path, upstream: SpeechServer, client: aiohttp.ClientSession
) -> None:
    given = settings(upstream)
    config = read_compose(tmp_path, PRODUCTION, **given)
    async with Stack(config, tmp_path, given) as stack:
        await stack.up(worker=2)
        await stack.healthy("db", "api", "worker", "nginx")
        assert len({container.address for container in stack.of("worker")}) == 2
        service = await main_job(stack)

        for phrase, (english, french) in zip(phrases(CARDS), card_urls(service), strict=True):
            async with client.get(english) as answer:
                assert (answer.status, read_tag(await answer.read())["text"]) == (200, phrase["textEn"])
                etag = answer.headers["ETag"]
            async with client.get(english, headers={"If-None-Match": etag}) as answer:
                assert answer.status == 304
            async with client.get(french, headers={"Range": "bytes=0-9"}) as answer:
                assert (answer.status, len(await answer.read())) == (206, 10)
        for path in ("/metrics", "/storage/tts/.cache/", "/storage/tts/"):
            async with client.get(service.url + path) as answer:
                assert answer.status == 404

        await assert_the_smoke_check_passes(stack, tmp_path)
        await assert_a_frozen_worker_is_seen(stack)
        await stack.stop()
        for container in stack.containers:
            assert PASSWORD not in container.log
            assert "Traceback" not in container.log
            assert list((container.folder / "root").iterdir()) == []


async def test_development_with_a_bucket_needs_nothing_but_settings(
    tmp_path: Path, upstream: SpeechServer, client: aiohttp.ClientSession, s3: S3Server
) -> None:
    await s3.make_public()
    given = settings(upstream, PUBLIC_BASE_URL=s3.bucket_url, **s3.environment)
    async with Stack(read_compose(tmp_path, DEVELOPMENT, **given), tmp_path, given) as stack:
        await stack.up(worker=2)
        await stack.healthy("worker")
        service = await main_job(stack)
        await assert_an_upgrade_loses_nothing(stack, service, upstream)

        for phrase, (english, _) in zip(phrases(CARDS, " again"), card_urls(service), strict=True):
            assert english.startswith(s3.bucket_url)
            heard = await s3.get(english.removeprefix(f"{s3.bucket_url}/"))
            assert (heard.status, read_tag(heard.body)["text"]) == (200, phrase["textEn"])
        assert list(stack.volume("tts-storage").iterdir()) == []


def card_urls(service: Service) -> list[tuple[str, str]]:
    rows = service.sql('SELECT "audioUrlEn", "audioUrlFr" FROM public."Card" ORDER BY "id"')
    return [(str(english), str(french)) for english, french in rows]


async def assert_the_smoke_check_passes(stack: Stack, folder: Path) -> None:
    """Each line of docs/deploy.md as it stands."""
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    [check] = re.findall(r"^```bash\n(URL=.*?)^```$", page, re.DOTALL | re.MULTILINE)
    [dump] = re.findall(r"^docker compose .* pg_dump .*$", page, re.MULTILINE)
    [retry] = re.findall(
        r"^## Retry.*?^```bash\n(.*?)^```$", (ROOT / "docs" / "operations.md").read_text(), re.DOTALL | re.MULTILINE
    )
    docker = "docker compose -f compose.prod.yaml exec -T"
    fail = f"""{docker} db psql -U memolist -c "UPDATE public.\\"TtsJob\\" SET \\"status\\" = 'failed'" """
    script = f"set -e\n{check}\n{dump}\n{fail}\n{retry}\n"
    bash = await asyncio.create_subprocess_exec(
        "bash", "-c", script, cwd=folder, env=stack.docker(), stdout=PIPE, stderr=STDOUT
    )
    said = (await asyncio.wait_for(bash.communicate(), GIVE_UP_SECONDS))[0].decode()
    assert bash.returncode == 0, said
    assert "INSERT 0 1" in said
    assert '"status":"completed"' in said
    assert "HTTP/1.1 200 OK" in said
    assert "audio/mpeg" in said
    assert said.count('{"ok":true,"jobId":"') == 3  # posted; of both that failed, each by its own user
    assert (folder / "before.dump").read_bytes().startswith(b"PGDMP")


async def assert_an_upgrade_loses_nothing(stack: Stack, service: Service, upstream: SpeechServer) -> None:
    """In the middle of a job."""
    before = len(upstream.requests)
    upstream.latency_seconds = 0.5
    async with service:
        job_id = await service.post("deck", phrases(CARDS, " again"))
        await until(lambda: len(upstream.requests) > before)
        await stack.replace("migrate", "api", "worker", worker=2)
        await stack.healthy("api", "worker")  # until then nginx says 503, and when to come back
        assert (await service.ended(job_id))["status"] == "completed"
    assert len(upstream.texts) == len(set(upstream.texts))


async def assert_a_frozen_worker_is_seen(stack: Stack) -> None:
    """One of two: the health check of the other goes on saying that it is well."""
    frozen, other = stack.of("worker")
    frozen.process.send_signal(signal.SIGSTOP)
    code, _ = await stack.check(frozen)
    assert code != 0
    await stack.well(other)
    frozen.process.send_signal(signal.SIGCONT)
    await stack.healthy("worker")
