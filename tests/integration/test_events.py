"""A job, live: what `GET /api/tts/jobs/{jobId}/events` tells, to whom, and until when."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import psycopg
import pytest
import pytest_asyncio

from tests.event_stream import Event, watching
from tests.nginx_server import running_nginx
from tests.postgres import Postgres
from tests.service import Service, phrases, token
from tests.shared_api import assert_problem, assert_unauthorized, request, shared_api
from tests.watching import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

CARDS = [f"card-{number}" for number in range(12)]
CHANGE = 'UPDATE public."TtsJob" SET "processedCount" = %s WHERE "id" = %s RETURNING pg_notify(\'tts_job\', "id")'
LISTENERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN tts_job'"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(
    postgres: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """An API and a deck, and no worker: jobs stay as they are."""
    folder = tmp_path_factory.mktemp("events")
    async with shared_api(postgres, migrated_template, folder, MAX_ACTIVE_JOBS_PER_USER="1000") as service:
        service.add_deck("deck", CARDS)
        yield service
        assert_quiet(service)


def assert_quiet(service: Service) -> None:
    assert "error of ours" not in service.log("api")
    assert "Traceback" not in service.log("api")


async def pending_job(api: Service) -> str:
    return await api.post("deck", phrases(CARDS))


async def ended_job(api: Service, status: str = "completed") -> str:
    """One that a worker has ended, as far as the API can tell."""
    job_id = await pending_job(api)
    entries = [{"cardId": card, "audioUrlEn": f"http://x/{card}_en.mp3", "audioUrlFr": None} for card in CARDS]
    api.sql(
        'UPDATE public."TtsJob" SET "status" = %s, "processedCount" = 12, "resultUrls" = %s, "completedAt" = now() WHERE "id" = %s',
        status,
        json.dumps(entries),
        job_id,
    )
    return job_id


# What is told


async def test_progress_says_just_what_is_new(api: Service) -> None:
    job_id = await pending_job(api)
    entry = {"cardId": "card-0", "audioUrlEn": None, "audioUrlFr": "http://x/card-0_fr.mp3", "error": "no voice"}
    async with watching(api.url, job_id) as stream:
        await stream.next()
        api.sql(
            'UPDATE public."TtsJob" SET "status" = \'processing\', "processedCount" = 1, "resultUrls" = %s,'
            ' "errorMessage" = \'waits\' WHERE "id" = %s RETURNING pg_notify(\'tts_job\', "id")',
            json.dumps([entry]),
            job_id,
        )
        event = await stream.next()

    assert event
    assert event.name == "progress"
    assert event.data == {
        "status": "processing",
        "processedCount": 1,
        "totalPhrases": 12,
        "errorMessage": "waits",
        "cards": [entry],
    }


async def test_a_cancel_is_told_as_the_end(api: Service) -> None:
    job_id = await pending_job(api)
    async with watching(api.url, job_id) as stream:
        await stream.next()
        assert (await request(api, "POST", f"/api/tts/jobs/{job_id}/cancel")).status == 202
        *_, end = await stream.rest()

    assert (end.name, end.data["status"]) == ("end", "cancelled")


async def test_an_ended_job_is_told_at_once_and_for_good(api: Service) -> None:
    job_id = await ended_job(api)

    async with watching(api.url, job_id) as stream:
        snapshot, end = await stream.rest()

    assert (snapshot.name, end.name) == ("snapshot", "end")
    assert snapshot.data == end.data == await api.job(job_id)


async def test_a_notice_without_a_change_is_not_passed_on(api: Service) -> None:
    job_id = await pending_job(api)
    async with watching(api.url, job_id) as stream:
        await stream.next()
        api.sql("SELECT pg_notify('tts_job', %s)", job_id)
        await asyncio.sleep(1)
        api.sql(CHANGE, 5, job_id)
        event = await stream.next()

    assert event
    assert event.data["processedCount"] == 5


async def test_a_deleted_job_ends_its_streams_without_a_word(api: Service) -> None:
    job_id = await pending_job(api)
    async with watching(api.url, job_id) as stream:
        await stream.next()
        api.sql('DELETE FROM public."TtsJob" WHERE "id" = %s', job_id)
        assert await stream.rest() == []

    assert_problem(await api.get(f"/api/tts/jobs/{job_id}/events"), 404)


# How it travels


async def test_the_answer_is_one_that_no_proxy_keeps_or_changes(api: Service) -> None:
    async with watching(api.url, await pending_job(api)) as stream:
        await stream.next()

    assert stream.status == 200
    assert stream.headers["Content-Type"].split(";")[0] == "text/event-stream"
    assert stream.headers["Cache-Control"] == "no-cache, no-transform"
    assert stream.headers["X-Accel-Buffering"] == "no"
    assert stream.retry_ms
    assert 1_000 <= stream.retry_ms <= 3_000


async def test_events_pass_nginx_one_by_one(api: Service) -> None:
    job_id = await pending_job(api)
    with running_nginx(api.storage, urlsplit(api.url).netloc) as url:
        async with watching(url, job_id) as stream:
            assert await stream.next()
            for count in (1, 2, 3):
                api.sql(CHANGE, count, job_id)
                await stream.until(processedCount=count)
            await end_by_hand(api, job_id)
            assert (await stream.rest())[-1].name == "end"


async def end_by_hand(api: Service, job_id: str) -> None:
    api.sql(
        'UPDATE public."TtsJob" SET "status" = \'completed\', "completedAt" = now() WHERE "id" = %s'
        " RETURNING pg_notify('tts_job', \"id\")",
        job_id,
    )


# Who may


async def test_without_a_good_token_there_is_no_stream(api: Service) -> None:
    path = f"/api/tts/jobs/{await pending_job(api)}/events"

    assert_unauthorized(await api.get(path, user=None))
    assert_unauthorized(await api.get(path, Authorization="Bearer nonsense"))
    assert_unauthorized(await api.get(f"{path}?token={token('anna')}", user=None))


@pytest.mark.parametrize("job_id", ["not-there", "%00", "a%00b", "x" * 10_000, "%FF", "{job_id:str}"], ids=range(6))
async def test_a_job_that_there_is_not_is_a_404(api: Service, job_id: str) -> None:
    assert_problem(await api.get(f"/api/tts/jobs/{job_id}/events"), 404)


async def test_another_user_s_job_is_a_404_also_while_its_owner_watches(api: Service) -> None:
    job_id = await pending_job(api)
    path = f"/api/tts/jobs/{job_id}/events"
    async with watching(api.url, job_id) as stream:
        await stream.next()
        problem = assert_problem(await api.get(path, "bob"), 404)

    assert problem == assert_problem(await api.get("/api/tts/jobs/not-there/events", "bob"), 404)


async def test_a_stream_ends_with_its_token(api: Service) -> None:
    leeway_seconds = 30
    job_id = await pending_job(api)
    for seconds_left in (3, 10, 30):  # a machine that stands still on the way brings it too late
        almost_over = token("anna", exp=int(time.time()) - leeway_seconds + seconds_left)
        headers = {"Authorization": f"Bearer {almost_over}"}
        async with watching(api.url, job_id, **headers) as stream:
            events = await stream.rest()
        if stream.status == 200:
            break

    assert [event.name for event in events] == ["snapshot"]
    assert_unauthorized(await api.get(f"/api/tts/jobs/{job_id}/events", **headers))


# Coming back


@pytest.mark.parametrize("last_event_id", [None, "whatever", ""])
async def test_who_comes_back_begins_with_all_that_there_is(api: Service, last_event_id: str | None) -> None:
    job_id = await pending_job(api)
    async with watching(api.url, job_id) as stream:
        await stream.next()
    await end_by_hand(api, job_id)

    headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    async with watching(api.url, job_id, **headers) as stream:
        snapshot, end = await stream.rest()

    assert (snapshot.name, end.name) == ("snapshot", "end")
    assert end.data == await api.job(job_id)


async def test_only_who_has_seen_the_end_is_told_to_stay_away(api: Service) -> None:
    """204 is what makes an `EventSource` stop."""
    job_id = await ended_job(api)
    async with watching(api.url, job_id) as stream:
        snapshot, end = await stream.rest()
    path = f"/api/tts/jobs/{job_id}/events"

    answer = await api.get(path, **{"Last-Event-ID": end.id})
    assert (answer.status, answer.body) == (204, b"")
    async with watching(api.url, job_id, **{"Last-Event-ID": snapshot.id}) as stream:
        assert len(await stream.rest()) == 2


async def test_the_end_of_an_earlier_run_is_not_that_of_a_later_one(api: Service) -> None:
    job_id = await ended_job(api, status="failed")
    async with watching(api.url, job_id) as stream:
        *_, first_end = await stream.rest()
    assert (await request(api, "POST", f"/api/tts/jobs/{job_id}/retry")).status == 202

    async with watching(api.url, job_id, **{"Last-Event-ID": first_end.id}) as stream:
        snapshot = await stream.next()
        await end_by_hand(api, job_id)
        *_, second_end = await stream.rest()

    assert snapshot
    assert snapshot.data["status"] == "pending"
    assert second_end.name == "end"
    assert second_end.id != first_end.id


# Many


async def listener_of(api: Service) -> None:
    await until(lambda: len(api.sql(LISTENERS)) == 1)


async def test_changes_that_come_faster_than_they_can_be_told_are_told_together(api: Service) -> None:
    job_id = await pending_job(api)
    async with watching(api.url, job_id) as stream:
        await stream.next()
        await listener_of(api)
        with psycopg.connect(api.database_url, autocommit=True) as connection:
            for count in range(1, 1_001):
                connection.execute(CHANGE, (count, job_id))
        events: list[Event] = []
        while not events or events[-1].data["processedCount"] < 1_000:
            event = await stream.next()
            assert event
            events.append(event)

    counts = [event.data["processedCount"] for event in events]
    assert counts == sorted(set(counts))
    assert len(counts) < 500


async def test_whoever_goes_is_forgotten(api: Service) -> None:
    job_id = await pending_job(api)

    async def come_and_go() -> None:
        async with watching(api.url, job_id) as stream:
            await stream.next()

    for _ in range(10):
        await asyncio.gather(*(come_and_go() for _ in range(20)))
    async with watching(api.url, job_id) as stream:
        await stream.next()
        await listener_of(api)

    await until(lambda: api.sql(LISTENERS) == [])  # nobody is left who could want it
    async with watching(api.url, job_id) as stream:
        await stream.next()
        api.sql(CHANGE, 7, job_id)
        await stream.until(processedCount=7)
