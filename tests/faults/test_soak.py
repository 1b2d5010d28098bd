"""Ten kills at random moments. `just soak 1000` runs as many as one likes."""

import pytest

from tests.service import Service
from tests.soak import soak
from tests.speech_server import SpeechServer


@pytest.mark.timeout(240)
async def test_jobs_survive_workers_that_are_killed_again_and_again(service: Service, upstream: SpeechServer) -> None:
    await soak(service, upstream, kills=10, tell=print)
