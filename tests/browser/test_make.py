"""Phrases on their way to a job: typed, pasted and dropped, good and bad, priced while they are typed."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect

from scripts.demo_deck import DECK_ID, PHRASES, USER_ID, put_in
from tests.browser.test_watch import rows
from tests.visit import Visit, visiting

pytestmark = pytest.mark.asyncio(loop_scope="session")

WANTED = [["c-1", "Hello, you", "Bonjour, toi"], ["c-2", 'He said "no"', "Été"]]
TABLES = {
    "tabs": "c-1\tHello, you\tBonjour, toi\nc-2\tHe said \"no\"\tÉté\n",
    "commas": 'c-1,"Hello, you","Bonjour, toi"\r\nc-2,"He said ""no""",Été\r\n',
    "semicolons": 'c-1;Hello, you;Bonjour, toi\nc-2;"He said ""no""";Été',
    "a header": 'cardId,English,French\nc-1,"Hello, you","Bonjour, toi"\n\n,,\nc-2,"He said ""no""",Été',
    "a French header in another order": "Français;Carte;Note;Anglais\nBonjour, toi;c-1;x;Hello, you\nÉté;c-2;;He said \"no\"",
    "a mark at the beginning": '\ufeffcard\ten\tfr\rc-1\tHello, you\tBonjour, toi\rc-2\t"He said ""no"""\tÉté',
}  # fmt: skip


async def test_the_link_of_just_dev_has_a_deck_ready(visit: Visit) -> None:
    put_in(visit.service.database_url)

    await visit.enter(DECK_ID, USER_ID, example="1")

    await expect(visit.page.locator('[data-of="clips"]')).to_have_text(str(2 * len(PHRASES)))
    await expect(visit.page.get_by_role("button", name="Make 20 cards speak")).to_be_in_viewport()
    await expect(visit.cell("French", 20)).to_have_value(PHRASES[-1]["textFr"])


@pytest.mark.parametrize("text", TABLES.values(), ids=TABLES.keys())
async def test_a_table_is_read_as_spreadsheets_write_it(visit: Visit, text: str) -> None:
    await visit.enter()

    assert await visit.page.evaluate("async (text) => (await import('/studio/rows.js')).readRows(text)", text) == WANTED


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
async def test_a_file_is_read_whatever_wrote_it(visit: Visit, tmp_path: Path, encoding: str) -> None:
    visit.provokes("status of 404")
    await visit.enter()
    file = tmp_path / "deck.csv"
    file.write_bytes("carte;anglais;français\nc-1;Summer;L’été\n".encode(encoding))

    await visit.page.locator("#file").set_input_files(file)

    await expect(visit.cell("French", 1)).to_have_value("L’été")
    await expect(visit.page.get_by_role("button", name="Make 1 card speak")).to_be_visible()


async def test_bad_rows_are_shown_in_place_with_their_reason(visit: Visit) -> None:
    visit.service.add_deck("bad", ["bad-1", "bad-2", "bad-3"])
    visit.provokes("status of 400")
    await visit.enter("bad")
    page = visit.page
    await page.locator("#file").set_input_files(
        {
            "name": "deck.csv",
            "mimeType": "text/csv",
            "buffer": b"card,en,fr\nbad-1,One,Un\nbad-1,Twice,Deux fois\nbad-9,Nine,Neuf\nbad-2,,\n"
            b"../x,Out,Dehors\nbad-3,a,b,c\n,No card,Sans carte\nbad-2," + b"x" * 4097 + b",Trop\n",
        }
    )
    reasons = page.locator("ol .why:visible")

    await expect(reasons).to_have_text(
        [
            "This card is in an earlier row already.",
            "The deck has no such card.",
            "There is nothing to say: both texts are blank.",
            re.compile("^Only letters, digits"),
            re.compile("^More than three columns"),
            "The card’s id is missing.",
            "This card is in an earlier row already.",
        ]
    )
    await expect(visit.cell("Card", 3)).to_have_attribute("aria-invalid", "true")
    await expect(visit.cell("Card", 3)).to_have_accessible_description("The deck has no such card.")
    await expect(page.get_by_text("The price is without them.")).to_be_visible()
    await expect(page.locator('[data-of="clips"]')).to_have_text("2")
    await page.get_by_role("button", name="Make 8 cards speak").click()
    await expect(visit.cell("Card", 2)).to_be_focused()
    await page.get_by_role("button", name="Leave them out").click()
    await expect(reasons).to_have_count(0)
    await expect(page.get_by_role("button", name="Make 1 card speak")).to_be_enabled()


