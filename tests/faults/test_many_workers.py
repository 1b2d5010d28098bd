"""Three workers on one queue: one deck at a time, every clip once, and one phrase is not kept waiting by big jobs."""

import pytest

from tests.aftermath import assert_spoken, listeners
from tests.service import Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import queue_jobs, until


async def test_three_workers_run_one_job_of_a_deck_at_a_time_and_make_every_clip_once(
    service: Service, upstream: SpeechServer
) -> None:
    upstream.latency_seconds = 0.03
    decks = {f"deck-{deck:02}": [f"deck-{deck:02}-{card}" for card in range(4)] for deck in range(12)}
    for deck, cards in decks.items():
        service.add_deck(deck, cards)
    await service.start_api(MAX_ACTIVE_JOBS_PER_USER="100")
    for _ in range(3):
        # Few places and no polling: each has its share, and learns of its next job from the one that ends.
        await service.start_worker(WORKER_CONCURRENCY="3", POLL_INTERVAL_MS="3600000")
    await until(lambda: len(listeners(service)) == 3)

    tags = (" first", " second")
    jobs = [await service.post(deck, phrases(cards, tag)) for deck, cards in decks.items() for tag in tags]
    for job_id in jobs:
        assert (await service.ended(job_id))["status"] == "completed"

    assert len(upstream.texts) == len(set(upstream.texts)) == 12 * 2 * 8
    for deck in decks:
        of_deck = [request for request in upstream.requests if deck in request.text]
        first, second = ([request for request in of_deck if request.text.endswith(tag)] for tag in tags)
        assert max(request.ended_at or 0 for request in first) <= min(request.started_at for request in second)
    assert_spoken(service, [phrase for cards in decks.values() for phrase in phrases(cards, " second")])


@pytest.mark.parametrize("user", ["anna", "ben"])
async def test_one_phrase_behind_twenty_big_jobs_is_spoken_after_few_more_requests(
    service: Service, upstream: SpeechServer, user: str
) -> None:
    big = 20
    decks = {f"big-{deck}": [f"big-{deck}-{card}" for card in range(100)] for deck in range(big)}
    for deck, cards in decks.items():
        service.add_deck(deck, cards)
    service.add_deck("small", ["small"], user)
    await service.start_api(MAX_ACTIVE_JOBS_PER_USER="100")
    await service.start_worker(TTS_REQUEST_INTERVAL_MS="50")
    jobs = [await service.post(deck, phrases(cards)) for deck, cards in decks.items()]
    await until(lambda: queue_jobs(service) == ["doing"] * big and len(upstream.requests) > big)
    before = len(upstream.requests)

    await service.made("small", phrases(["small"]), user)

    spoken = [text for text in upstream.texts if text.endswith("small")]
    assert len(spoken) == 2
    # Of the same user it comes after each of the twenty had a turn, twice; of another, at every second turn.
    most = 2 * (big + 1) + 8 if user == "anna" else 12
    assert upstream.texts.index(spoken[1]) - before <= most
    # The big jobs go on, all of them.
    after = len(upstream.requests)
    await until(
        lambda: {deck for deck in decks if any(f"{deck}-" in text for text in upstream.texts[after:])} == set(decks)
    )
    assert {(await service.job(job_id))["status"] for job_id in jobs} == {"processing"}
