"""`python -m tests.studio_pictures`: Studio's views as docs/studio-*.png, for the README. It wants chromium on the PATH."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright, expect

import migrations
from scripts.demo_deck import DECK_ID, PHRASES, USER_ID, put_in
from shared.database_url import libpq_conninfo
from tests.postgres import running_postgres
from tests.service import ROOT, Service, free_port
from tests.system_parts import require_program
from tests.visit import visiting

FOLDER = ROOT / "docs"
WIDE = {"viewport": {"width": 880, "height": 500}}
PHONE = {"viewport": {"width": 390, "height": 700}, "is_mobile": True, "has_touch": True}


async def main() -> None:
    async with _service() as service, async_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=require_program("chromium"), args=arguments)
        await _take(browser, service, ["make", "watch", "jobs"], WIDE, {"color_scheme": "light"})
        await _take(browser, service, ["phone"], PHONE, {"color_scheme": "dark", "locale": "fr-FR"})
        await browser.close()


async def _take(
    browser: Browser, service: Service, names: list[str], size: dict[str, Any], look: dict[str, Any]
) -> None:
    """Make, Watch while it speaks, and Jobs; of these, what is named. On a phone it is Watch."""
    async with visiting(browser, service, **size, **look) as visit:
        page = visit.page
        await visit.enter(DECK_ID, USER_ID, example="1")
        await page.get_by_role("checkbox").check()
        await expect(page.locator('[data-of="cached"]')).to_have_text("0")
        await _picture(page, "make", names)
        await page.locator("button.go").click()
        await expect(visit.ready().nth(6)).to_be_attached()
        await page.locator(".side").first.click()
        await expect(page.locator(".plays")).to_be_visible()
        await page.wait_for_timeout(450)  # into the middle of the word
        await _picture(page, "phone" if "phone" in names else "watch", names)
        await expect(visit.ready()).to_have_count(2 * len(PHRASES))
        await page.locator('nav [href="#jobs"]').click()
        await expect(page.locator("tbody tr").first).to_be_visible()
        await _picture(page, "jobs", names)


async def _picture(page: Page, name: str, names: list[str]) -> None:
    if name not in names:
        return
    path = FOLDER / f"studio-{name}.png"
    await page.screenshot(path=path)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


@asynccontextmanager
async def _service() -> AsyncIterator[Service]:
    """With the demo deck, one job that is over, and a voice slow enough to be looked at."""
    port = free_port()
    environment = {
        "TTS_ENGINE": "espeak",
        "TTS_REQUEST_INTERVAL_MS": "150",
        "TTS_PRICE_PER_MILLION_CHARS": "15",
        "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}/storage/tts",
    }
    with running_postgres() as postgres, tempfile.TemporaryDirectory() as folder:
        url = postgres.create_database()
        migrations.upgrade(libpq_conninfo(url))
        put_in(url)
        async with Service(url, Path(folder), environment) as service:
            await service.start_api(API_PORT=str(port), API_SERVES_AUDIO="true")
            await service.start_worker()
            await service.made(DECK_ID, [{**it} for it in PHRASES[:6]], USER_ID)
            yield service


if __name__ == "__main__":
    asyncio.run(main())
