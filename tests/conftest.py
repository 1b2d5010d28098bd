"""What every test can ask for: a server per pytest process, a database per test."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from pydantic import SecretStr

import migrations
from shared.database import Sessions, create_engine, create_sessions
from shared.database_url import libpq_conninfo
from shared.settings import Settings
from tests.postgres import Postgres, running_postgres
from tests.s3_server import S3Server, running_moto
from tests.service import Service
from tests.speech_server import SpeechServer
from tests.standing import speech_environment

_MOST_WORKERS = 8
# How fast an example is made says something of the machine, and nothing of what is tested.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_xdist_auto_num_workers() -> int:
    """Three for each core: most tests wait, for a process, a heartbeat or a pause."""
    return min(3 * (os.cpu_count() or 1), _MOST_WORKERS)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server of this pytest process (each xdist worker has its own): a test may stop and start it."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_template(postgres: Postgres) -> str:
    """The database that `database_url` copies, made by our own migrations. Nothing may connect to it."""
    url = postgres.create_database()
    migrations.upgrade(libpq_conninfo(url))
    return url


@pytest.fixture
def database_url(postgres: Postgres, migrated_template: str) -> Iterator[str]:
    """A new database with all tables, as a DATABASE_URL."""
    yield from _database(postgres, migrated_template)


@pytest.fixture
async def sessions(database_url: str) -> AsyncIterator[Sessions]:
    """Sessions on that database, one at a time."""
    engine = create_engine(Settings(database_url=SecretStr(database_url)), pool_size=1)
    yield create_sessions(engine)
    await engine.dispose()


@pytest.fixture
def empty_database_url(postgres: Postgres) -> Iterator[str]:
    """A new database with nothing in it, as a DATABASE_URL."""
    yield from _database(postgres, "template0")


def _database(postgres: Postgres, template: str) -> Iterator[str]:
    url = postgres.create_database(template)
    yield url
    postgres.drop_database(url)


@pytest.fixture
async def upstream() -> AsyncIterator[SpeechServer]:
    """The stand-in for OpenAI."""
    async with SpeechServer() as server:
        yield server


@pytest.fixture
async def service(database_url: str, tmp_path: Path, upstream: SpeechServer) -> AsyncIterator[Service]:
    """The service with a database and an upstream of its own, at no pace; nothing of it runs yet."""
    async with Service(database_url, tmp_path, speech_environment(upstream)) as service:
        yield service


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The stand-in for S3 of this pytest process."""
    with running_moto() as url:
        yield url


@pytest.fixture
async def s3(moto: str) -> AsyncIterator[S3Server]:
    """A bucket of its own, behind a door that fails on request."""
    async with S3Server(moto, f"bucket-{uuid4().hex[:12]}") as server:
        yield server
