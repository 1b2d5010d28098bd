"""Two hosts with an API and a worker each share a database and a bucket; one of each dies in the middle of twenty decks."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import aiohttp
import pytest

from tests.event_stream import Event, watching
from tests.job_control import assert_adds_up, detail, generate, locked, waiters
from tests.s3_server import S3Server
from tests.service import Service, phrases
from tests.speech_server import SpeechServer, read_tag
from tests.watching import card_urls, queue_jobs, until

DECKS = {f"deck-{deck:02}": [f"deck-{deck:02}-{card}" for card in range(6)] for deck in range(20)}
CLIPS = 20 * 6 * 2


@pytest.fixture
async def hosts(service: Service, s3: S3Server, tmp_path: Path) -> AsyncIterator[list[Service]]:
    """What two hosts have in common is the network alone: the database, the bucket and the upstream."""
    await s3.make_public()
    async with AsyncExitStack() as stack:
        hosts = []
        for name in ("host-1", "host-2"):
            (tmp_path / name).mkdir()
            environment = service.environment | s3.environment | {"WORKER_HEARTBEAT_S": "2"}  # who is slow is not dead
            host = Service(service.database_url, tmp_path / name, environment)
            hosts.append(await stack.enter_async_context(host))
        yield hosts


async def test_killing_one_of_each_in_the_middle_loses_nothing(
    hosts: list[Service], s3: S3Server, upstream: SpeechServer
) -> None:
    first, second = hosts
    upstream.latency_seconds = 0.1
    for deck, cards in DECKS.items():
        first.add_deck(deck, cards)
    apis = [await host.start_api() for host in hosts]
    workers = [await host.start_worker(WORKER_CONCURRENCY="6") for host in hosts]

    # The API dies in the middle of a post, with others behind it.
    with locked(first, 'SELECT FROM public."Deck" WHERE "id" = %s FOR UPDATE', "deck-18"):
        posting = [
            asyncio.create_task(post(hosts[number % 2], hosts[1 - number % 2], deck))
            for number, deck in enumerate(DECKS)
        ]
        await until(lambda: waiters(first))
        await first.stop(apis[0], signal.SIGKILL)
    jobs = dict(zip(DECKS, await asyncio.gather(*posting), strict=True))
    watched = asyncio.create_task(watch_to_the_end(second, jobs["deck-19"]))
    # The worker in the middle of the clips.
    await until(lambda: len(upstream.requests) > CLIPS // 3)
    await first.stop(workers[0], signal.SIGKILL)
    kept = {read_tag(clip)["text"] for clip in await s3.clips()}

    for deck, job_id in jobs.items():
        job = await second.ended(job_id)
        assert (job["status"], job["processedCount"], job["errorMessage"]) == ("completed", 6, None), job
        assert [entry["cardId"] for entry in job["resultUrls"]] == DECKS[deck]
    assert (await watched).name == "end"

    # No job is lost, and none is there twice: whoever asks again is told of the same one.
    assert len(set(jobs.values())) == len(DECKS)
    assert first.sql('SELECT count(*) FROM public."TtsJob"') == [(len(DECKS),)]
    assert [await post(second, second, deck) for deck in DECKS] == [*jobs.values()]
    await until(lambda: queue_jobs(first) == [])
    assert first.sql("SELECT id FROM tts.job WHERE run IS NOT NULL OR ended_at IS NULL") == []

    # Paid twice is only what the dead worker had in its hands: on the way, or not yet in the bucket.
    times = Counter(upstream.texts)
    assert len(times) == CLIPS
    assert max(times.values()) <= 2
    assert {text for text in times if times[text] > 1} & kept == set()

    details = [await detail(second, job_id) for job_id in jobs.values()]
    for full in details:
        assert_adds_up(full)
    assert sum(full["cost"]["clipsMade"] for full in details) == CLIPS

    for cards in DECKS.values():
        for phrase in phrases(cards):
            card = phrase["cardId"]
            for side, text in (("en", phrase["textEn"]), ("fr", phrase["textFr"])):
                answer = await s3.get(f"{card}_{side}.mp3")
                assert read_tag(answer.body)["text"] == text
            assert card_urls(first, card) == tuple(f"{s3.bucket_url}/{card}_{side}.mp3" for side in ("en", "fr"))
    # The hosts have no file in common, and need none.
    assert not any(host.storage.exists() for host in hosts)
    for program in ("api", "worker"):
        assert "Traceback" not in second.log(program)


async def post(host: Service, other: Service, deck: str) -> str:
    """A client that sends its deck until it gets an answer, to the other host where one gives none, always with the same key."""
    hosts = [host, other]
    async with asyncio.timeout(60):
        while True:
            with suppress(aiohttp.ClientError):
                answer = await generate(hosts[0], phrases(DECKS[deck]), deck, key=f"key of {deck}")
                assert answer.status == 202, answer
                return str(answer.body["jobId"])
            hosts.reverse()


async def watch_to_the_end(host: Service, job_id: str) -> Event:
    async with watching(host.url, job_id) as stream:
        return (await stream.rest())[-1]
