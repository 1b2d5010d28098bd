"""Somebody who looks at Studio: a page of a real browser, and all that its console had to say."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from tests.service import GIVE_UP_SECONDS, Service, token

Row = tuple[str, str, str]
expect.set_options(timeout=GIVE_UP_SECONDS * 1_000)


@dataclass
class Visit:
    """One tab. `complaints` are the console's errors and warnings; a test says which it provokes."""

    page: Page
    service: Service
    provoked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def provokes(self, *words: str) -> None:
        """What the browser itself logs where a request is refused on purpose."""
        self.provoked += words

    def listen(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        is_provoked = any(words in message.text for words in self.provoked)
        if message.type in ("error", "warning") and not is_provoked:
            self.complaints.append(message.text)

    async def enter(self, deck: str = "", user: str = "anna", **more: str) -> None:
        """By a link as `just dev` prints it."""
        await self.page.goto(f"{self.service.url}/studio#{urlencode({'token': token(user), 'deck': deck} | more)}")
        await expect(self.page.get_by_role("heading", level=1)).to_be_visible()

    async def paste(self, into: Locator, text: str) -> None:
        """What the keyboard does where the clipboard holds this text."""
        script = """(element, text) => {
            const data = new DataTransfer()
            data.setData('text/plain', text)
            const event = new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })
            element.focus()
            if (element.dispatchEvent(event)) document.execCommand('insertText', false, text)
        }"""
        await into.evaluate(script, text)

    async def fill_in(self, rows: list[Row]) -> None:
        """Pastes a table, as it comes from a spreadsheet."""
        await self.paste(self.cell("Card", 1), "\n".join("\t".join(row) for row in rows))

    async def make(self, deck: str, rows: list[Row]) -> str:
        """From the link to the cards. Returns the job's id."""
        await self.enter(deck)
        await self.fill_in(rows)
        await self.page.get_by_role("button", name=re.compile(r"^Make \d+ cards? speak$")).click()
        await self.page.wait_for_url("**/studio#watch/*")
        return self.page.url.partition("#watch/")[2]

    def cell(self, column: str, row: int) -> Locator:
        return self.page.get_by_label(f"{column}, row {row}", exact=True)

    def ready(self) -> Locator:
        """The sides that can be played."""
        return self.page.locator('.side[data-is="ready"]')

    def side(self, card_id: str, side: str) -> Locator:
        return self.page.locator(".cards li").filter(has_text=card_id).locator(f".side.{side}")

    async def hears(self, start: Locator | str) -> dict[str, Any]:
        """Starts a side by a click or a key; what the audio element played, once it has reached its end."""
        await self.page.evaluate(
            """() => { window.heard = new Promise((resolve) => document.querySelector('audio').addEventListener(
                'ended', ({ target: { src, duration, playbackRate } }) => resolve({ src, duration, playbackRate }), { once: true })) }"""
        )
        await (self.page.keyboard.press(start) if isinstance(start, str) else start.click())
        heard: dict[str, Any] = await self.page.evaluate("() => window.heard")
        return heard


@asynccontextmanager
async def visiting(browser: Browser, service: Service, **options: Any) -> AsyncIterator[Visit]:
    """A tab of its own, with nothing remembered. Nothing may be in its console that the test does not provoke."""
    context: BrowserContext = await browser.new_context(**({"locale": "en-US", "reduced_motion": "reduce"} | options))
    context.set_default_timeout(GIVE_UP_SECONDS * 1_000)
    try:
        visit = Visit(await context.new_page(), service)
        visit.listen()
        yield visit
        assert not visit.complaints, visit.complaints
    finally:
        await context.close()
