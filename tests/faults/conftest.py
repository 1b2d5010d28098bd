"""The service of the fault tests: an API that outlives the tests, and workers that notice each other's deaths within seconds."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.postgres import Postgres
from tests.service import Service
from tests.shared_api import shared_api


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def standing(
    postgres: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """One API for all tests in which nothing happens to it but to its database. Who reads its log starts one of their own."""
    async with shared_api(postgres, migrated_template, tmp_path_factory.mktemp("standing")) as service:
        yield service


@pytest.fixture
def database_url(standing: Service, postgres: Postgres, migrated_template: str) -> str:
    """The API's database, made anew."""
    postgres.renew_database(standing.database_url, migrated_template)
    return standing.database_url


@pytest.fixture
def service(service: Service, standing: Service) -> Service:
    """Its API answers; no worker runs yet."""
    service.url = standing.url
    service.environment |= {"WORKER_HEARTBEAT_S": "1", "POLL_INTERVAL_MS": "500", "TTS_MAX_IN_FLIGHT": "4"}
    return service
