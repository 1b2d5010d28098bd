"""The service of the fault tests: its workers notice each other's deaths within seconds."""

import pytest

from tests.service import Service


@pytest.fixture
def service(service: Service) -> Service:
    service.environment |= {"WORKER_HEARTBEAT_S": "1", "POLL_INTERVAL_MS": "500", "TTS_MAX_IN_FLIGHT": "4"}
    return service
