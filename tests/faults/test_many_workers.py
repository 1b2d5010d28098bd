"""Three workers on one queue: one deck at a time, every clip once, two users' too, and one phrase is not kept waiting by big jobs."""

import asyncio
import signal

import pytest

from tests.aftermath import assert_spoken, listeners
from tests.service import Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import queue_jobs, until

BIG = 20
CLAIMS = """
    SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def test_three_workers_run_one_job_of_a_deck_at_a_time_and_make_every_clip_once(
    service: Service, upstream: SpeechServer
) -> None:
    upstream.latency_seconds = 0.03
    decks = {f"deck-{deck:02}": [f"deck-{deck:02}-{card}" for card in range(4)] for deck in range(12)}
    for deck, cards in decks.items():
        service.add_deck(deck, cards)
    for _ in range(3):
        # Few places and no polling: each has its share, and learns of its next job from the one that ends.
        await service.start_worker(WORKER_CONCURRENCY="3", POLL_INTERVAL_MS="3600000", WORKER_HEARTBEAT_S="30")
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


@pytest.mark.parametrize(("user", "between"), [("anna", BIG), ("ben", 1)])
async def test_one_phrase_behind_twenty_big_jobs_has_the_next_turn_and_another_when_all_had_theirs(
    service: Service, upstream: SpeechServer, user: str, between: int
) -> None:
    """Of the same user each of the twenty is heard in between; of another, one of them. One place, so that turns are the requests."""
    decks = {f"big-{deck}": [f"big-{deck}-{card}" for card in range(100)] for deck in range(BIG)}
    for deck, cards in decks.items():
        service.add_deck(deck, cards)
    service.add_deck("small", ["known", "small"], user)
    service.add_deck("fence", ["fence"])
    await service.start_worker(TTS_MAX_IN_FLIGHT="1", TTS_REQUEST_TIMEOUT_S="300", WORKER_HEARTBEAT_S="30")
    for deck, card, owner in (("small", "known", user), ("fence", "fence", "anna")):
        await service.made(deck, phrases([card]), owner)

    def heard(since: int) -> set[str]:
        return {deck for deck in decks if any(f" {deck}-" in text for text in upstream.texts[since:])}

    # Nothing moves until all of them stand in line; then each has its first turn, and nothing moves again.
    upstream.fail("held")
    jobs = [await service.post(deck, phrases(cards)) for deck, cards in decks.items()]
    await until(lambda: queue_jobs(service) == ["doing"] * BIG)
    upstream.heal()
    await until(lambda: heard(since=0) == set(decks))
    asked = len(upstream.requests)
    upstream.fail("held")
    await until(lambda: len(upstream.requests) > asked)
    before = len(upstream.requests)
    small = await service.post("small", phrases(["known", "small"]), user)
    await until(lambda: service.sql('SELECT 1 FROM public."TtsJob" WHERE "id" = %s AND "processedCount" = 1', small))
    # It has told what it found, and asks for the rest next. Whoever has a claim on a clip stands in line after a look at the disk:
    # before a job that came later, and finds all, has ended.
    await until(lambda: service.sql(CLAIMS) == [(2 * (BIG + 1),)])
    await service.made("fence", phrases(["fence"]))
    upstream.heal()

    assert (await service.ended(small, user))["status"] == "completed"
    turns = [number for number, text in enumerate(upstream.texts[before:]) if text.endswith("small")]
    assert turns == [0, between + 1]
    # The big jobs go on, all of them.
    after = len(upstream.requests)
    await until(lambda: heard(since=after) == set(decks))
    assert {(await service.job(job_id))["status"] for job_id in jobs} == {"processing"}


async def test_the_same_texts_of_two_users_are_bought_once_unless_their_worker_is_frozen(
    service: Service, upstream: SpeechServer
) -> None:
    users = {user: [f"{user}-{number}" for number in range(40)] for user in ("anna", "ben")}
    for user, cards in users.items():
        service.add_deck(user, cards, user)

    async def post(user: str, tag: str) -> str:
        texts = phrases((str(number) for number in range(40)), tag)
        same = [phrase | {"cardId": card} for phrase, card in zip(texts, users[user], strict=True)]
        return await service.post(user, same, user)

    async def start_worker() -> asyncio.subprocess.Process:
        # One job each; and heartbeats so far apart that nobody is rescued.
        return await service.start_worker(WORKER_CONCURRENCY="1", WORKER_HEARTBEAT_S="300")

    worker = await start_worker()
    upstream.fail("held")
    jobs = {"anna": await post("anna", " frozen")}
    await until(lambda: upstream.in_flight)
    worker.send_signal(signal.SIGSTOP)
    upstream.heal()
    await start_worker()
    ben = await post("ben", " frozen")
    assert (await service.ended(ben, "ben"))["status"] == "completed"
    worker.send_signal(signal.SIGCONT)
    assert (await service.ended(jobs["anna"]))["status"] == "completed"

    upstream.latency_seconds = 0.1
    asked = len(upstream.texts)
    jobs = {user: await post(user, " at once") for user in users}
    ends = [(await service.ended(job, user))["status"] for user, job in jobs.items()]
    assert ends == ["completed", "completed"]
    bought = upstream.texts[asked:]
    assert len(bought) == len(set(bought)) == 80
