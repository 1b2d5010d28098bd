"""How fast requests go out: one pace for all workers, pauses for all of them, places in flight for each."""

import time

import pytest

from tests.service import Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import until

CARDS = {"deck-1": ["a-1", "a-2", "a-3", "a-4"], "deck-2": ["b-1", "b-2", "b-3", "b-4"]}


async def two_workers(service: Service, **environment: str) -> None:
    """Each may open one job only, so both of them work."""
    for deck, cards in CARDS.items():
        service.add_deck(deck, cards)
    await service.start_api()
    for _ in CARDS:
        await service.start_worker(WORKER_CONCURRENCY="1", **environment)


async def test_two_workers_share_one_pace(service: Service, upstream: SpeechServer) -> None:
    await two_workers(service, TTS_REQUEST_INTERVAL_MS="500")
    began_at = time.monotonic()

    jobs = [await service.post(deck, phrases(cards)) for deck, cards in CARDS.items()]
    ends = [(await service.ended(job))["status"] for job in jobs]

    assert ends == ["completed", "completed"]
    # Half as long if each had a pace of its own.
    assert len(upstream.requests) == 16
    assert upstream.requests[-1].started_at - began_at >= 15 * 0.5
    workers = service.sql("SELECT count(*) FROM tts.procrastinate_workers")
    assert workers == [(2,)]


@pytest.mark.parametrize("attempts", [1, 3])
async def test_a_retry_after_holds_all_workers(service: Service, upstream: SpeechServer, attempts: int) -> None:
    upstream.fail("rate_limit_exceeded", times=1, retry_after="6")
    # So far apart that all are told of the pause before the next slot comes, also where the machine is slow.
    await two_workers(service, TTS_MAX_ATTEMPTS=str(attempts), TTS_MAX_IN_FLIGHT="1", TTS_REQUEST_INTERVAL_MS="4000")

    one_side = [phrase | {"textFr": ""} for phrase in phrases(["a-1", "b-1"])]
    jobs = [await service.post(deck, [phrase]) for deck, phrase in zip(CARDS, one_side, strict=True)]
    ends = [(await service.ended(job))["status"] for job in jobs]

    assert ends == ["completed", "completed"]
    refused = next(request for request in upstream.requests if request.outcome == "rate_limit_exceeded")
    waited = [request.started_at - (refused.ended_at or 0) for request in upstream.requests if request.ok]
    # Nothing until the time that was asked for is over: not even what waited for its slot already.
    assert len(waited) == 2
    assert min(waited) >= 6


async def test_no_more_requests_are_under_way_than_there_are_places(service: Service, upstream: SpeechServer) -> None:
    for deck, cards in {**CARDS, "fence": ["fence"]}.items():
        service.add_deck(deck, cards)
    await service.start_api()
    await service.start_worker(TTS_MAX_IN_FLIGHT="3")
    await service.made("fence", phrases(["fence"]))

    upstream.fail("held")
    jobs = [await service.post(deck, phrases(cards)) for deck, cards in CARDS.items()]
    await until(lambda: upstream.in_flight >= 3)
    await service.made("fence", phrases(["fence"]))  # which takes the worker longer than to ask for more
    upstream.heal()
    for job in jobs:
        await service.ended(job)

    assert upstream.peak_in_flight == 3
