"""`Idempotency-Key`: the same request twice is one job, however both come."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from tests.job_control import JSON, cancel, generate, two_apis
from tests.postgres import Postgres
from tests.service import Answer, Service, phrases, token
from tests.shared_api import assert_problem, body_of, request, rows, shared_api

pytestmark = pytest.mark.asyncio(loop_scope="module")
CARDS = [f"card-{number}" for number in range(50)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(
    postgres: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    async with shared_api(postgres, migrated_template, tmp_path_factory.mktemp("keys")) as service:
        service.add_deck("deck", CARDS)
        service.add_deck("deck-of-bob", ["card-of-bob"], "bob")
        yield service
        assert "error of ours" not in service.log("api")


async def send(api: Service, body: bytes, key: str, **headers: str) -> Answer:
    return await request(api, "POST", "/api/tts/generate", body, **JSON, **{"Idempotency-Key": key}, **headers)


async def test_fifty_equal_posts_at_once_over_two_apis_are_one_job(api: Service) -> None:
    before = rows(api)
    apis = await two_apis(api)

    answers = await asyncio.gather(*(generate(apis[n % 2], phrases(CARDS), key="fifty") for n in range(50)))

    assert {answer.status for answer in answers} == {202}
    assert len({json.dumps(answer.body) for answer in answers}) == 1
    assert rows(api) == {table: count + 1 for table, count in before.items()}


async def test_posts_with_a_key_and_without_do_not_stop_each_other(api: Service) -> None:
    """Both wait for the user and for the deck: in the same order."""
    keys = [f"mixed-{n}" if n % 2 else None for n in range(40)]

    answers = await asyncio.gather(*(generate(api, phrases(CARDS[:1]), key=key) for key in keys))

    assert [answer.status for answer in answers] == [202] * 40


async def test_the_same_key_with_another_body_is_a_409(api: Service) -> None:
    first = await generate(api, phrases(CARDS[:2]), key="reused")
    before = rows(api)

    for other in (phrases(CARDS[:1]), phrases(CARDS[1::-1]), phrases(CARDS[:2], "!")):
        assert "Idempotency-Key" in assert_problem(await generate(api, other, key="reused"), 409)["detail"]
    assert_problem(await send(api, body_of(phrases(CARDS[:2]), "deck", regenerate=True), "reused"), 409)

    assert (await generate(api, phrases(CARDS[:2]), key="reused")).body == first.body
    assert rows(api) == before


async def test_a_body_is_the_same_however_it_is_written(api: Service) -> None:
    wanted: dict[str, Any] = {"deckId": "deck", "phrases": [{"textEn": "Ça 😀", "textFr": "/", "cardId": "card-0"}]}
    turned = {"phrases": [dict(reversed(wanted["phrases"][0].items()))], "deckId": "deck"}
    bodies = [
        json.dumps(wanted).encode(),
        json.dumps(wanted, ensure_ascii=False, indent=3).encode(),
        json.dumps(turned, separators=(",", ":")).encode(),
        json.dumps(wanted).replace("/", "\\/").replace("deck", "\\u0064eck").encode(),
        b"\xef\xbb\xbf\r\n" + json.dumps(wanted).encode() + b"\n",
    ]

    answers = [await send(api, body, "written") for body in bodies]

    assert {answer.status for answer in answers} == {202}
    assert len({answer.body["jobId"] for answer in answers}) == 1


async def test_keys_belong_to_their_user(api: Service) -> None:
    of_anna = await generate(api, phrases(CARDS[:1]), key="shared")
    of_bob = await generate(api, phrases(["card-of-bob"]), "deck-of-bob", "bob", key="shared")

    assert (of_anna.status, of_bob.status) == (202, 202)
    assert of_anna.body != of_bob.body
    again = await generate(api, phrases(["card-of-bob"]), "deck-of-bob", "bob", key="shared")
    assert again.body == of_bob.body


async def test_only_a_202_is_remembered(api: Service) -> None:
    api.sql('DELETE FROM public."Deck" WHERE "id" = %s', "deck-to-come")
    assert_problem(await generate(api, phrases(["to-come"]), "deck-to-come", key="refused"), 404)
    api.add_deck("deck-to-come", [])
    assert_problem(await generate(api, phrases(["to-come"]), "deck-to-come", key="refused"), 400)
    api.add_cards("deck-to-come", ["to-come"])
    assert_problem(await generate(api, phrases(["to-come"]), "deck-of-bob", key="refused"), 403)

    assert (await generate(api, phrases(["to-come"]), "deck-to-come", key="refused")).status == 202


async def test_a_key_older_than_a_day_is_new_and_forgotten_ones_are_gone(api: Service) -> None:
    first = await generate(api, phrases(CARDS[:1]), key="old")
    await generate(api, phrases(CARDS[:1]), key="older")
    api.sql("UPDATE tts.idempotency_key SET created_at = now() - interval '23 h 59 min' WHERE key = 'old'")
    assert (await generate(api, phrases(CARDS[:1]), key="old")).body == first.body
    api.sql("UPDATE tts.idempotency_key SET created_at = now() - interval '24 h 1 s' WHERE key LIKE 'old%%'")

    second = await generate(api, phrases(CARDS[1:2]), key="old")

    assert second.status == 202
    assert second.body != first.body
    assert (await generate(api, phrases(CARDS[1:2]), key="old")).body == second.body
    assert api.sql("SELECT key FROM tts.idempotency_key WHERE key LIKE 'old%%'") == [("old",)]


async def test_a_day_old_key_sent_fifty_times_at_once_is_one_job_more(api: Service) -> None:
    await generate(api, phrases(CARDS[:1]), key="stale")
    api.sql("UPDATE tts.idempotency_key SET created_at = now() - interval '25 h' WHERE key = 'stale'")
    before = rows(api)

    answers = await asyncio.gather(*(generate(api, phrases(CARDS[:1]), key="stale") for _ in range(50)))

    assert len({answer.body["jobId"] for answer in answers}) == 1
    assert rows(api) == {table: count + 1 for table, count in before.items()}


@pytest.mark.parametrize(
    "key", ["k", "k" * 255, "a b", "\"quoted\", 'so'; --", "%00", "ключ", "é", "\x80\x9f"], ids=range(8)
)
async def test_any_key_of_1_to_255_characters_is_good(api: Service, key: str) -> None:
    first = await generate(api, phrases(CARDS[:1]), key=key)

    assert first.status == 202, first
    assert (await generate(api, phrases(CARDS[:1]), key=key)).body == first.body


@pytest.mark.parametrize("key", ["", " ", "k" * 256, "k" * 5_000], ids=range(4))
async def test_a_key_of_another_length_is_a_400(api: Service, key: str) -> None:
    before = rows(api)

    assert "Idempotency-Key" in assert_problem(await generate(api, phrases(CARDS[:1]), key=key), 400)["detail"]

    assert rows(api) == before


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"caf\xe9", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80"])
async def test_a_key_of_any_bytes_is_a_key(api: Service, raw: bytes) -> None:
    """Over a bare socket: no client sends these."""
    first, second = [await send_raw(api, raw) for _ in "ab"]

    assert first == second
    assert b"202" in first.splitlines()[0]


async def send_raw(api: Service, key: bytes) -> bytes:
    body = body_of(phrases(CARDS[:1]), "deck")
    url = urlsplit(api.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(
        b"POST /api/tts/generate HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        + f"Authorization: Bearer {token('anna')}\r\nContent-Length: {len(body)}\r\n".encode()
        + b"Idempotency-Key: "
        + key
        + b"\r\n\r\n"
        + body
    )
    answer = await reader.read()
    writer.close()
    each_time_new = (b"date:", b"x-request-id:")
    return b"\n".join(line for line in answer.splitlines() if not line.lower().startswith(each_time_new))


async def test_the_answer_is_the_same_after_the_job_and_the_deck_are_gone(api: Service) -> None:
    api.add_deck("short-lived", ["short"])
    first = await generate(api, phrases(["short"]), "short-lived", key="replayed")
    assert (await cancel(api, first.body["jobId"])).status == 202
    assert (await generate(api, phrases(["short"]), "short-lived", key="replayed")).body == first.body
    before = rows(api)

    api.sql('DELETE FROM public."Card" WHERE "deckId" = %s', "short-lived")
    api.sql('DELETE FROM public."Deck" WHERE "id" = %s', "short-lived")
    again = await generate(api, phrases(["short"]), "short-lived", key="replayed")

    assert (again.status, again.body) == (202, first.body)
    assert rows(api) == before


async def test_a_deep_field_that_nobody_reads_is_part_of_the_body(api: Service) -> None:
    """As deep as is still read."""
    for depth in (10, 500, 900):
        deep: Any = 7
        for _ in range(depth):
            deep = [deep]
        answers = [await send(api, body_of(phrases(CARDS[:1]), "deck", deep=deep), f"deep-{depth}") for _ in "ab"]
        assert answers[0].status in (202, 400), answers[0]
        assert answers[0].body == answers[1].body
