"""Workers that are killed at random moments over many jobs, again and again: `python -m tests.soak 100`, or `just soak 100`.

In the end every job is complete, every file says its own card's words, and no more was asked for than clips and what was under
way at the kills.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import migrations
from shared.database_url import libpq_conninfo
from tests.aftermath import assert_spoken, kill, lost_requests
from tests.postgres import running_postgres
from tests.service import Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import cached_clips, until

PLACES = 4
ENVIRONMENT = {"WORKER_HEARTBEAT_S": "1", "TTS_MAX_IN_FLIGHT": str(PLACES), "POLL_INTERVAL_MS": "500"}
_DECKS = 3
_CARDS = 10
_LATENCY_SECONDS = 0.15


async def soak(service: Service, upstream: SpeechServer, kills: int, tell: Callable[[str], None]) -> None:
    """Kills that many workers, two of which are always at work. The API runs. Raises `AssertionError`."""
    upstream.latency_seconds = _LATENCY_SECONDS
    dice = random.Random(kills)
    decks = {f"deck-{deck}": [f"deck-{deck}-{card}" for card in range(_CARDS)] for deck in range(_DECKS)}
    for deck, cards in decks.items():
        service.add_deck(deck, cards)
    workers = [await service.start_worker(**ENVIRONMENT) for _ in range(2)]
    jobs: list[str] = []
    told: dict[str, list[dict[str, str]]] = {}
    for number in range(kills):
        # Two in a row make the one before wait for its deck; every one says something new.
        while await _unfinished(service, jobs) < _DECKS:
            deck = f"deck-{len(jobs) % _DECKS}"
            told[deck] = phrases(decks[deck], f" in job {len(jobs)}")
            jobs.append(await service.post(deck, told[deck]))
        asked = len(upstream.requests)
        await until(lambda asked=asked: len(upstream.requests) > asked)  # type: ignore[misc]
        await asyncio.sleep(dice.uniform(0, 1))
        await kill(service, workers.pop(0))
        workers.append(await service.start_worker(**ENVIRONMENT))
        tell(f"kill {number + 1} of {kills}: {len(jobs)} jobs, {len(upstream.requests)} requests")
    for job_id in jobs:
        job = await service.ended(job_id)
        assert job["status"] == "completed", job
    lost = await lost_requests(service, upstream)
    tell(f"{len(jobs)} jobs, {len(cached_clips(service))} clips, {lost} requests lost in {kills} kills")
    assert len(cached_clips(service)) == len(jobs) * _CARDS * 2
    # In flight, or answered and on their way to the disk.
    assert lost <= kills * 2 * PLACES
    again = Counter(request.text for request in upstream.requests)
    assert max(again.values()) <= 1 + kills
    assert_spoken(service, [phrase for of in told.values() for phrase in of])


async def _unfinished(service: Service, jobs: list[str]) -> int:
    ended = service.sql("SELECT count(*) FROM tts.job WHERE ended_at IS NOT NULL")
    return len(jobs) - int(ended[0][0])


async def _main(kills: int) -> None:
    with running_postgres() as postgres, tempfile.TemporaryDirectory(prefix="memolist-soak-") as folder:
        url = postgres.create_database()
        migrations.upgrade(libpq_conninfo(url))
        async with SpeechServer() as upstream:
            environment = {
                "OPENAI_API_KEY": "sk-of-the-stand-in",
                "OPENAI_BASE_URL": upstream.url,
                "TTS_REQUEST_INTERVAL_MS": "0",
            }
            async with Service(url, Path(folder), environment) as service:
                await service.start_api(MAX_ACTIVE_JOBS_PER_USER="1000")
                await soak(service, upstream, kills, lambda line: print(line, flush=True))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", type=int, nargs="?", default=50)
    try:
        asyncio.run(_main(parser.parse_args().kills))
    except KeyboardInterrupt:
        sys.exit(130)
