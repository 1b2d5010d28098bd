"""What tests look at from outside: cards' files and URLs, the storage with all that is hidden in it, the queue."""

import asyncio
import time
from collections.abc import Callable
from typing import Self

from tests.service import GIVE_UP_SECONDS, Service
from tests.speech_server import read_tag


def spoken(service: Service, file_name: str) -> str:
    """The text that a card's file speaks."""
    return str(read_tag((service.storage / file_name).read_bytes())["text"])


def voice(service: Service, file_name: str) -> str:
    """The voice that a card's file speaks with."""
    return str(read_tag((service.storage / file_name).read_bytes())["voice"])


def card_files(service: Service) -> dict[str, bytes]:
    """Every file that is served."""
    return {path.name: path.read_bytes() for path in service.storage.glob("*.mp3")}


def all_files(service: Service) -> set[str]:
    """Every file in the storage, the hidden ones too."""
    return {str(path.relative_to(service.storage)) for path in service.storage.rglob("*") if path.is_file()}


def cached_clips(service: Service) -> list[str]:
    """The files of the cache."""
    return [path.name for path in (service.storage / ".cache").rglob("*.mp3")]


def card_urls(service: Service, card_id: str) -> tuple[str | None, str | None]:
    """A card's URLs, English and French, as Memolist reads them."""
    [(english, french)] = service.sql('SELECT "audioUrlEn", "audioUrlFr" FROM public."Card" WHERE "id" = %s', card_id)
    return english, french


def queue_jobs(service: Service) -> list[str]:
    """The states of the queue's jobs, the oldest first."""
    return [str(status) for (status,) in service.sql("SELECT status FROM tts.procrastinate_jobs ORDER BY id")]


async def until(condition: Callable[[], object]) -> None:
    """Returns once it is so."""
    async with asyncio.timeout(GIVE_UP_SECONDS):
        while not condition():
            await asyncio.sleep(0.02)


class Stopwatch:
    """Counts the time in which this process had its turns: one in which the machine stood still counts for no more than 50 ms."""

    seconds = 0.0

    async def __aenter__(self) -> Self:
        self._counting = asyncio.create_task(self._count())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._counting.cancel()

    async def _count(self) -> None:
        while True:
            began_at = time.monotonic()
            await asyncio.sleep(0.01)
            self.seconds += min(time.monotonic() - began_at, 0.05)