async def test_of_far_too_many_rows_the_first_are_taken(visit: Visit) -> None:
    await visit.enter()

    await visit.fill_in(rows(f"c-{number}" for number in range(5_000)))

    await expect(visit.page.get_by_text("5,000 rows: a job takes 200, the first of them are here.")).to_be_visible()
    await expect(visit.cell("Card", 200)).to_have_value("c-199")
    await expect(visit.page.get_by_role("button", name="Make 200 cards speak")).to_be_visible()


async def test_the_estimate_follows_the_typing_and_gives_up_the_older(visit: Visit) -> None:
    visit.service.add_deck("typed", ["typed-1"])
    page = visit.page
    asked: list[Route] = []

    async def hold_the_first(route: Route) -> None:
        asked.append(route)
        if len(asked) > 1:
            await route.continue_()

    await page.route("**/estimate", hold_the_first)
    await visit.enter("typed")
    await visit.cell("Card", 1).fill("typed-1")
    async with page.expect_request("**/estimate"):
        await visit.cell("English", 1).fill("Hi")
    async with page.expect_event("requestfailed"):  # the older one
        await visit.cell("French", 1).press_sequentially("Salut")

    await expect(page.locator('[data-of="clips"]')).to_have_text("2")
    await expect(page.locator('[data-of="price"]')).to_have_text(re.compile(r"^\$0\.0001$"))
    await expect(page.locator('[data-of="time"]')).to_have_text("1 sec")
    sent = [json.loads(route.request.post_data or "") for route in asked]
    assert sent[-1]["phrases"] == [{"cardId": "typed-1", "textEn": "Hi", "textFr": "Salut"}]
    assert len(sent) < 7  # not one for each letter
    await page.get_by_label("Make all of it anew").check()
    await page.reload()
    await expect(visit.cell("French", 1)).to_have_value("Salut")
    await expect(page.get_by_label("Make all of it anew")).to_be_checked()


async def test_a_lost_answer_makes_no_second_job(visit: Visit) -> None:
    visit.service.add_deck("once", ["once-1"])
    visit.provokes("net::ERR_FAILED")
    page = visit.page

    is_priced = asyncio.Event()

    async def lose(route: Route) -> None:
        await route.fetch()
        await route.abort()

    async def price_later(route: Route) -> None:
        await is_priced.wait()
        await route.continue_()

    await page.route("**/generate", lose, times=1)
    await page.route("**/estimate", price_later)
    await visit.enter("once")
    await visit.fill_in(rows(["once-1"]))
    await page.get_by_role("button", name="Make 1 card speak").click()
    no_answer = page.get_by_role("alert").filter(has_text="No answer")
    await expect(no_answer).to_be_visible()
    is_priced.set()
    await expect(page.locator('[data-of="clips"]')).to_have_text("2")
    await expect(no_answer).to_be_visible()  # a price that comes later takes nothing of that back
    await page.reload()
    await page.get_by_role("button", name="Make 1 card speak").click()

    await expect(visit.ready()).to_have_count(2)
    assert visit.service.sql('SELECT count(*) FROM public."TtsJob" WHERE "deckId" = %s', "once") == [(1,)]


