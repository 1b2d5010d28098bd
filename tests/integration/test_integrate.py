"""The README's curl lines and every snippet of docs/integrate.md, run as they stand, against the real service."""

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import psycopg
import pytest

from tests.frontend.node import node
from tests.service import GIVE_UP_SECONDS, ROOT, Service, phrases, token
from tests.system_parts import require_program
from tests.watching import until

PAGE = (ROOT / "docs" / "integrate.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
AROUND = (ROOT / "tests" / "frontend" / "page.ts").read_text(encoding="utf-8")
DECK, CARDS = "deck-id-123", ["card-id-456", "card-id-789"]
# The API listens from when it has read, for the first time, a job that is watched.
WATCHED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN tts_job'"
FILES = {f"{card}_{side}.mp3" for card in CARDS for side in ("en", "fr")}


def snippets(language: str) -> list[str]:
    """What the page has between fences of that language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


WATCH, STEER = snippets("bash")
[FRONTEND] = snippets("typescript")
SPEAK, FOLLOW = snippets("python")
[READ] = snippets("sql")


def test_no_snippet_is_left_out() -> None:
    assert len(re.findall(r"^```\w", PAGE, re.MULTILINE)) == 6


@pytest.fixture
async def api(service: Service) -> Service:
    """The service as the page's reader has it, but for a worker."""
    service.add_deck(DECK, CARDS)
    await service.start_api(API_SERVES_AUDIO="true")
    service.environment["PUBLIC_BASE_URL"] = f"{service.url}/storage/tts"
    return service


async def test_the_readme_s_curl_posts_and_asks(api: Service) -> None:
    [script] = re.findall(r"^```bash\n(curl.*?)^```$", README, re.DOTALL | re.MULTILINE)
    job_id = await api.post(DECK, phrases(CARDS))

    said = await run(api, bash(), "-euc", script.replace("http://localhost/api", f"{api.url}/api"), JOB_ID=job_id)

    assert re.search(r'{"ok":true,"jobId":"[0-9a-f-]{36}"}', said)
    assert f'{{"job":{{"id":"{job_id}"' in said


async def test_curl_prices_posts_watches_and_reads(api: Service) -> None:
    await api.start_worker()

    said = await run(api, bash(), "-euc", WATCH)

    [(job_id,)] = api.sql('SELECT "id" FROM public."TtsJob"')
    estimate, _, stream = said.partition("retry: ")
    assert json.loads(estimate)["clips"] == 4
    *events, answers = stream.split("\n\n")
    assert "event: end\n" in events[-1]
    status, job, jobs = (json.loads(answer) for answer in re.split(r"(?<=})(?={)", answers))
    assert status["job"]["status"] == "completed"
    assert len(job["job"]["clips"]) == 4
    assert [it["id"] for it in jobs["jobs"]] == [job_id]


async def test_curl_cancels_and_retries(api: Service) -> None:
    job_id = await api.post(DECK, phrases(CARDS))

    said = await run(api, bash(), "-euc", STEER, JOB_ID=job_id)

    assert said == f'{{"ok":true}}{{"ok":true,"jobId":"{job_id}"}}'
    assert (await api.job(job_id))["status"] == "pending"


async def test_the_frontend_tells_each_card_and_the_end(api: Service) -> None:
    script = write(api, "page.ts", AROUND.replace("__SNIPPET__", FRONTEND))
    running = asyncio.create_task(run(api, node(), script))
    await until_job(api)
    await api.start_worker()

    snapshot, end = (await running).splitlines()

    assert snapshot.startswith("snapshot ")
    assert end == "end completed 2 card-id-456 card-id-789"


async def test_the_frontend_waits_where_there_is_no_room(service: Service) -> None:
    service.add_deck(DECK, CARDS)
    service.add_deck("busy", ["card-1"])
    await service.start_api(MAX_ACTIVE_JOBS_PER_USER="1")
    await service.post("busy", phrases(["card-1"]))
    script = write(service, "page.ts", AROUND.replace("__SNIPPET__", FRONTEND))
    running = asyncio.create_task(run(service, node(), script))
    await until(lambda: "status=429" in service.log("api"))

    await service.start_worker()

    assert (await running).splitlines()[-1].startswith("end completed 2")
    assert service.sql('SELECT count(*) FROM public."TtsJob"') == [(2,)]


async def test_the_frontend_says_what_is_wrong(api: Service) -> None:
    script = write(api, "page.ts", AROUND.replace("__SNIPPET__", FRONTEND))

    said = await run(api, node(), script, expected=1, PHRASES=json.dumps(phrases(["not-a-card"])))

    assert "the deck has no such card" in said


async def test_python_posts_watches_and_downloads(api: Service) -> None:
    speak, wanted = write(api, "speak.py", SPEAK), write(api, "phrases.json", json.dumps(phrases(CARDS)))
    running = asyncio.create_task(run(api, sys.executable, speak, DECK, wanted, "heard"))
    await until(lambda: api.sql(WATCHED) == [(1,)])
    await api.start_worker()

    said = await running

    assert said.splitlines()[0].startswith("snapshot 0/2 ")
    assert said.splitlines()[-1].strip() == "end 2/2 completed"
    heard = {path.name: path.read_bytes() for path in (api.folder / "heard").iterdir()}
    assert heard == {name: (api.storage / name).read_bytes() for name in FILES}


async def test_python_says_what_is_wrong(api: Service) -> None:
    speak, wanted = write(api, "speak.py", SPEAK), write(api, "phrases.json", json.dumps(phrases(["not-a-card"])))

    said = await run(api, sys.executable, speak, DECK, wanted, "heard", expected=1)

    assert "the deck has no such card" in said


async def test_the_backend_reads_jobs_and_cards(api: Service) -> None:
    await api.start_worker()
    job = await api.made(DECK, phrases(CARDS))
    jobs, entries, cards = (part for part in READ.split(";\n") if part.strip())

    with psycopg.connect(api.database_url) as connection:
        assert connection.execute(jobs.encode()).fetchall() == [(job["id"], "completed", 2, 2, None)]
        found = connection.execute(entries.encode()).fetchall()
        assert found == [(it["cardId"], it["audioUrlEn"], None) for it in job["resultUrls"]]
        assert sorted(connection.execute(cards.encode()).fetchall()) == [
            (it["cardId"], it["audioUrlEn"], it["audioUrlFr"]) for it in job["resultUrls"]
        ]


async def test_the_backend_hears_of_every_change(api: Service) -> None:
    job_id = await api.post(DECK, phrases(CARDS))
    follow = write(api, "follow.py", FOLLOW)
    running = asyncio.create_task(run(api, sys.executable, follow, job_id, DATABASE_URL=api.database_url))
    await until_listening(api)
    await api.start_worker()

    said = (await running).splitlines()

    assert said[0] == "pending 0/2"
    assert said[-1] == "completed 2/2"


def bash() -> str:
    require_program("curl")
    return require_program("bash")


def write(service: Service, name: str, content: str) -> Path:
    path = service.folder / name
    path.write_text(content, encoding="utf-8")
    return path


async def run(service: Service, *command: str | Path, expected: int = 0, **environment: str) -> str:
    """What a program says, in the folder of the test. It must end as expected."""
    environment = {
        "PATH": os.environ["PATH"],
        "URL": service.url,
        "API_URL": service.url,
        "TOKEN": token("anna"),
        "DECK_ID": DECK,
        "PHRASES": json.dumps(phrases(CARDS)),
    } | environment
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, cwd=service.folder, stdout=PIPE, stderr=STDOUT
    )
    try:
        async with asyncio.timeout(GIVE_UP_SECONDS):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == expected, said.decode()
    return said.decode()


async def until_job(service: Service) -> None:
    """Returns once a job was posted."""
    async with asyncio.timeout(GIVE_UP_SECONDS):
        while service.sql('SELECT count(*) FROM public."TtsJob"') == [(0,)]:
            await asyncio.sleep(0.05)


async def until_listening(service: Service) -> None:
    """Returns once the snippet has read its job for the first time."""
    seen = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT \"status\", %%'"
    async with asyncio.timeout(GIVE_UP_SECONDS):
        while service.sql(seen) == [(0,)]:
            await asyncio.sleep(0.05)
