"""A job and its place in the queue are one: both are there, or neither is."""

from collections.abc import AsyncIterator

import pytest
from procrastinate import App
from pydantic import SecretStr

from shared import jobs
from shared.database import Sessions, create_engine, create_sessions
from shared.queue import create_queue, enqueue
from shared.settings import Settings
from tests.service import Row, Service, phrases


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=SecretStr(database_url))


@pytest.fixture
async def sessions(settings: Settings) -> AsyncIterator[Sessions]:
    engine = create_engine(settings, pool_size=2)
    yield create_sessions(engine)
    await engine.dispose()


@pytest.fixture
def queue(settings: Settings) -> App:
    return create_queue(settings)


async def test_a_commit_leaves_the_job_and_its_queue_job(service: Service, sessions: Sessions, queue: App) -> None:
    async with sessions.begin() as session:
        job_id = await jobs.create(session, "anna", "deck-1", phrases(["card-1"]), True)
        await enqueue(queue, session, job_id, "deck-1")

    assert _rows(service) == ([(job_id, "pending")], [(job_id, True)], [("tts", "deck-1", {"job_id": job_id}, "todo")])


async def test_a_rollback_after_the_enqueue_leaves_neither(service: Service, sessions: Sessions, queue: App) -> None:
    async with sessions() as session:
        job_id = await jobs.create(session, "anna", "deck-1", phrases(["card-1"]), False)
        await enqueue(queue, session, job_id, "deck-1")
        await session.rollback()

    assert _rows(service) == ([], [], [])


async def test_nobody_sees_a_job_before_its_commit(service: Service, sessions: Sessions, queue: App) -> None:
    async with sessions.begin() as session:
        job_id = await jobs.create(session, "anna", "deck-1", phrases(["card-1"]), False)
        await enqueue(queue, session, job_id, "deck-1")
        assert _rows(service) == ([], [], [])

    assert [len(table) for table in _rows(service)] == [1, 1, 1]


def _rows(service: Service) -> tuple[list[Row], list[Row], list[Row]]:
    return (
        service.sql('SELECT id, status FROM public."TtsJob"'),
        service.sql("SELECT id, regenerate FROM tts.job"),
        service.sql("SELECT queue_name, lock, args, status FROM tts.procrastinate_jobs"),
    )
