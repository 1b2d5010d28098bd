"""Alive is not ready: what the API answers where its database is away, behind, or silent, and that it recovers by itself."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio

import migrations
from shared.database_url import libpq_conninfo
from tests.postgres import Postgres
from tests.service import GIVE_UP_SECONDS, Answer, Service, phrases
from tests.shared_api import assert_problem, body_of, nothing_queued, shared_api

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(
    postgres: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    async with shared_api(postgres, migrated_template, tmp_path_factory.mktemp("health")) as service:
        service.add_deck("deck-1", ["card-1"])
        yield service


@contextmanager
def stopped(postgres: Postgres) -> Iterator[None]:
    """Postgres is the whole pytest process's: it runs again afterwards, whatever happens."""
    postgres.stop()
    try:
        yield
    finally:
        postgres.start()


async def generate(api: Service) -> Answer:
    return await api.send(body_of(phrases(["card-1"])))


def assert_away(answer: Answer) -> None:
    assert_problem(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0


async def test_an_api_with_a_migrated_database_is_alive_and_ready(api: Service) -> None:
    for path in ("/health", "/ready"):
        answer = await api.get(path, user=None)
        assert (answer.status, answer.body) == (200, {"ok": True})


async def test_without_its_database_the_api_lives_says_so_and_recovers_by_itself(
    api: Service, postgres: Postgres
) -> None:
    job_id = await api.post("deck-1", phrases(["card-1"]))

    with nothing_queued(api):
        with stopped(postgres):
            for _ in range(2):  # with the connections that it had, and with new ones
                assert_away(await generate(api))
                assert_away(await api.get(f"/api/tts/status/{job_id}"))
                assert_away(await api.get("/ready"))
            assert (await api.get("/health")).status == 200
            assert_problem(await api.send(b"{"), 400)

        assert (await api.get("/ready")).status == 200
        assert (await api.job(job_id))["status"] == "pending"
    assert (await generate(api)).status == 202
    assert "error of ours" not in api.log("api")


async def test_many_connections_that_the_database_dropped_are_all_replaced(api: Service, postgres: Postgres) -> None:
    await asyncio.gather(*(generate(api) for _ in range(30)))

    postgres.restart()

    answers = await asyncio.gather(*(generate(api) for _ in range(30)))
    assert [answer.status for answer in answers] == [202] * 30


@pytest.mark.parametrize("table", ['public."Deck"', "tts.job", "tts.procrastinate_jobs"])
async def test_a_database_that_goes_away_in_the_middle_is_a_503_and_leaves_nothing(api: Service, table: str) -> None:
    with nothing_queued(api), psycopg.connect(api.database_url) as blocker:
        blocker.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        posting = asyncio.create_task(generate(api))
        await _end_who_waits_for(table, blocker)
        blocker.rollback()

        assert_away(await posting)

    assert "error of ours" not in api.log("api")


async def _end_who_waits_for(table: str, connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    waits = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted AND relation = %s::regclass"
    async with asyncio.timeout(GIVE_UP_SECONDS):
        while not connection.execute(waits, [table]).fetchall():
            await asyncio.sleep(0.05)


async def test_the_api_starts_without_its_database_and_finds_it_later(
    postgres: Postgres, database_url: str, tmp_path: Path
) -> None:
    async with Service(database_url, tmp_path) as service:
        with stopped(postgres):
            await service.start_api()
            assert (await service.get("/health")).status == 200
            assert_away(await service.get("/ready"))

        assert (await service.get("/ready")).status == 200
        service.add_deck("deck-1", ["card-1"])
        assert (await generate(service)).status == 202


async def test_a_database_that_was_not_migrated_is_not_ready_and_says_what_to_do(
    empty_database_url: str, tmp_path: Path
) -> None:
    async with Service(empty_database_url, tmp_path) as service:
        await service.start_api()

        answer = await service.get("/ready")
        assert_away(answer)
        assert "just migrate" in answer.body["detail"]
        assert (await service.get("/health")).status == 200

        await asyncio.to_thread(migrations.upgrade, libpq_conninfo(empty_database_url))
        assert (await service.get("/ready")).status == 200


async def test_a_database_of_an_older_version_is_not_ready(api: Service) -> None:
    [(revision,)] = api.sql("SELECT version_num FROM tts.alembic_version")
    api.sql("UPDATE tts.alembic_version SET version_num = '0000'")
    try:
        answer = await api.get("/ready")
    finally:
        api.sql("UPDATE tts.alembic_version SET version_num = %s", revision)

    assert_away(answer)
    assert "just migrate" in answer.body["detail"]


async def test_a_database_that_is_ahead_will_do_for_an_old_api_in_a_deploy(api: Service) -> None:
    [(revision,)] = api.sql("SELECT version_num FROM tts.alembic_version")
    api.sql("UPDATE tts.alembic_version SET version_num = '9999'")
    try:
        assert (await api.get("/ready")).status == 200
    finally:
        api.sql("UPDATE tts.alembic_version SET version_num = %s", revision)


async def test_a_database_that_never_answers_is_not_ready(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://anna@127.0.0.1:{silent.getsockname()[1]}/memolist?connect_timeout=2"
        async with Service(url, tmp_path) as service:
            await service.start_api()

            async with asyncio.timeout(GIVE_UP_SECONDS):
                assert_away(await service.get("/ready"))
            assert (await service.get("/health")).status == 200
