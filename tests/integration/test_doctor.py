"""`just doctor`: ten faults are planted, several at a time, and each is told by the line of its own."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from aiohttp import web

from tests.integration.test_worker_start import GOOD, assert_one_line, run
from tests.keeping import add_job, environment
from tests.nginx_server import running_nginx
from tests.s3_server import S3Server
from tests.service import SECRET, Service
from tests.speech_server import SpeechServer
from tests.system_parts import require_small_disk
from tests.watching import all_files, until

PASSWORD = "a-password-of-ours"
KEY = "sk-test-key-of-the-stand-in"
NAMES = "settings database schema workers queue keeping upstream storage disk public".split()


async def doctor(service: Service, *arguments: str, code: int, **more: str) -> dict[str, str]:
    """What it says, by the name of the line. No line may hold a secret."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "worker.doctor",
        *arguments,
        cwd=service.folder,
        env=environment(service, **{"JWT_SECRET": SECRET} | more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    said = output.decode()
    assert process.returncode == code, said
    for secret in (PASSWORD, KEY, SECRET, "a-secret-of-the-tests"):
        assert secret not in said
    assert "Traceback" not in said
    *lines, _ = said.splitlines()
    found = {line.split()[1]: line for line in lines}
    assert list(found) == NAMES, said
    return found


async def start_worker(service: Service) -> None:
    """Returns when the database knows of it."""
    await service.start_worker()
    await until(lambda: service.sql("SELECT count(*) FROM tts.procrastinate_workers") == [(1,)])


def problems(found: dict[str, str]) -> set[str]:
    return {name for name, line in found.items() if line.startswith("PROBLEM")}


@asynccontextmanager
async def open_to_all(folder: Path) -> AsyncIterator[str]:
    """A web server as somebody sets one up in a hurry: it serves all of a folder."""

    async def answer(request: web.Request) -> web.StreamResponse:
        path = folder / request.match_info["path"]
        if not path.is_file():
            raise web.HTTPNotFound
        return web.Response(body=path.read_bytes(), headers={"Cache-Control": "no-cache"})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_sound_installation_is_told_to_be_sound(service: Service, upstream: SpeechServer) -> None:
    await start_worker(service)
    before = all_files(service)
    with running_nginx(service.storage, "127.0.0.1:9") as url:
        found = await doctor(service, PUBLIC_BASE_URL=f"{url}/storage/tts", code=0)

        assert all(line.startswith("ok ") for line in found.values())
        assert "1 alive" in found["workers"]
        assert len(upstream.requests) == 2
        assert all_files(service) == before
        found = await doctor(service, "--no-upstream", "--url", f"{url}/storage/tts", code=0)
        assert found["upstream"] == "skipped  upstream   not asked"
        assert len(upstream.requests) == 2

        # What is wrong with one setting hides only what needs it; a password of the URL is for nobody to see.
        guarded = url.replace("//", f"//anna:{PASSWORD}@")
        wrong = {"LOG_FORMAT": "xml", "TTS_SPEED": "fast", "WORKER_CONCURRENCY": "all", "PUBLIC_BASE_URL": "here"}
        found = await doctor(service, "--url", f"{guarded}/storage/tts", **wrong, code=1)
        assert problems(found) == {"settings"}
        assert all(f"{name}: " in found["settings"] for name in wrong)
        assert found["upstream"] == "skipped  upstream   needs TTS_SPEED: see the first line"
        assert [name for name, line in found.items() if line.startswith("ok ")] == [*NAMES[1:6], *NAMES[7:]]
        assert f"{url}/storage/tts serves" in found["public"]

        if os.geteuid() == 0:
            os.chown(service.storage, 65534, 65534)
            found = await doctor(service, "--no-upstream", "--url", f"{url}/storage/tts", code=0)
            os.chown(service.storage, 0, 0)
            assert found["storage"].startswith("skipped  storage    root would leave folders there")
            assert found["public"].startswith("skipped")
            assert all_files(service) == before

        # The cache is served, and nothing else is wrong.
        async with open_to_all(service.storage) as open_url:
            found = await doctor(service, "--no-upstream", PUBLIC_BASE_URL=open_url, code=1)
        assert problems(found) == {"public"}
        assert "the cache can be read by anybody" in found["public"]

        # nginx looks into another folder than the worker.
        elsewhere = service.folder / "elsewhere"
        elsewhere.mkdir()
        found = await doctor(
            service, "--no-upstream", PUBLIC_BASE_URL=f"{url}/storage/tts", STORAGE_DIR=str(elsewhere), code=1
        )
        assert problems(found) == {"public"}
        assert "answers 404 for a file that is in the storage" in found["public"]


async def test_faults_of_all_kinds_at_once_are_each_told(service: Service, upstream: SpeechServer) -> None:
    """No worker, a job that waits, a rejected key, no folder, nobody who serves it, and a wrong setting."""
    upstream.fail("invalid_api_key")
    add_job(service, "waiting", None, "pending")
    service.sql("""UPDATE public."TtsJob" SET "updatedAt" = now() AT TIME ZONE 'UTC' - interval '20 minutes'""")

    found = await doctor(service, code=1, PUBLIC_BASE_URL="http://127.0.0.1:9/tts", JOBS_KEPT_DAYS="a month")

    assert problems(found) == {"settings", "workers", "queue", "upstream", "storage"}
    assert "JOBS_KEPT_DAYS: " in found["settings"]
    assert "a month" not in found["settings"]
    assert "none is running" in found["workers"]
    assert "1 jobs wait to begin, the oldest for 20 min" in found["queue"]
    assert "put a valid one in OPENAI_API_KEY" in found["upstream"]
    assert f"STORAGE_DIR: there is no folder {service.storage}" in found["storage"]
    assert found["keeping"].startswith("ok")

    # Now with a folder, and so with nobody who serves it; a worker that is long silent; a disk with little room; no schema.
    service.storage.mkdir()
    service.sql("INSERT INTO tts.procrastinate_workers (last_heartbeat) VALUES (now() - interval '7 minutes')")
    service.sql("UPDATE tts.sweep SET ended_at = now() - interval '9 days'")
    upstream.heal()
    found = await doctor(service, "--free-mb", "1e12", PUBLIC_BASE_URL="http://127.0.0.1:9/tts", code=1)
    assert problems(found) == {"workers", "queue", "keeping", "disk", "public"}
    assert "the last heartbeat was 7 min ago" in found["workers"]
    assert "the last sweep was 9 days ago" in found["keeping"]
    assert "MB are free: make room" in found["disk"]
    assert "http://127.0.0.1:9/tts cannot be reached" in found["public"]

    service.sql("UPDATE tts.alembic_version SET version_num = '0003'")
    found = await doctor(service, "--no-upstream", "--url", "http://127.0.0.1:9/tts", code=1)
    assert problems(found) == {"schema", "public"}
    assert "run `just migrate`" in found["schema"]
    assert found["workers"] == "skipped  workers    needs the schema: see its line"


async def test_a_database_that_is_away_or_refuses_is_told(service: Service) -> None:
    service.storage.mkdir()
    service.sql(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'")
    [[rules]] = service.sql("SHOW hba_file")
    before = Path(rules).read_text()
    Path(rules).write_text(f"local all guarded scram-sha-256\nhost all guarded all scram-sha-256\n{before}")
    service.sql("SELECT pg_reload_conf()")
    parts = urlsplit(service.database_url)
    host = parts.netloc.rpartition("@")[2]
    try:
        wrong = urlunsplit(parts._replace(netloc=f"guarded:{PASSWORD}-and-more@{host}"))
        found = await doctor(service, "--no-upstream", DATABASE_URL=wrong, code=1)
        # No worker waits for that to change.
        assert_one_line(run("worker", service.folder, **GOOD | {"DATABASE_URL": wrong}), "password authentication")
    finally:
        Path(rules).write_text(before)
        service.sql("SELECT pg_reload_conf()")
    assert "database" in problems(found)
    assert "password authentication failed" in found["database"]
    assert "put the right user and password into DATABASE_URL" in found["database"]
    assert found["schema"].startswith("skipped")

    down = f"postgresql://memolist:{PASSWORD}@127.0.0.1:9/memolist"
    found = await doctor(service, "--no-upstream", DATABASE_URL=down, code=1)
    assert "Connection refused: start Postgres" in found["database"]
    assert found["storage"].startswith("ok")

    # The worker's queue goes by the other address.
    found = await doctor(service, "--no-upstream", DIRECT_URL=down, code=1)
    assert "DIRECT_URL: connection" in found["database"]
    assert "start Postgres, or put its address into DIRECT_URL" in found["database"]


async def test_a_disk_that_cannot_be_written_is_told(service: Service) -> None:
    service.storage.mkdir()
    require_small_disk(service.storage, "1m")
    try:
        found = await doctor(service, "--no-upstream", code=1)
        assert "1 MB are free: make room" in found["disk"]
        subprocess.run(["mount", "-o", "remount,ro", service.storage], check=True)
        found = await doctor(service, "--no-upstream", code=1)
        assert "STORAGE_DIR: it is read-only" in found["storage"]
    finally:
        subprocess.run(["umount", service.storage], check=True)


async def test_a_bucket_is_looked_at_too(service: Service, s3: S3Server) -> None:
    await start_worker(service)
    await s3.make_public()
    service.environment |= s3.environment

    found = await doctor(service, "--no-upstream", code=0)
    assert found["disk"].startswith("skipped")
    assert s3.bucket_url in found["public"]
    assert set(await s3.keys()) == {".cache/probe"}

    s3.fail("denied", method="DELETE")
    found = await doctor(service, "--no-upstream", code=1)
    assert "access to bucket" in found["storage"]
