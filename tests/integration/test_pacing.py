"""How fast requests go out: one pace for all workers, pauses for all of them, places in flight for each."""

import pytest

from tests.service import Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import queue_jobs, until

CARDS = {"deck-1": ["a-1", "a-2", "a-3", "a-4"], "deck-2": ["b-1", "b-2", "b-3", "b-4"]}


async def two_workers_with_a_job_each(service: Service, decks: dict[str, list[str]], **environment: str) -> list[str]:
    """Each worker may open one job only, so both of them work."""
    for deck, cards in decks.items():
        service.add_deck(deck, cards)
    await service.start_api()
    for _ in decks:
        await service.start_worker(WORKER_CONCURRENCY="1", **environment)
    return [await service.post(deck, phrases(cards)) for deck, cards in decks.items()]


async def test_two_workers_share_one_pace(service: Service, upstream: SpeechServer) -> None:
    # Five a second together; ten if each had a pace of its own.
    upstream.rate_per_second = 8

    jobs = await two_workers_with_a_job_each(service, CARDS, TTS_REQUEST_INTERVAL_MS="200")
    ends = [(await service.ended(job))["status"] for job in jobs]

    assert ends == ["completed", "completed"]
    assert {request.outcome for request in upstream.requests} == {"ok"}
    workers = service.sql("SELECT count(*) FROM tts.procrastinate_workers")
    assert workers == [(2,)]


@pytest.mark.parametrize("attempts", [1, 3])
async def test_a_retry_after_holds_all_workers(service: Service, upstream: SpeechServer, attempts: int) -> None:
    upstream.latency_seconds = 0.05
    upstream.fail("rate_limit_exceeded", times=1, retry_after="3")
    decks = {"deck-1": ["a-1"], "deck-2": ["b-1"]}

    jobs = await two_workers_with_a_job_each(
        service, decks, TTS_MAX_ATTEMPTS=str(attempts), TTS_MAX_IN_FLIGHT="1", TTS_REQUEST_INTERVAL_MS="1200"
    )
    ends = [(await service.ended(job))["status"] for job in jobs]

    assert ends == ["completed", "completed"]
    refused = next(request for request in upstream.requests if request.outcome == "rate_limit_exceeded")
    waited = [request.started_at - (refused.ended_at or 0) for request in upstream.requests]
    # Nothing until the time that was asked for is over: not even what waited for its slot already.
    assert len(waited) >= 4
    assert not [seconds for seconds in waited if 0 < seconds < 3]


async def test_no_more_requests_are_under_way_than_there_are_places(service: Service, upstream: SpeechServer) -> None:
    upstream.latency_seconds = 0.1
    for deck, cards in CARDS.items():
        service.add_deck(deck, cards)
    await service.start_api()
    await service.start_worker(TTS_MAX_IN_FLIGHT="3")

    jobs = [await service.post(deck, phrases(cards)) for deck, cards in CARDS.items()]
    for job in jobs:
        await service.ended(job)

    assert upstream.peak_in_flight == 3


async def test_one_phrase_behind_many_full_decks_is_spoken_long_before_them(
    service: Service, upstream: SpeechServer
) -> None:
    upstream.latency_seconds = 0.2
    decks = {f"full-{deck}": [f"card-{deck}-{number}" for number in range(20)] for deck in range(10)}
    for deck, cards in decks.items():
        service.add_deck(deck, cards)
    service.add_deck("bens", ["ben-1"], "ben")
    await service.start_api()
    await service.start_worker(TTS_MAX_IN_FLIGHT="2")
    for deck, cards in decks.items():
        await service.post(deck, phrases(cards))
    await until(lambda: queue_jobs(service) == ["doing"] * 10)
    before = len(upstream.requests)

    await service.made("bens", phrases(["ben-1"]), user="ben")

    # Each of the ten has four clips waiting: who comes last in one line for all comes after forty.
    assert upstream.texts.index("Le mot est ben-1") - before < 30
