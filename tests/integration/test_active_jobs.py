"""`MAX_ACTIVE_JOBS_PER_USER`: no more jobs under way than that, however they come."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.job_control import cancel, generate
from tests.postgres import Postgres
from tests.service import Service, phrases
from tests.shared_api import assert_problem, shared_api
from tests.standing import empty_tables
from tests.watching import queue_jobs

CARDS = [f"card-{number}" for number in range(50)]


@pytest.fixture(scope="module")
async def both(
    postgres: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Service, Service]]:
    """Two API processes that take five jobs of a user."""
    five = {"MAX_ACTIVE_JOBS_PER_USER": "5"}
    async with shared_api(postgres, migrated_template, tmp_path_factory.mktemp("active"), **five) as service:
        first = replace(service)
        await service.start_api(**five)
        yield first, replace(service)
        assert "error of ours" not in service.log("api")


@pytest.fixture
def apis(both: tuple[Service, Service]) -> Iterator[tuple[Service, Service]]:
    """The two, with two decks and no job."""
    service, _ = both
    service.add_deck("deck", CARDS)
    service.add_deck("deck-of-bob", ["card-of-bob"], "bob")
    yield both
    empty_tables(service)


async def test_of_fifty_posts_at_once_five_are_taken(apis: tuple[Service, Service]) -> None:
    posts = (generate(apis[n % 2], phrases([CARDS[n]]), key=f"key-{n}" if n % 3 else None) for n in range(50))
    of_bob = generate(apis[0], phrases(["card-of-bob"]), "deck-of-bob", "bob")

    *answers, bob = await asyncio.gather(*posts, of_bob)

    assert bob.status == 202
    assert Counter(answer.status for answer in answers) == {202: 5, 429: 45}
    refused = next(answer for answer in answers if answer.status == 429)
    assert "5 jobs" in assert_problem(refused, 429)["detail"]
    assert int(refused.headers["Retry-After"]) > 0
    assert queue_jobs(apis[0]) == ["todo"] * 6


async def five(api: Service) -> list[str]:
    taken = [(await generate(api, phrases([card]))).body["jobId"] for card in CARDS[:5]]
    assert_problem(await generate(api, phrases(CARDS)), 429)
    return taken


async def test_there_is_room_again_after_a_cancel(apis: tuple[Service, Service]) -> None:
    jobs = await five(apis[0])

    assert (await cancel(apis[1], jobs[2])).status == 202

    answers = [await generate(api, phrases(CARDS)) for api in apis]
    assert [answer.status for answer in answers] == [202, 429]


async def test_there_is_room_again_after_an_end(service: Service) -> None:
    service.add_deck("deck", CARDS)
    await service.start_api(MAX_ACTIVE_JOBS_PER_USER="5")
    jobs = await five(service)
    await service.start_worker()
    for job_id in jobs:
        await service.ended(job_id)

    assert (await generate(service, phrases(CARDS))).status == 202


async def test_a_refused_request_can_be_sent_again_with_its_key(apis: tuple[Service, Service]) -> None:
    jobs = await five(apis[0])
    assert_problem(await generate(apis[0], phrases(CARDS), key="again"), 429)
    await cancel(apis[0], jobs[0])

    first = await generate(apis[0], phrases(CARDS), key="again")

    assert first.status == 202
    # Known by now: it takes no room.
    second = await generate(apis[1], phrases(CARDS), key="again")
    assert (second.status, second.body) == (202, first.body)


async def test_what_is_wrong_is_told_also_where_there_is_no_room(apis: tuple[Service, Service]) -> None:
    await five(apis[0])

    assert_problem(await generate(apis[0], phrases(["nobody"])), 400)
    assert_problem(await generate(apis[0], phrases(CARDS), "deck-of-bob"), 403)
    assert_problem(await generate(apis[0], phrases(CARDS), "no-deck"), 404)


async def test_jobs_that_went_with_their_deck_take_no_room(apis: tuple[Service, Service]) -> None:
    """Prisma deletes a deck's jobs with it, queued or not."""
    await five(apis[0])

    apis[0].sql('DELETE FROM public."TtsJob"')

    assert (await generate(apis[0], phrases(CARDS))).status == 202


async def test_the_least_limit_is_one(service: Service) -> None:
    service.add_deck("deck", CARDS)
    await service.start_api(MAX_ACTIVE_JOBS_PER_USER="1")

    answers: list[Any] = await asyncio.gather(*(generate(service, phrases([card])) for card in CARDS[:10]))

    assert Counter(answer.status for answer in answers) == {202: 1, 429: 9}
