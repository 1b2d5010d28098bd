"""One browser and one service, with a real voice, for all tests of Studio."""

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.postgres import Postgres
from tests.service import Service, free_port
from tests.system_parts import require_program
from tests.visit import Visit, visiting

# Slow enough to look on, and fast enough to wait for: 200 cards take ten seconds.
INTERVAL_MS = "25"


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    program = require_program("chromium")
    # Root has no sandbox.
    arguments = ["--autoplay-policy=user-gesture-required", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def speaking(
    browser: Browser, postgres: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """API and worker, as `just dev` sets them up. Who has no browser does not wait for them."""
    port = free_port()
    environment = {
        "TTS_ENGINE": "espeak",
        "TTS_REQUEST_INTERVAL_MS": INTERVAL_MS,
        "TTS_PRICE_PER_MILLION_CHARS": "15",
        "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}/storage/tts",
    }
    url = postgres.create_database(migrated_template)
    async with Service(url, tmp_path_factory.mktemp("studio"), environment) as service:
        await service.start_api(API_PORT=str(port), API_SERVES_AUDIO="true")
        await service.start_worker()
        yield service
    postgres.drop_database(url)


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, speaking: Service) -> AsyncIterator[Visit]:
    """A tab of its own. Nothing may be in its console that the test does not provoke."""
    async with visiting(browser, speaking) as visit:
        yield visit
