"""What `GET /api/tts/jobs` answers: the caller's jobs, newest first, page by page."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.job_control import cancel
from tests.postgres import Postgres
from tests.service import Service, phrases
from tests.shared_api import assert_problem, request, shared_api

pytestmark = pytest.mark.asyncio(loop_scope="module")
JOBS = "/api/tts/jobs"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(
    postgres: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    async with shared_api(postgres, migrated_template, tmp_path_factory.mktemp("list")) as service:
        for user in ("anna", "bob", "carol", "dora", "emil"):
            service.add_deck(f"{user}-1", [f"{user}-1-card"], user)
            service.add_deck(f"{user}-2", [f"{user}-2-card"], user)
        yield service
        assert "error of ours" not in service.log("api")


async def page(api: Service, query: str = "", user: str = "anna") -> tuple[list[Any], str | None]:
    """The ids of one page, and the cursor of the next."""
    answer = await request(api, "GET", f"{JOBS}?{query}", user=user)
    assert answer.status == 200, answer
    assert answer.body.keys() == {"jobs", "nextCursor"}
    return [job["id"] for job in answer.body["jobs"]], answer.body["nextCursor"]


async def all_pages(api: Service, query: str, user: str) -> list[str]:
    found, cursor = await page(api, query, user)
    while cursor:
        more, cursor = await page(api, f"{query}&cursor={cursor}", user)
        found += more
    return found


async def post(api: Service, user: str, deck: int = 1) -> str:
    return await api.post(f"{user}-{deck}", phrases([f"{user}-{deck}-card"]), user)


async def test_a_job_in_the_list_says_how_it_is_and_what_it_cost(api: Service) -> None:
    job_id = await post(api, "anna")

    answer = await api.get(JOBS)

    [job] = answer.body["jobs"]
    assert job.pop("createdAt").endswith("Z")
    assert job == {
        "id": job_id,
        "deckId": "anna-1",
        "status": "pending",
        "totalPhrases": 1,
        "processedCount": 0,
        "errorMessage": None,
        "completedAt": None,
        "cost": {
            "clipsMade": 0,
            "clipsCached": 0,
            "charactersBilled": 0,
            "inputTokens": 0,
            "outputTextTokens": 0,
            "outputAudioTokens": 0,
            "usd": 0.0,
        },
    }
    assert answer.body["nextCursor"] is None


async def test_filters_by_deck_by_status_and_by_both(api: Service) -> None:
    first, second, third, fourth = [await post(api, "bob", deck) for deck in (1, 2, 1, 2)]
    for job_id in (first, second):
        assert (await cancel(api, job_id, "bob")).status == 202

    assert await page(api, "", "bob") == ([fourth, third, second, first], None)
    assert await page(api, "deckId=bob-1", "bob") == ([third, first], None)
    assert await page(api, "status=cancelled", "bob") == ([second, first], None)
    assert await page(api, "deckId=bob-2&status=pending", "bob") == ([fourth], None)
    assert await page(api, "deckId=bob-2&status=failed", "bob") == ([], None)
    assert await page(api, "deckId=bob-1&limit=1", "bob") == ([third], (await page(api, "limit=2", "bob"))[1])


async def test_another_user_s_jobs_are_never_in_it(api: Service) -> None:
    await post(api, "bob")
    [_, cursor] = await page(api, "limit=1", "bob")

    assert await page(api, "", "nobody") == ([], None)
    assert await page(api, "deckId=bob-1", "nobody") == ([], None)
    assert await page(api, f"cursor={cursor}", "nobody") == ([], None)


async def test_pages_stay_as_they_are_while_new_jobs_come_in(api: Service) -> None:
    before = [await post(api, "carol") for _ in range(10)][::-1]
    found, cursor = await page(api, "limit=3", "carol")
    while cursor:
        await asyncio.gather(*(post(api, "carol", deck) for deck in (1, 2)))
        more, cursor = await page(api, f"limit=3&cursor={cursor}", "carol")
        found += more

    assert found == before


@pytest.mark.parametrize("limit", [1, 2, 5, 6, 100])
async def test_every_job_is_on_one_page_whatever_the_limit(api: Service, limit: int) -> None:
    while len((await page(api, "", "dora"))[0]) < 6:
        await post(api, "dora")

    assert await all_pages(api, f"limit={limit}", "dora") == (await page(api, "", "dora"))[0]


async def test_there_are_twenty_jobs_on_a_page_unless_asked(api: Service) -> None:
    for _ in range(21):
        await post(api, "emil")

    found, cursor = await page(api, "", "emil")

    assert len(found) == 20
    assert cursor


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=-1", "limit=101", "limit=", "limit=ten", "limit=" + "9" * 5_000, "limit=1.5"],
    ids=range(7),
)
async def test_a_bad_limit_is_named(api: Service, query: str) -> None:
    problem = assert_problem(await request(api, "GET", f"{JOBS}?{query}"), 400)

    assert "limit" in problem["detail"]
    assert "http" not in problem["detail"]


@pytest.mark.parametrize("query", ["status=done", "status=", "status=Pending", "status=%00", "status=null"])
async def test_a_bad_status_is_named(api: Service, query: str) -> None:
    assert "status" in assert_problem(await request(api, "GET", f"{JOBS}?{query}"), 400)["detail"]


def cursor_of(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "%00",
        "%FF",
        "%ED%A0%80",
        "%C3%A9",
        "====",
        "17",
        cursor_of("0"),
        cursor_of("-1"),
        cursor_of("007"),
        cursor_of(" 7"),
        cursor_of("7.0"),
        cursor_of("٧"),
        cursor_of(str(2**63)),
        cursor_of("9" * 5_000),
        cursor_of("1; DROP TABLE"),
        f"!{cursor_of('7')}",
        f"{cursor_of('7')}==",
        "MR",  # "1", with bits beyond its end
    ],
    ids=range(20),
)
async def test_a_cursor_that_is_none_is_a_400(api: Service, cursor: str) -> None:
    problem = assert_problem(await request(api, "GET", f"{JOBS}?cursor={cursor}"), 400)

    assert "cursor" in problem["detail"]


async def test_a_cursor_beyond_the_last_job_finds_none(api: Service) -> None:
    assert await page(api, f"cursor={cursor_of('1')}") == ([], None)


@pytest.mark.parametrize(
    "deck", ["%00", "a%00b", "%FF", "%ED%A0%80", "x" * 5_000, "", "'%3B%20DROP%20TABLE", "%F0%9F%98%80"]
)
async def test_a_deck_that_is_not_there_has_no_jobs(api: Service, deck: str) -> None:
    assert await page(api, f"deckId={deck}") == ([], None)


async def test_what_else_comes_after_the_question_mark_does_no_harm(api: Service) -> None:
    assert await page(api, "x=%00&y=%FF&&=&page=7&deckId=anna-2&deckID=x") == ([], None)


async def test_without_a_token_there_is_nothing(api: Service) -> None:
    assert_problem(await request(api, "GET", JOBS, user=None), 401)


async def test_a_thousand_jobs_are_paged_through_in_their_order(api: Service) -> None:
    ids = [f"many-{number}" for number in range(1_000)]
    api.sql(
        """
        INSERT INTO public."TtsJob" ("id", "userId", "deckId", "status", "totalPhrases", "processedCount", "phrases", "updatedAt")
        SELECT id, 'many', 'many-' || n %% 10, 'completed', 1, 1, %s::jsonb, now() FROM unnest(%s::text[]) WITH ORDINALITY AS of(id, n)
        """,
        "[" + ",".join(['{"textEn":"' + "x" * 4_000 + '","textFr":"y","cardId":"z"}'] * 20) + "]",
        ids,
    )
    api.sql(
        """
        INSERT INTO tts.job (id, user_id, deck_id, ended_at)
        SELECT id, 'many', 'many-' || n %% 10, now() FROM unnest(%s::text[]) WITH ORDINALITY AS of(id, n) ORDER BY n
        """,
        ids,
    )

    began_at = time.monotonic()
    found = await all_pages(api, "limit=100", "many")
    print(f"1,000 jobs in 10 pages: {(time.monotonic() - began_at) * 100:.1f} ms a page")

    assert found == ids[::-1]
    assert await all_pages(api, "deckId=many-3&limit=7", "many") == ids[2::10][::-1]
