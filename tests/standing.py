"""One running service for many tests, one after the other: emptied after each, started anew after one that did not leave it idle."""

import asyncio
import shutil
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from tests.postgres import Postgres
from tests.service import Service
from tests.speech_server import SpeechServer

_IDLE_SECONDS = 1
_LEFT = """
    SELECT (SELECT count(*) FROM tts.procrastinate_jobs)
        + (SELECT count(*) FROM public."TtsJob" WHERE "status" NOT IN ('completed', 'failed'))
"""
_EMPTY = """
    SET search_path = tts, public;
    DELETE FROM procrastinate_jobs; DELETE FROM job_clip; DELETE FROM job; DELETE FROM clip; DELETE FROM card_audio;
    DELETE FROM clip_use; DELETE FROM unnamed_audio; DELETE FROM idempotency_key; DELETE FROM pace;
    DELETE FROM "TtsJob"; DELETE FROM "Card"; DELETE FROM "Deck"
"""


def empty_tables(service: Service) -> None:
    """Takes all jobs, decks and clips away; nobody may be at work on them."""
    service.sql(_EMPTY)


def speech_environment(upstream: SpeechServer) -> dict[str, str]:
    """The settings of a service that speaks through this upstream, at no pace."""
    return {
        "TTS_ENGINE": "speech",
        "OPENAI_API_KEY": "sk-test-key-of-the-stand-in",
        "OPENAI_BASE_URL": upstream.url,
        "TTS_REQUEST_INTERVAL_MS": "0",
    }


class Standing:
    """An API and a worker, with a database, a folder and an upstream: `take` it, and `give_back` what was taken."""

    def __init__(self, postgres: Postgres, template: str, new_folder: Callable[[], Path]) -> None:
        self._postgres = postgres
        self._template = template
        self._new_folder = new_folder
        self._taken = AsyncExitStack()
        self._service: Service | None = None

    @property
    def upstream(self) -> SpeechServer:
        """That of the service that was taken last."""
        return self._upstream

    async def take(self) -> Service:
        """Idle, and with nothing in it."""
        if self._service is None:
            self._upstream = await self._taken.enter_async_context(SpeechServer())
            url = self._postgres.create_database(self._template)
            self._taken.callback(self._postgres.drop_database, url)
            service = Service(url, self._new_folder(), speech_environment(self._upstream))
            await self._taken.enter_async_context(service)
            await service.start_api()
            await service.start_worker()
            self._service = service
        return self._service

    async def give_back(self) -> None:
        """Empties it for the next test, or ends it."""
        if self._service and await self._becomes_idle(self._service):
            self._empty(self._service)
        else:
            await self.end()

    async def end(self) -> None:
        self._service = None
        await self._taken.aclose()

    async def _becomes_idle(self, service: Service) -> bool:
        """Cancelled jobs have clips that still come; nobody waits for those, nor for a clip that hangs."""
        is_whole = len(service.processes) == 2 and service.storage.is_dir()
        if not is_whole or service.environment != speech_environment(self._upstream):
            return False
        try:
            async with asyncio.timeout(_IDLE_SECONDS):
                while self._upstream.in_flight or service.sql(_LEFT) != [(0,)]:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            return False
        return all(process.returncode is None for process in service.processes)

    def _empty(self, service: Service) -> None:
        empty_tables(service)
        for entry in service.storage.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        (service.storage / ".cache").mkdir()
        self._upstream.heal()
        self._upstream.requests.clear()
        self._upstream.latency_seconds = 0
