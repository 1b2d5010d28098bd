"""What the tests of the running service have in common."""

import pytest

from tests.service import Service


@pytest.fixture
async def running(service: Service) -> Service:
    """The service with its API and one worker."""
    await service.start_api()
    await service.start_worker()
    return service
