"""What fault tests look at: what a fault cost, who still works, and that nothing half-done is to be seen."""

import asyncio
import signal
from typing import Any

import psycopg

from tests.service import Service
from tests.speech_audio import mp3_of
from tests.speech_server import SpeechServer, read_tag
from tests.watching import cached_clips, until


async def kill(service: Service, worker: asyncio.subprocess.Process) -> None:
    """Ends a worker as a power cut does."""
    assert await service.stop(worker, signal.SIGKILL) == -signal.SIGKILL


async def lost_requests(service: Service, upstream: SpeechServer) -> int:
    """How many requests have brought no stored clip, once no process makes any more."""
    await until(lambda: not upstream.in_flight)
    return len(upstream.requests) - len(cached_clips(service))


def record(service: Service, job_id: str, *columns: str) -> tuple[Any, ...]:
    """What the service keeps of a job beside Memolist's row."""
    [row] = service.sql(f"SELECT {', '.join(columns)} FROM tts.job WHERE id = %s", job_id)
    return row


def empty_the_queue(service: Service) -> None:
    """Takes every queue job away, as by hand; their jobs stay."""
    with psycopg.connect(service.database_url) as connection:
        connection.execute("SET search_path = tts")  # a trigger finds its tables by it
        connection.execute("DELETE FROM tts.procrastinate_jobs")


def listeners(service: Service) -> set[int]:
    """The connections of the workers that are told at once of a job that comes in."""
    activity = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND starts_with(query, 'LISTEN')"
    return {pid for (pid,) in service.sql(activity)}


def assert_whole(service: Service) -> None:
    """Every file that can be reached is all of what the upstream sent, and says what its card or its name wants."""
    for path in [*service.storage.glob("*.mp3"), *(service.storage / ".cache").rglob("*.mp3")]:
        audio = path.read_bytes()
        assert len(audio) == len(mp3_of(str(read_tag(audio)["text"]))), path


def assert_spoken(service: Service, of: list[dict[str, str]]) -> None:
    """Every card has the audio of its own words, and its URLs."""
    assert_whole(service)
    urls = {card: pair for card, *pair in service.sql('SELECT "id", "audioUrlEn", "audioUrlFr" FROM public."Card"')}
    for phrase in of:
        card = phrase["cardId"]
        for side, text in (("en", phrase["textEn"]), ("fr", phrase["textFr"])):
            assert read_tag((service.storage / f"{card}_{side}.mp3").read_bytes())["text"] == text
        assert urls[card] == [f"http://localhost/storage/tts/{card}_{side}.mp3" for side in ("en", "fr")]
