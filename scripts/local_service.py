"""The whole service on this machine: Postgres, API and worker as real processes, with their data in one folder."""

import os
import sys
from pathlib import Path

import httpx2

from scripts.embedded_postgres import EmbeddedPostgres
from scripts.home import CHECKOUT, Home
from scripts.programs import Program, Programs
from scripts.short_folder import ShortFolder
from shared.settings import ApiSettings, WorkerSettings

HOST = "127.0.0.1"
NOT_OURS = {name.upper() for settings in (ApiSettings, WorkerSettings) for name in settings.model_fields}


class LocalService:
    """The parts, each started and stopped on its own. `api` and `engine` are settings for the API and for the worker."""

    def __init__(
        self, programs: Programs, home: Home, port: int, api: dict[str, str], engine: dict[str, str], *, lock: int
    ) -> None:
        self._programs = programs
        self._home = home
        self._short = ShortFolder(home.folder)
        self._postgres = EmbeddedPostgres(programs, home.postgres, self._short, home.logs / "postgres.log", lock=lock)
        self._http = httpx2.Client(timeout=5, trust_env=False)
        self._api = api
        self._engine = engine
        self._lock = lock
        self._running: list[Program] = []
        self.port = port
        self.url = f"http://{HOST}:{port}"
        self.audio_url = f"{self.url}/storage/tts"
        self.database_url = self._postgres.url

    def start_postgres(self) -> None:
        """With the tables of the newest schema in it."""
        self._postgres.start()
        self._run("migrations", self._home.logs / "migrations.log").wait()

    def start_api_and_worker(self, *, logs: bool = True) -> None:
        """Side by side. Without `logs` they write where we write."""
        # The API prices with the voices that the worker has, and has no use for its key.
        voices = {name: value for name, value in self._engine.items() if name != "OPENAI_API_KEY"}
        api = {**voices, **self._api, "API_HOST": HOST, "API_PORT": str(self.port), "API_SERVES_AUDIO": "true"}
        self._running = [
            self._run("api", self._home.logs / "api.log" if logs else None, api),
            self._run("worker", self._home.logs / "worker.log" if logs else None, self._engine),
        ]

    def wait_until_ready(self) -> None:
        """Raises `ProgramFailed`."""
        self._running[0].wait_until(self._api_is_ready)

    def check(self) -> None:
        """Raises `ProgramFailed` when a part has ended."""
        self.check_postgres()
        for program in self._running:
            program.check()

    def check_postgres(self) -> None:
        self._postgres.check()

    def stop_api_and_worker(self) -> None:
        for program in self._running:
            program.begin_to_stop()
        for program in self._running:
            program.stop()

    def _run(self, module: str, log: Path | None, settings: dict[str, str] | None = None) -> Program:
        return self._programs.start(
            lambda: Program(
                f"python -m {module}",
                [sys.executable, "-m", module],
                log=log,
                env=self._environment() | (settings or {}),
                folder=self._home.workplace,
                grace_seconds=25,  # longer than WORKER_SHUTDOWN_TIMEOUT_S
                kept_open=[self._lock, self._postgres.lifeline],  # also where we are killed, Postgres ends last,
            )
        )

    def _environment(self) -> dict[str, str]:
        """Ours for the settings of the service and of libpq; for the rest (PATH, proxies, …) the user's."""
        kept = {k: v for k, v in os.environ.items() if k.upper() not in NOT_OURS and not k.startswith("PG")}
        return kept | {
            "DATABASE_URL": self.database_url,
            "STORAGE_TYPE": "local",
            "STORAGE_DIR": str(self._home.audio),
            "PUBLIC_BASE_URL": self.audio_url,
            "PYTHONPATH": str(CHECKOUT),
            "PYTHONUTF8": "1",
        }

    def _api_is_ready(self) -> bool:
        try:
            return self._http.get(f"{self.url}/ready").is_success
        except httpx2.TransportError:
            return False
