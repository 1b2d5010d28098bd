"""From a table of phrases to cards that are heard: the whole path, with a real voice in a real browser."""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest
from playwright.async_api import Browser, expect

from tests.mid_job import freeze, wake
from tests.service import Service, phrases, token
from tests.visit import Row, Visit, visiting
from tests.watching import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


def rows(card_ids: Iterable[str]) -> list[Row]:
    return [(it["cardId"], it["textEn"], it["textFr"]) for it in phrases(card_ids)]


async def test_a_deck_learns_to_speak_and_is_heard(visit: Visit) -> None:
    cards = ["path-1", "path-2", "path-3"]
    visit.service.add_deck("path", cards)

    job_id = await visit.make("path", rows(cards))
    await expect(visit.ready()).to_have_count(6)
    heard = [await visit.hears(visit.side("path-2", side)) for side in ("en", "fr")]

    assert [it["src"].rpartition("/")[2] for it in heard] == ["path-2_en.mp3", "path-2_fr.mp3"]
    assert all(it["duration"] > 0.3 for it in heard)
    page = visit.page
    await expect(page.locator(".far")).to_contain_text("3 of 3 cards speak · $0.00")
    await expect(page.locator(".head")).to_contain_text("Complete")
    await expect(page.locator("#live")).to_have_text("Complete: 3 of 3 cards speak")
    await expect(page.locator(".fact", has_text=re.compile(r"^\d\.\ds · made$"))).to_have_count(6)
    await page.get_by_role("link", name="Jobs").click()
    await expect(page.locator("tbody tr").first).to_contain_text("path3/3")
    await page.locator(f'a[href="#watch/{job_id}"]').click()
    await expect(visit.ready()).to_have_count(6)


async def test_the_token_leaves_the_address_and_stays_in_the_tab(visit: Visit, browser: Browser) -> None:
    await visit.enter("nobody-s")
    visit.provokes("status of 404", "status of 401")

    assert visit.page.url == f"{visit.service.url}/studio"
    assert await visit.page.evaluate("history.length") == 2  # the empty page, and this
    await visit.page.reload()
    await expect(visit.page.get_by_label("Deck", exact=True)).to_have_value("nobody-s")
    assert await visit.page.evaluate("JSON.stringify({...localStorage}) + document.cookie") == "{}"
    async with visiting(browser, visit.service) as other:
        await other.page.goto(visit.page.url)
        await expect(other.page.get_by_role("heading")).to_have_text("A deck learns to speak.")
        other.provokes("status of 401")
        await other.page.get_by_label("Token").fill("not a token")
        await other.page.keyboard.press("Enter")
        await expect(other.page.get_by_role("alert")).to_contain_text("not accepted")
        await other.page.get_by_label("Token").fill(f"Bearer {token('anna')}")
        await other.page.keyboard.press("Enter")
        await expect(other.page.get_by_role("heading")).to_have_text("Make a deck speak")
        await other.page.get_by_role("button", name="Sign out").click()
        await expect(other.page.get_by_label("Token")).to_be_visible()
        assert await other.page.evaluate("sessionStorage.length") == 0


async def test_no_link_signs_anybody_in_as_somebody_else_unasked(visit: Visit) -> None:
    visit.provokes("status of 404")
    await visit.enter("anna-s")
    await visit.cell("English", 1).fill("Mine")
    page, whose = visit.page, "JSON.parse(atob(sessionStorage.token.split('.')[1])).sub"
    dialog = page.get_by_role("dialog", name="This link is for mallory")

    await visit.enter("trap", "mallory")
    await expect(dialog).to_contain_text("You are here as anna.")
    await page.keyboard.press("Escape")

    await expect(dialog).to_be_hidden()
    await expect(visit.cell("English", 1)).to_have_value("Mine")
    assert await page.evaluate(whose) == "anna"
    await visit.enter("trap", "mallory")
    await dialog.get_by_role("button", name="Go on as mallory").click()
    await expect(page.get_by_label("Deck", exact=True)).to_have_value("trap")
    await expect(page.locator(".ways")).to_contain_text("mallory")
    await expect(visit.cell("English", 1)).to_have_value("")
    assert await page.evaluate(whose) == "mallory"
    await visit.enter("again", "mallory")  # her own link, as after a new start of `just dev`
    await expect(page.get_by_label("Deck", exact=True)).to_have_value("again")


