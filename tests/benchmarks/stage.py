"""What every measurement runs on: real API and worker processes, a Postgres on its own defaults, an upstream in a process of its own."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

import migrations
from scripts.embedded_postgres import EmbeddedPostgres
from scripts.programs import Programs
from scripts.short_folder import ShortFolder
from shared.database_url import libpq_conninfo
from tests.postgres import Postgres
from tests.service import ROOT, Service

FULL_JOB = 200  # phrases
FULL_JOB_CLIPS = 2 * FULL_JOB
IN_FLIGHT = 8
API_KEY = "sk-the-stand-in-takes-any"
# Beyond every benchmark's own time: what goes wrong is told, not waited for.
GIVE_UP_SECONDS = 180


@dataclass
class Upstream:
    """The stand-in for the speech API, as a process."""

    process: asyncio.subprocess.Process
    url: str

    async def requests(self) -> list[dict[str, Any]]:
        """All requests so far, in the order in which they came."""
        async with aiohttp.ClientSession() as http, http.get(self._control) as answer:
            found: list[dict[str, Any]] = await answer.json()
            return found

    async def forget(self) -> None:
        async with aiohttp.ClientSession() as http:
            await http.delete(self._control)

    @property
    def _control(self) -> str:
        return self.url.removesuffix("/v1") + "/control/requests"


@dataclass(frozen=True)
class Stage:
    """One Postgres for all measurements; a database, a folder and an upstream for each."""

    postgres: Postgres
    template: str
    folder: Path
    databases: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def service(
        self, *upstream_options: str, in_flight: int = IN_FLIGHT, interval_ms: float = 0
    ) -> AsyncIterator[tuple[Service, Upstream]]:
        """The service, of which the API runs already, and its upstream."""
        self.databases.append(self.postgres.create_database(self.template))
        folder = self.folder / f"service-{len(self.databases)}"
        folder.mkdir()
        async with running_upstream(*upstream_options) as upstream:
            environment = {
                "OPENAI_API_KEY": API_KEY,
                "OPENAI_BASE_URL": upstream.url,
                "TTS_MAX_IN_FLIGHT": str(in_flight),
                "TTS_REQUEST_INTERVAL_MS": str(interval_ms),
                "LOG_LEVEL": "info",
            }
            async with Service(self.databases[-1], folder, environment) as service:
                await service.start_api()
                yield service, upstream


@contextmanager
def open_stage() -> Iterator[Stage]:
    """Unlike the tests' Postgres, this one waits for its disk."""
    programs = Programs()
    with TemporaryDirectory(prefix="memolist-bench-") as name:
        home = Path(name)
        try:
            server = EmbeddedPostgres(
                programs, home / "data", ShortFolder(home), home / "log", {"max_connections": "300"}
            )
            postgres = Postgres(server)
            template = postgres.create_database()
            migrations.upgrade(libpq_conninfo(template))
            yield Stage(postgres, template, home)
        finally:
            programs.stop()


@asynccontextmanager
async def running_upstream(*options: str, module: str = "tests.speech_server") -> AsyncIterator[Upstream]:
    """Ends with us: it watches its stdin."""
    process = await start_python(module, *options)
    assert process.stdout
    try:
        yield Upstream(process, (await process.stdout.readline()).decode().strip())
    finally:
        process.terminate()
        await process.wait()


async def start_python(module: str, *arguments: str) -> asyncio.subprocess.Process:
    """One of our own programs, with pipes to and from it."""
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", module, *arguments]
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe)


async def output_of(module: str, *arguments: str) -> dict[str, float]:
    """The figures that one of our programs prints as JSON."""
    process = await start_python(module, *arguments)
    output, _ = await process.communicate()
    assert process.returncode == 0, f"{module} failed"
    figures: dict[str, float] = json.loads(output)
    return figures


def full_deck(service: Service, deck_id: str, user: str = "anna", size: int = FULL_JOB) -> list[dict[str, str]]:
    """A new deck of flashcards, and a phrase for each: as long as those of a phrasebook, and different from all others."""
    cards = [f"{deck_id}-{number}" for number in range(size)]
    service.add_deck(deck_id, cards, user)
    return [
        {
            "textEn": f"The train for {card} leaves early",
            "textFr": f"Le train de {card} part de bonne heure",
            "cardId": card,
        }
        for card in cards
    ]


async def finish(service: Service, job_ids: list[str], user: str = "anna") -> None:
    """Waits for jobs, without loading the machine, and is not content with a failed one."""
    async with asyncio.timeout(GIVE_UP_SECONDS):
        for job_id in job_ids:
            while (status := (await service.job(job_id, user))["status"]) in ("pending", "processing"):
                await asyncio.sleep(0.2)
            assert status == "completed", await service.job(job_id, user)
