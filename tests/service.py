"""The whole service as its users run it: real API and worker processes, a database, a folder of audio, an upstream."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
import jwt
import psycopg

from tests.ports import free_port as free_port
from tests.ports import give_back

ROOT = Path(__file__).parent.parent
SECRET = "a secret of the tests that is long enough for HS256"
ENDED = ("completed", "failed", "cancelled")
GIVE_UP_SECONDS = 120
Row = tuple[Any, ...]


def token(user: str, **claims: Any) -> str:
    """A token as Memolist issues it."""
    return jwt.encode({"sub": user, "exp": time.time() + 3_600} | claims, SECRET, "HS256")


def phrases(card_ids: Iterable[str], tag: str = "") -> list[dict[str, str]]:
    """A phrase for each card, different from all others."""
    return [
        {"textEn": f"The word is {card}{tag}", "textFr": f"Le mot est {card}{tag}", "cardId": card} for card in card_ids
    ]


@dataclass
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    body: Any
    headers: Any


@dataclass
class Service:
    """Starts and stops processes by their id. `environment` is what every process gets beside the basics."""

    database_url: str
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    url: str = ""
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    _http: aiohttp.ClientSession | None = None

    @property
    def storage(self) -> Path:
        return self.folder / "audio"

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._http
        await self._http.close()
        for process in self.processes:
            if process.returncode is None:
                process.kill()
                await process.wait()
        for port in self.ports:
            give_back(port)

    async def start_api(self, **environment: str) -> asyncio.subprocess.Process:
        """Returns when it answers, at any port unless one is named."""
        port = environment.pop("API_PORT", None) or str(self._new_port())
        self.url = f"http://127.0.0.1:{port}"
        # Tests post as many jobs as they like; those of the limit set it.
        environment = {"JWT_SECRET": SECRET, "MAX_ACTIVE_JOBS_PER_USER": "1000"} | environment
        process = await self._start("api", API_PORT=port, **environment)
        async with asyncio.timeout(GIVE_UP_SECONDS):
            while True:
                assert process.returncode is None, self.log("api")
                try:
                    await self.get("/health")
                    return process
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05)

    async def start_worker(self, **environment: str) -> asyncio.subprocess.Process:
        """Returns when it looks for jobs."""
        ready = self.log("worker").count("ready")
        process = await self._start("worker", **environment)
        async with asyncio.timeout(GIVE_UP_SECONDS):
            while self.log("worker").count("ready") == ready:
                assert process.returncode is None, self.log("worker")
                await asyncio.sleep(0.05)
        return process

    async def stop(self, process: asyncio.subprocess.Process, signal_number: int = signal.SIGTERM) -> int:
        """Sends a signal, and returns the exit code."""
        process.send_signal(signal_number)
        async with asyncio.timeout(GIVE_UP_SECONDS):
            return await process.wait()

    def log(self, program: str) -> str:
        path = self.folder / f"{program}.log"
        return path.read_text() if path.exists() else ""

    def sql(self, statement: str, *parameters: Any) -> list[Row]:
        """Runs one statement as the database's owner."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def add_deck(self, deck_id: str, card_ids: Iterable[str], user: str = "anna") -> None:
        self.sql('INSERT INTO public."Deck" ("id", "userId") VALUES (%s, %s)', deck_id, user)
        self.add_cards(deck_id, card_ids)

    def add_cards(self, deck_id: str, card_ids: Iterable[str]) -> None:
        ids = list(card_ids)
        self.sql('INSERT INTO public."Card" ("id", "deckId") SELECT unnest(%s::text[]), %s', ids, deck_id)

    async def get(self, path: str, user: str | None = "anna", **headers: str) -> Answer:
        return await self._request("GET", path, user, headers)

    async def send(self, body: bytes, user: str | None = "anna", **headers: str) -> Answer:
        """Posts bytes to `generate`."""
        headers = {"Content-Type": "application/json"} | headers
        return await self._request("POST", "/api/tts/generate", user, headers, data=body)

    async def post(self, deck_id: str, of: list[dict[str, str]], user: str = "anna", **more: Any) -> str:
        """Posts a job, and returns its id."""
        body = {"deckId": deck_id, "phrases": of} | more
        answer = await self._request("POST", "/api/tts/generate", user, {}, json=body)
        assert answer.status == 202, answer
        return str(answer.body["jobId"])

    async def job(self, job_id: str, user: str = "anna") -> dict[str, Any]:
        answer = await self.get(f"/api/tts/status/{job_id}", user)
        assert answer.status == 200, answer
        job: dict[str, Any] = answer.body["job"]
        return job

    async def ended(self, job_id: str, user: str = "anna") -> dict[str, Any]:
        """The job once it has ended."""
        async with asyncio.timeout(GIVE_UP_SECONDS):
            while (job := await self.job(job_id, user))["status"] not in ENDED:
                await asyncio.sleep(0.05)
        return job

    async def made(self, deck_id: str, of: list[dict[str, str]], user: str = "anna", **more: Any) -> dict[str, Any]:
        """Posts a job and waits for its end, which must be a good one."""
        job = await self.ended(await self.post(deck_id, of, user, **more), user)
        assert job["status"] == "completed", job
        return job

    def _new_port(self) -> int:
        self.ports.append(free_port())
        return self.ports[-1]

    async def _start(self, module: str, **environment: str) -> asyncio.subprocess.Process:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),  # and not as the working folder: a developer's .env is there
            "DATABASE_URL": self.database_url,
            "STORAGE_DIR": str(self.storage),
            **self.environment,
            **environment,
        }
        with (self.folder / f"{module}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                module,
                cwd=self.folder,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    async def _request(
        self, method: str, path: str, user: str | None, headers: dict[str, str], **content: Any
    ) -> Answer:
        assert self._http
        if user is not None:
            headers = {"Authorization": f"Bearer {token(user)}"} | headers
        async with self._http.request(method, self.url + path, headers=headers, **content) as answer:
            is_json = answer.content_type.endswith("json")
            body = await answer.json(content_type=None) if is_json else await answer.read()
            return Answer(answer.status, body, answer.headers)