async def test_a_token_whose_time_is_over_leads_to_the_door_and_back_to_the_same_job(visit: Visit) -> None:
    visit.service.add_deck("expiry", ["expiry-1"])
    await visit.make("expiry", rows(["expiry-1"]))
    await expect(visit.ready()).to_have_count(2)
    visit.provokes("status of 401")
    await visit.page.evaluate("token => sessionStorage.setItem('token', token)", token("anna", exp=1))
    await visit.page.reload()

    await expect(visit.page.get_by_role("alert")).to_contain_text("not accepted")
    await visit.page.get_by_label("Token").fill(token("anna"))
    await visit.page.get_by_role("button", name="Enter").click()

    await expect(visit.ready()).to_have_count(2)


async def test_slowly_again_and_as_a_file(visit: Visit) -> None:
    visit.service.add_deck("listen", ["listen-1"])
    await visit.make("listen", [("listen-1", "Is it? A / b\u202egpm.exe", "Très bien !")])
    await expect(visit.ready()).to_have_count(2)
    page = visit.page

    normal = await visit.hears(visit.side("listen-1", "en"))
    await page.get_by_role("button", name="Speed 1×").click()
    await page.get_by_role("button", name="Speed 0.75×").click()
    await visit.side("listen-1", "en").focus()
    slow = await visit.hears("Enter")

    assert (normal["playbackRate"], slow["playbackRate"]) == (1, 0.5)
    assert slow["src"] == normal["src"]
    await page.keyboard.press("s")
    await expect(page.get_by_role("button", name="Speed 1×")).to_be_visible()
    names = []
    for side in ("English", "French"):
        async with page.expect_download() as download:
            await page.get_by_role("button", name=f"Download {side}, card listen-1").click()
        file = await download.value
        names.append(file.suggested_filename)
        assert (await file.path()).read_bytes() in [
            it.read_bytes() for it in visit.service.storage.glob("listen-*.mp3")
        ]
    assert names == ["listen-1 en Is it A b gpm.exe.mp3", "listen-1 fr Très bien !.mp3"]


async def test_one_card_is_made_anew_also_over_a_reload(visit: Visit) -> None:
    cards = ["anew-1", "__proto__"]  # a name that an object has already
    service = visit.service
    service.add_deck("anew", cards)
    first = await visit.make("anew", rows(cards))
    await expect(visit.ready()).to_have_count(4)

    await service.stop(worker := service.processes[-1])
    await visit.page.get_by_role("button", name="Make card __proto__ anew").click()
    await expect(visit.page.locator('[data-is="remaking"]')).to_have_count(2)
    await until(lambda: len(jobs_of(service, "anew")) == 2)
    await visit.page.reload()
    await expect(visit.page.locator('[data-is="remaking"]')).to_have_count(2)
    await service.start_worker()

    await expect(visit.page.locator("#live")).to_have_text("Card __proto__ is made anew.")
    await expect(visit.ready()).to_have_count(4)
    assert worker.returncode == 0
    [(second, wanted)] = [it for it in jobs_of(service, "anew") if it[0] != first]
    assert [it["cardId"] for it in wanted] == ["__proto__"]
    assert service.sql("SELECT regenerate, clips_made FROM tts.job WHERE id = %s", second) == [(True, 2)]
    await visit.hears(visit.side("__proto__", "fr"))
    await expect(visit.page.locator("#live")).to_have_text("Card __proto__ is made anew.")  # nothing was said over it


async def test_an_error_is_on_its_card_and_what_is_missing_is_made(visit: Visit) -> None:
    service, page = visit.service, visit.page
    service.add_deck("errors", ["errors-1"])
    await service.stop(service.processes[-1])
    job_id = await visit.make("errors", [("errors-1", "", "Le mot")])
    await expect(page.locator('[data-is="waiting"]')).to_have_count(1)
    # As a worker leaves it whose upstream would not say the French.
    entry = {"cardId": "errors-1", "audioUrlEn": None, "audioUrlFr": None, "error": "fr: it said <b>other</b> words"}
    service.sql(
        """UPDATE public."TtsJob" SET "status" = 'failed', "errorMessage" = '1 of 2 clips failed', "processedCount" = 1,
        "completedAt" = now(), "resultUrls" = %s WHERE "id" = %s RETURNING pg_notify('tts_job', "id")""",
        json.dumps([entry]),
        job_id,
    )

    failed = page.locator('.side[data-is="failed"]')
    await expect(failed).to_have_count(1)
    await expect(failed).to_contain_text("it said <b>other</b> words")
    await expect(page.locator('[data-is="silent"]')).to_have_count(1)
    await expect(page.locator(".head .why").first).to_have_text("1 of 2 clips failed")
    await expect(page.locator(".head")).to_contain_text("Failed")
    await page.get_by_role("button", name="Make what is missing").click()
    await service.start_worker()
    await expect(visit.ready()).to_have_count(1)
    await expect(page.locator(".head")).to_contain_text("Complete")


