"""Postgres restarts, cuts connections, stays away: processes survive, jobs finish, nothing is paid for twice."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from shared.queue import TELL_WORKERS
from tests.aftermath import assert_spoken, kill, listeners, record
from tests.job_control import locked, waiters
from tests.mid_job import busy_with_a_job
from tests.postgres import Postgres
from tests.realtime_server import RealtimeServer
from tests.service import Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import cached_clips, card_files, queue_jobs, until

CARDS = [f"card-{number}" for number in range(15)]
CLIPS = 30
NEVER = "3600000"
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


async def ended(service: Service, job_id: str) -> dict[str, object]:
    """As `Service.ended`, through answers of 503."""
    async with asyncio.timeout(60):
        while True:
            answer = await service.get(f"/api/tts/status/{job_id}")
            assert answer.status in (200, 503)
            if answer.status == 200 and answer.body["job"]["status"] in ("completed", "failed"):
                job: dict[str, object] = answer.body["job"]
                return job
            await asyncio.sleep(0.1)


async def test_a_restart_in_the_middle_of_a_job_costs_nothing(
    service: Service, upstream: SpeechServer, postgres: Postgres
) -> None:
    _, job_id = await busy_with_a_job(service, upstream, CARDS, redeploys=20)

    postgres.restart()

    assert (await ended(service, job_id))["status"] == "completed"
    assert len(upstream.requests) == CLIPS
    assert record(service, job_id, "deaths", "clips_made", "clips_cached") == (0, CLIPS, 0)
    assert_spoken(service, phrases(CARDS))


async def test_connections_that_are_cut_again_and_again_cost_nothing(service: Service, upstream: SpeechServer) -> None:
    _, job_id = await busy_with_a_job(service, upstream, CARDS)

    for _ in range(4):
        asked = len(upstream.requests)
        service.sql(CUT)
        await until(lambda asked=asked: len(upstream.requests) > min(asked + 3, CLIPS - 1))  # type: ignore[misc]

    assert (await ended(service, job_id))["status"] == "completed"
    assert len(upstream.requests) == CLIPS
    assert record(service, job_id, "deaths", "clips_made", "clips_cached") == (0, CLIPS, 0)
    assert_spoken(service, phrases(CARDS))


async def test_a_long_outage_is_told_to_users_and_survived_by_all(
    service: Service, upstream: SpeechServer, postgres: Postgres
) -> None:
    """Longer than three heartbeats, too: two live workers must not take each other for dead, and one dies meanwhile."""
    service.environment |= {"WORKER_HEARTBEAT_S": "3", "WORKER_CONCURRENCY": "1"}
    upstream.latency_seconds = 0.3
    for card in (CARDS[-1], "other-2", "doomed"):  # none is done before the database goes
        upstream.fail("held", text=card)
    decks = {"deck": CARDS, "other": ["other-1", "other-2"], "doomed": ["doomed"], "new": ["new"]}
    for deck, cards in decks.items():
        service.add_deck(deck, cards)
    workers = [await service.start_worker() for _ in range(2)]
    jobs = [await service.post(deck, phrases(decks[deck])) for deck in ("deck", "other")]
    await until(lambda: card_files(service) and queue_jobs(service) == ["doing"] * 2)  # neither has room for another
    doomed = await service.start_worker()
    orphan = await service.post("doomed", phrases(decks["doomed"]))
    await until(lambda: "doomed" in str(upstream.texts))

    postgres.stop()
    try:
        await kill(service, doomed)
        upstream.heal()
        for _ in range(24):
            answer = await service.get(f"/api/tts/status/{jobs[0]}")
            assert (answer.status, int(answer.headers["Retry-After"]) > 0) == (503, True)
            await asyncio.sleep(0.5)
        answer = await service.send(b'{"deckId": "new", "phrases": [{"cardId": "new", "textEn": "a", "textFr": "b"}]}')
        assert (answer.status, int(answer.headers["Retry-After"]) > 0) == (503, True)
        assert [worker.returncode for worker in workers] == [None, None]
    finally:
        back_at = datetime.now(UTC)
        postgres.start()

    for job_id in (*jobs, orphan):
        assert (await ended(service, job_id))["status"] == "completed"
    for job_id in jobs:
        assert record(service, job_id, "deaths", "clips_cached") == (0, 0)
    [(died_at, job_id)] = re.findall(r"(\S+) .*a worker died; .*job_id=(\S+)", service.log("worker"))
    assert job_id == orphan
    assert datetime.fromisoformat(died_at) - back_at > timedelta(seconds=6)  # first the living show themselves
    assert len(upstream.requests) == CLIPS + 4 + 2 + 2
    assert_spoken(service, phrases(CARDS))
    await service.made("new", phrases(["new"]))


async def test_a_worker_that_stops_during_an_outage_leaves_its_job_to_others(
    service: Service, upstream: SpeechServer, postgres: Postgres
) -> None:
    worker, job_id = await busy_with_a_job(service, upstream, CARDS)
    postgres.stop()
    try:
        assert await service.stop(worker) == 0
    finally:
        postgres.start()

    await service.start_worker()

    assert (await ended(service, job_id))["status"] == "completed"
    assert len(upstream.requests) == CLIPS
    assert_spoken(service, phrases(CARDS))


async def test_cards_that_memolist_locks_for_long_keep_only_their_own_jobs_waiting(
    service: Service, upstream: SpeechServer
) -> None:
    """A long import, say: as many jobs wait for its cards as the worker has connections."""
    decks = [f"deck-{number}" for number in range(10)]
    for deck in decks:
        service.add_deck(deck, [f"locked-{deck}"])
    service.add_deck("free", ["free"])
    await service.start_worker()
    with locked(service, """SELECT FROM public."Card" WHERE id LIKE 'locked-%%' FOR UPDATE"""):
        jobs = [await service.post(deck, phrases([f"locked-{deck}"])) for deck in decks]
        await until(lambda: waiters(service) >= 8)
        await service.made("free", phrases(["free"]))

    for job_id in jobs:
        assert (await service.ended(job_id))["status"] == "completed"
        assert record(service, job_id, "deaths", "clips_made", "clips_cached") == (0, 2, 0)
    assert len(upstream.requests) == 22
    assert "a worker died" not in service.log("worker")


async def test_what_answers_cost_and_said_is_known_where_their_run_could_not_write_it(service: Service) -> None:
    service.add_deck("deck", ["card"])
    async with RealtimeServer() as upstream:
        await service.start_worker(TTS_ENGINE="realtime", OPENAI_BASE_URL=upstream.url)
        with locked(service, 'SELECT FROM public."Card" FOR UPDATE'):
            job_id = await service.post("deck", phrases(["card"]))
            await until(lambda: len(cached_clips(service)) == 2 and waiters(service))
            service.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            await until(lambda: queue_jobs(service) == ["todo"])

        assert (await service.ended(job_id))["status"] == "completed"
        assert len(upstream.requests) == 2
    assert record(service, job_id, "clips_made", "clips_cached") == (2, 0)
    assert all(record(service, job_id, "input_tokens", "output_text_tokens", "output_audio_tokens"))
    assert service.sql("SELECT count(*) FROM tts.clip WHERE words_checked AND output_audio_tokens > 0") == [(2,)]


@pytest.mark.parametrize("fault", ["restart", "cut"])
async def test_after_an_outage_a_worker_is_told_of_new_jobs_again(
    service: Service, postgres: Postgres, fault: str
) -> None:
    service.add_deck("deck", CARDS)
    await service.start_worker(POLL_INTERVAL_MS=NEVER)
    await until(lambda: len(listeners(service)) == 1)

    before = listeners(service)
    if fault == "restart":
        postgres.restart()
    else:
        service.sql(CUT)

    await until(lambda: listeners(service) - before)
    job_id = await service.post("deck", phrases(CARDS[:1]))
    assert (await service.ended(job_id))["status"] == "completed"


async def test_the_next_job_of_a_deck_starts_when_the_one_before_it_ends(
    service: Service, upstream: SpeechServer
) -> None:
    upstream.latency_seconds = 0.3
    service.add_deck("deck", CARDS)
    await service.start_worker(POLL_INTERVAL_MS=NEVER, WORKER_CONCURRENCY="2")
    await until(lambda: len(listeners(service)) == 1)
    first = await service.post("deck", phrases(CARDS[:1]))
    await until(lambda: upstream.requests)
    second = await service.post("deck", phrases(CARDS[1:2]))

    for job_id in (first, second):
        assert (await service.ended(job_id))["status"] == "completed"


async def test_a_job_that_a_stopping_worker_puts_back_is_taken_by_another_at_once(
    service: Service, upstream: SpeechServer
) -> None:
    # None of them dies, nor is taken for dead because it is slow.
    service.environment |= {"WORKER_HEARTBEAT_S": "30", "POLL_INTERVAL_MS": NEVER}
    first, job_id = await busy_with_a_job(service, upstream, CARDS)
    await service.start_worker()
    await until(lambda: len(listeners(service)) == 2)

    assert await service.stop(first) == 0

    assert (await service.ended(job_id))["status"] == "completed"
    assert len(upstream.requests) == CLIPS
    assert record(service, job_id, "deaths") == (0,)


async def test_a_job_that_was_given_to_a_worker_in_an_answer_that_got_lost_is_run(
    service: Service, upstream: SpeechServer
) -> None:
    """The queue says that a live worker is at it, and that worker, whose connection broke, does not know."""
    upstream.fail("hang", text="card-0")
    for deck, card in (("deck", "card-0"), ("other", "other"), ("next", "next")):
        service.add_deck(deck, [card])
    await service.start_worker(WORKER_CONCURRENCY="2", POLL_INTERVAL_MS=NEVER)
    await until(lambda: len(listeners(service)) == 1)
    deaf = listeners(service)
    under_way = await service.post("deck", phrases(["card-0"]))
    await until(lambda: upstream.requests)
    service.sql("ALTER TABLE tts.procrastinate_jobs DISABLE TRIGGER USER")
    lost = await service.post("other", phrases(["other"]))
    service.sql("ALTER TABLE tts.procrastinate_jobs ENABLE TRIGGER USER")

    with psycopg.connect(service.database_url) as postgres:
        postgres.execute("SET search_path = tts")
        postgres.execute("LOCK TABLE tts.procrastinate_jobs IN ACCESS EXCLUSIVE MODE")
        service.sql(f"SELECT {TELL_WORKERS}")
        await until(
            lambda: service.sql(
                "SELECT pid FROM pg_stat_activity WHERE query ~ 'fetch_job' AND wait_event_type = 'Lock'"
            )
        )
        # What the fetch would have done.
        postgres.execute(
            "UPDATE tts.procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM tts.procrastinate_workers)"
            " WHERE args ->> 'job_id' = %s",
            [lost],
        )
        postgres.execute(CUT)
    await until(lambda: listeners(service) - deaf)
    await service.made("next", phrases(["next"]))

    assert (await service.ended(lost))["status"] == "completed"
    assert (await service.job(under_way))["status"] == "processing"
    assert upstream.texts.count("The word is card-0") == 1
