"""axe-core looks at every view, light and dark, wide and narrow."""

import re
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from tests.browser.test_watch import rows
from tests.service import Service
from tests.visit import visiting

pytestmark = pytest.mark.asyncio(loop_scope="session")

WIDE = {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}}
NARROW = {"color_scheme": "dark", "viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}


@pytest.mark.parametrize("options", [WIDE, NARROW], ids=["light and wide", "dark and narrow"])
async def test_axe_finds_nothing(browser: Browser, speaking: Service, options: dict[str, Any]) -> None:
    deck = f"axe-{options['color_scheme']}"
    cards = [f"{deck}-1", f"{deck}-2"]
    speaking.add_deck(deck, cards)
    async with visiting(browser, speaking, **options) as visit:
        page = visit.page
        visit.provokes("status of 400")
        await page.goto(f"{speaking.url}/studio")
        await expect(page.get_by_label("Token")).to_be_visible()
        await look(page)
        await visit.enter(deck)
        await visit.fill_in([*rows(cards), ("nobody-s", "Bad", "Mauvais")])
        await expect(page.locator("ol .why:visible")).to_have_count(1)
        await look(page)
        await page.get_by_role("button", name="Leave it out").click()
        await page.get_by_role("button", name=re.compile("^Make 2 cards speak$")).click()
        await expect(visit.ready()).to_have_count(4)
        await page.locator(".side").first.focus()
        await look(page)
        await page.get_by_role("link", name="Jobs").click()
        await expect(page.locator("tbody tr").first).to_be_visible()
        await look(page)


async def look(page: Page) -> None:
    results = await Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