async def test_the_keyboard_is_enough(visit: Visit) -> None:
    visit.service.add_deck("keys", ["keys-1", "keys-2"])
    await visit.enter()
    page, keyboard = visit.page, visit.page.keyboard

    await press_until(page, "Tab", "#deck")
    await keyboard.type("keys")
    await press_until(page, "Tab", "textarea.card")
    for row in rows(["keys-1", "keys-2"]):
        for at, text in enumerate(row):
            await keyboard.type(text)
            await keyboard.press("Tab" if at < 2 else "Enter")
        await keyboard.press("Shift+Tab")
        await keyboard.press("Shift+Tab")
    await expect(page.locator('[data-of="clips"]')).to_have_text("4")
    await press_until(page, "Tab", "button.go")
    await keyboard.press("Enter")
    await expect(visit.ready()).to_have_count(4)
    await expect(page.locator("main")).to_be_focused()
    await press_until(page, "Tab", ".side")
    await keyboard.press("ArrowDown")
    await keyboard.press("Tab")
    heard = await visit.hears("Enter")
    assert heard["src"].endswith("/keys-2_fr.mp3")
    assert (await visit.hears("Enter"))["src"] == heard["src"]


async def test_it_speaks_french(browser: Browser, visit: Visit) -> None:
    visit.service.add_deck("french", ["fr-1"])
    async with visiting(browser, visit.service, locale="fr-CA") as french:
        french.provokes("status of 400")
        page = french.page
        await french.enter("french")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Faire parler un paquet")
        await french.paste(page.get_by_label("Carte, ligne 1"), "fr-1\tHello\tBonjour\nfr-2\tTwo\tDeux")
        await expect(page.locator("ol .why:visible")).to_have_text("Le paquet n’a pas cette carte.")
        await page.get_by_role("button", name="La retirer").click()
        await expect(page.locator('[data-of="price"]')).to_have_text(re.compile(r"^0,0002\s\$$"))
        await page.get_by_role("button", name="Faire parler 1 carte").click()
        await expect(page.locator(".far")).to_contain_text("1 carte sur 1 parle")
        await expect(page.locator("html")).to_have_attribute("lang", "fr")
        french.service.sql(
            """UPDATE public."TtsJob" SET "status" = 'failed', "errorMessage" = 'Strange things.', "resultUrls" =
            '[{"cardId": "fr-1", "audioUrlEn": null, "audioUrlFr": null, "error": "superseded by a later job"}]'
            WHERE "deckId" = 'french'"""
        )
        await page.reload()
        await expect(page.locator(".fact").first).to_have_text("Une génération plus récente a fait cette carte.")
        await expect(page.locator(".head .why[lang=en]")).to_have_text("Strange things.")
        await page.get_by_role("button", name="Créer ce qui manque").click()
        await expect(page.locator(".far")).to_contain_text("1 carte sur 1 parle")
        await page.get_by_role("button", name="English").click()
        await expect(page.locator(".far")).to_contain_text("1 of 1 card speaks")
        await page.reload()
        await expect(page.locator(".far")).to_contain_text("1 of 1 card speaks")


STRANGE = ["watch/%", "watch/%E0%A4", "watch/../../health", "watch/__proto__"]


@pytest.mark.parametrize("address", ["constructor", "__proto__", "//other.example", *STRANGE])
async def test_whatever_the_address_says_there_is_a_view(visit: Visit, address: str) -> None:
    visit.provokes("status of 404")
    await visit.enter()

    await visit.page.goto(f"{visit.service.url}/studio#{address}")

    if address in STRANGE:
        await expect(visit.page.get_by_role("alert")).to_have_text("There is none with this id.")
    else:
        await expect(visit.page.get_by_role("heading", level=1)).to_have_text("Make a deck speak")


