"""A worker that dies while its audio goes to a bucket: nothing is lost, nothing is bought twice, nothing half is heard."""

import asyncio

import pytest

from tests.aftermath import kill, record
from tests.job_control import assert_adds_up, detail
from tests.s3_server import S3Server
from tests.service import GIVE_UP_SECONDS, Service, phrases
from tests.speech_audio import mp3_of
from tests.speech_server import SpeechServer, read_tag
from tests.watching import until

CARDS = [f"card-{number}" for number in range(30)]


@pytest.mark.parametrize("moment", ["PUT", "COPY"])
async def test_a_killed_workers_job_is_finished_by_another(
    service: Service, s3: S3Server, upstream: SpeechServer, moment: str
) -> None:
    await s3.make_public()
    upstream.latency_seconds = 0.1
    service.environment |= s3.environment
    service.add_deck("deck", CARDS)
    worker = await service.start_worker()
    s3.requests.clear()
    job_id = await service.post("deck", phrases(CARDS))
    await until(lambda: s3.count(moment) > 10)

    await kill(service, worker)
    kept = {read_tag(clip)["text"] for clip in await s3.clips()}
    asked = len(upstream.requests)
    await service.start_worker()
    job = await service.ended(job_id)

    assert job["status"] == "completed", job
    assert kept
    assert kept & set(upstream.texts[asked:]) == set()
    assert 60 <= len(upstream.requests) <= 60 + 8
    for phrase in phrases(CARDS):
        for side, text in (("en", phrase["textEn"]), ("fr", phrase["textFr"])):
            answer = await s3.get(f"{phrase['cardId']}_{side}.mp3")
            assert read_tag(answer.body)["text"] == text
            assert len(answer.body) == len(mp3_of(text))


async def test_a_clip_that_was_paid_for_and_stored_and_not_told_of_is_counted_once(
    service: Service, s3: S3Server, upstream: SpeechServer
) -> None:
    """Its worker has written what it had spent so far, and dies before it hears that the clip is in the bucket."""
    await s3.make_public()
    service.environment |= s3.environment
    service.add_deck("deck", CARDS[:3])
    worker = await service.start_worker()
    upstream.fail("hang", text="card-2")
    s3.requests.clear()
    s3.fail("unanswered", times=1, method="PUT", path=".mp3")
    job_id = await service.post("deck", phrases(CARDS[:3]))
    await until(lambda: record(service, job_id, "clips_made") == (3,))
    async with asyncio.timeout(GIVE_UP_SECONDS):
        while len(await s3.clips()) < 4:
            await asyncio.sleep(0.05)

    await kill(service, worker)
    upstream.heal()
    await service.start_worker()
    assert (await service.ended(job_id))["status"] == "completed"

    full = await detail(service, job_id)
    assert_adds_up(full)
    assert full["cost"]["clipsMade"] == 6
    assert len(upstream.requests) == 6 + 2  # those that nobody had answered yet