async def test_two_hundred_cards_reload_offline_and_back(visit: Visit) -> None:
    cards = [f"many-{number:03}" for number in range(200)]
    visit.service.add_deck("many", cards)
    page = visit.page
    visit.provokes("net::ERR_INTERNET_DISCONNECTED")  # what was asked just then
    await page.add_init_script(
        "window.longTasks = []; new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((it) => it.duration)))"
        ".observe({ type: 'longtask', buffered: true })"
    )
    await visit.make("many", rows(cards))
    await expect(visit.ready().nth(10)).to_be_attached()

    await page.reload()
    await expect(visit.ready().nth(60)).to_be_attached()
    with no_work_done(visit):
        await page.context.set_offline(True)
        await expect(page.locator("#lost")).to_contain_text("connection is lost")
        await page.context.set_offline(False)
        await expect(page.locator("#lost")).to_be_hidden()

    # A card that is ready is left alone while the others come.
    await page.evaluate(
        "window.touched = 0; new MutationObserver((list) => touched += list.length)"
        ".observe(document.querySelector('.cards li'), { subtree: true, childList: true, attributes: true })"
    )
    await expect(page.locator(".far")).to_contain_text("200 of 200 cards speak")
    await expect(visit.ready()).to_have_count(400)
    touched, longest = await page.evaluate("[touched, Math.max(0, ...longTasks)]")
    print(f"longest task: {longest:.0f} ms")
    assert touched < 40


async def test_cancelled_and_taken_up_again(visit: Visit) -> None:
    cards = [f"halt-{number}" for number in range(100)]
    visit.service.add_deck("halt", cards)
    job_id = await visit.make("halt", rows(cards))
    page = visit.page
    begun = 'SELECT 1 FROM public."TtsJob" WHERE "id" = %s AND "processedCount" > 0'
    await until(lambda: visit.service.sql(begun, job_id))
    with no_work_done(visit):
        await expect(visit.ready().first).to_be_attached()
        async with page.expect_response("**/cancel"):
            await page.get_by_role("button", name="Cancel").click()

    await expect(page.locator(".head")).to_contain_text("Cancelled")
    await expect(page.locator('[data-is="missing"]').first).to_be_attached()
    await expect(page.get_by_role("button", name="Make what is missing")).to_be_focused()
    await page.keyboard.press("Enter")

    await expect(page.locator(".far")).to_contain_text("100 of 100 cards speak")
    await expect(page.locator(".head")).to_contain_text("Complete")
    await expect(visit.ready()).to_have_count(200)


async def test_jobs_are_filtered_and_paged_and_found_again(visit: Visit) -> None:
    service = visit.service
    service.add_deck("paged", ["paged-1"], "pia")
    service.add_deck("other", ["other-1"], "pia")
    for _ in range(22):
        await service.post("paged", phrases(["paged-1"]), "pia")
    await service.made("other", phrases(["other-1"]), "pia")
    await visit.enter(user="pia")
    page = visit.page
    await page.get_by_role("link", name="Jobs").click()
    lines = page.locator("tbody tr")

    await expect(lines).to_have_count(20)
    await page.get_by_role("link", name="Older").click()
    await expect(lines).to_have_count(3)
    await page.reload()
    await expect(lines).to_have_count(3)
    await page.get_by_role("link", name="Newest").click()
    await expect(lines).to_have_count(20)
    await page.get_by_label("Deck").fill("other")
    await expect(lines).to_have_count(1)
    await page.get_by_label("Status").select_option("Failed")
    await expect(page.get_by_text("There are no such jobs.")).to_be_visible()
    await page.reload()
    await expect(page.get_by_label("Deck")).to_have_value("other")
    await expect(page.get_by_text("There are no such jobs.")).to_be_visible()


@contextmanager
def no_work_done(visit: Visit) -> Iterator[None]:
    """However long the browser takes, the job is not over meanwhile."""
    worker = visit.service.processes[-1]
    freeze(worker)
    try:
        yield
    finally:
        wake(worker)


def jobs_of(service: Service, deck: str) -> list[tuple[str, list[dict[str, str]]]]:
    return [
        (str(it[0]), it[1])
        for it in service.sql('SELECT "id", "phrases" FROM public."TtsJob" WHERE "deckId" = %s', deck)
    ]