@pytest.mark.parametrize(("status", "words"), [(502, "The service is away. Try again in 5 s."), (418, "HTTP 418")])
async def test_an_answer_that_is_not_the_api_s_is_told_in_words(visit: Visit, status: int, words: str) -> None:
    visit.provokes(f"status of {status}")
    await visit.enter()
    await visit.page.route("**/api/tts/jobs?*", lambda route: route.fulfill(status=status, body="<h1>Gateway</h1>"))

    await visit.page.goto(f"{visit.service.url}/studio#jobs")

    await expect(visit.page.get_by_role("main").get_by_role("status")).to_have_text(words)


ATTACK = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>\'"{n}javascript:window.hit=1'


async def test_a_text_is_a_text_in_every_field(visit: Visit) -> None:
    service, page = visit.service, visit.page
    service.add_deck(ATTACK, ["xss-1"])
    visit.provokes("status of 400", "status of 404", "status of 401")
    await visit.enter(ATTACK)
    await visit.fill_in([("xss-1", ATTACK, ATTACK)])
    await visit.paste(visit.cell("Card", 2), f"{ATTACK}\t{ATTACK}\t{ATTACK}")
    await expect(page.locator("ol .why:visible")).to_have_count(1)
    await page.get_by_role("button", name="Leave it out").click()
    await page.get_by_role("button", name="Make 1 card speak").click()
    await expect(visit.ready()).to_have_count(2)
    await expect(page.locator("h1")).to_have_text(ATTACK)
    await expect(page.locator(".text").first).to_have_text(ATTACK)
    service.sql('UPDATE public."TtsJob" SET "errorMessage" = %s WHERE "deckId" = %s', ATTACK, ATTACK)
    await page.goto(f"{service.url}/studio#jobs?status={ATTACK}&deckId={ATTACK}&cursor={ATTACK}")
    await page.goto(f"{service.url}/studio#jobs?deckId=")
    await expect(page.locator("th .note")).to_have_text(ATTACK)
    await page.goto(f"{service.url}/studio#watch/{ATTACK}")
    await expect(page.get_by_role("alert")).to_have_text("There is none with this id.")
    await page.goto(f"{service.url}/studio#token={ATTACK}&deck={ATTACK}")
    await page.get_by_role("button", name="Go on as ?").click()
    await expect(page.get_by_label("Deck", exact=True)).to_have_value(ATTACK)
    await page.get_by_role("link", name="Jobs").click()
    await page.get_by_label("Token").fill(ATTACK)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("not accepted")

    assert await page.evaluate("[window.hit, document.querySelectorAll('img, main script').length]") == [None, 0]


async def test_it_fits_a_phone(browser: Browser, visit: Visit) -> None:
    visit.service.add_deck("phone", ["phone-1"])
    phone: dict[str, Any] = {"viewport": {"width": 320, "height": 640}, "is_mobile": True, "has_touch": True}
    async with visiting(browser, visit.service, **phone) as hand:
        page = hand.page
        await hand.make("phone", [("phone-1", "Donaudampfschifffahrtsgesellschaft" * 3, "Anticonstitutionnellement")])
        await expect(hand.ready()).to_have_count(2)
        await hand.side("phone-1", "fr").tap()
        for view in ("watch", "make", "jobs"):
            await page.goto(f"{page.url.partition('#')[0]}#{view}")
            await expect(page.locator(f'nav [aria-current="page"][href="#{view}"]')).to_be_visible()
            assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        await page.goto(f"{page.url.partition('#')[0]}#make")
        await expect(page.get_by_role("button", name="Make 1 card speak")).to_be_in_viewport()
        height = "document.querySelector('.offer').offsetHeight"
        before = await page.evaluate(height)
        await hand.cell("Card", 1).fill("phone/1")
        await expect(page.get_by_text("1 row cannot be taken yet.")).to_be_attached()
        assert await page.evaluate(height) == before < 640 / 4  # what is wrong is told below: the rows stay in sight


async def press_until(page: Page, key: str, selector: str) -> None:
    for _ in range(30):
        if await page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        await page.keyboard.press(key)
    raise AssertionError(f"{key} does not lead to {selector}")
