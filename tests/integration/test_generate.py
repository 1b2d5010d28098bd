"""What `POST /api/tts/generate` takes, and how it refuses the rest: with everything that is wrong, and without a trace."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]
import psycopg
import pytest
import pytest_asyncio

from tests.job_control import waiters
from tests.postgres import Postgres
from tests.service import Service, phrases, token
from tests.shared_api import GENERATE, assert_problem, body_of, nothing_queued, request, rows, shared_api
from tests.watching import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

MEBIBYTE = 1024 * 1024
CARDS = [f"card-{number}" for number in range(200)]
LONGEST_ID = "x" * 128


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(
    postgres: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    async with shared_api(postgres, migrated_template, tmp_path_factory.mktemp("generate")) as service:
        service.add_deck("deck-1", [*CARDS, LONGEST_ID, ".hidden", "../../etc/passwd", "a/b", "été", "x" * 129])
        service.add_deck("deck-2", ["card-of-deck-2"])
        service.add_deck("deck-of-bob", ["card-of-bob"], user="bob")
        yield service
        assert "error of ours" not in service.log("api")


def phrase(**changed: Any) -> dict[str, Any]:
    """A good phrase but for what is changed; a field changed to `...` is left out."""
    fields = {"textEn": "Hello", "textFr": "Bonjour", "cardId": "card-0"} | changed
    return {name: value for name, value in fields.items() if value is not ...}


GOOD = phrase(cardId="card-199")


async def test_the_answer_is_the_brief_s_and_the_job_waits_in_the_queue_under_its_deck(api: Service) -> None:
    wanted = [phrase(cardId="card-2"), phrase(cardId="card-1")]

    answer = await api.send(body_of(wanted))

    assert answer.status == 202
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body.keys() == {"ok", "jobId"}
    assert answer.body["ok"] is True
    job_id = answer.body["jobId"]
    columns = '"userId", "deckId", status, "totalPhrases", "processedCount", phrases, "resultUrls", "errorMessage"'
    job = api.sql(f'SELECT {columns} FROM public."TtsJob" WHERE id = %s', job_id)
    assert job == [("anna", "deck-1", "pending", 2, 0, wanted, [], None)]
    queued = api.sql("SELECT queue_name, lock, status FROM tts.procrastinate_jobs WHERE args->>'job_id' = %s", job_id)
    assert queued == [("tts", "deck-1", "todo")]


# Each: the phrases, and the index and card of every error that must be named, in order.
BAD_PHRASES: dict[str, tuple[list[Any], list[tuple[int, str | None]]]] = {
    "an empty pair": ([GOOD, phrase(textEn="", textFr="")], [(1, "card-0")]),
    "a blank pair": ([phrase(textEn=" \t\n", textFr="\u200b\ufeff\u3164 \u2800")], [(0, "card-0")]),
    "a pair of empty tags": ([phrase(textEn="<b></b>", textFr="<br/>")], [(0, "card-0")]),
    "a pair of hard spaces": ([phrase(textEn="&nbsp;", textFr="&#160;")], [(0, "card-0")]),
    "4,097 characters": ([phrase(textEn="x" * 4_097)], [(0, "card-0")]),
    "4,097 characters of two UTF-16 units": ([phrase(textFr="😀" * 4_097)], [(0, "card-0")]),
    "4,097 characters that fold to nothing": ([phrase(textEn=" " * 4_097)], [(0, "card-0")]),
    "a NUL": ([phrase(textEn="a\0b")], [(0, "card-0")]),
    "half a surrogate pair": ([phrase(textEn="\ud83d")], [(0, "card-0")]),
    "the other half": ([phrase(textFr="\ude00\ud83d")], [(0, "card-0")]),
    "faults in both texts": ([phrase(textEn="\0", textFr=7)], [(0, "card-0"), (0, "card-0")]),
    "texts that are no strings": ([phrase(textEn=None), phrase(textFr=["a"], cardId="card-1")], [(0, "card-0"), (1, "card-1")]),
    "a text left out": ([phrase(textFr=...)], [(0, "card-0")]),
    "a card of another deck": ([phrase(cardId="card-of-deck-2")], [(0, "card-of-deck-2")]),
    "a card of another user": ([phrase(cardId="card-of-bob")], [(0, "card-of-bob")]),
    "a card that is not there": ([phrase(cardId="nobody")], [(0, "nobody")]),
    "a card twice": ([phrase(), GOOD, phrase()], [(2, "card-0")]),
    "a card three times": ([phrase(), phrase(), phrase()], [(1, "card-0"), (2, "card-0")]),
    "a card with a way out of the folder": ([phrase(cardId="../../etc/passwd")], [(0, "../../etc/passwd")]),
    "a card with a folder": ([phrase(cardId="a/b")], [(0, "a/b")]),
    "a hidden card": ([phrase(cardId=".hidden")], [(0, ".hidden")]),
    "a card beyond ASCII": ([phrase(cardId="été")], [(0, "été")]),
    "a card with a line end": ([phrase(cardId="card-0\n")], [(0, "card-0\n")]),
    "a card of 129 characters": ([phrase(cardId="x" * 129)], [(0, "x" * 128)]),
    "a card of no characters": ([phrase(cardId="")], [(0, "")]),
    "a card with a NUL": ([phrase(cardId="card\0")], [(0, "card\0")]),
    "a card with half a surrogate pair": ([phrase(cardId="card\ud800")], [(0, "card?")]),
    "cards that are no strings": ([phrase(cardId=7), phrase(cardId=None), phrase(cardId=["card-1"])], [(0, None), (1, None), (2, None)]),
    "a card left out": ([phrase(cardId=...)], [(0, None)]),
    "phrases that are no objects": ([None, 7, "card-0", [phrase()], True], [(index, None) for index in range(5) for _ in "ab"]),
    "many faults at once": (
        [phrase(textEn="x" * 4_097), GOOD, phrase(textEn="", textFr="", cardId="nobody"), phrase(textFr="\0", cardId="card-199")],
        [(0, "card-0"), (2, "nobody"), (2, "nobody"), (3, "card-199"), (3, "card-199")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_PHRASES)
async def test_every_bad_phrase_is_named_at_once(api: Service, name: str) -> None:
    wanted, expected = BAD_PHRASES[name]

    with nothing_queued(api):
        problem = assert_problem(await api.send(body_of(wanted)), 400)

    assert [(error["index"], error["cardId"]) for error in problem["errors"]] == expected
    assert all(error["message"] for error in problem["errors"])
    assert problem["detail"].startswith(f"{len({index for index, _ in expected})} of {len(wanted)} phrases ")


async def test_two_hundred_bad_phrases_are_named_all(api: Service) -> None:
    wanted = [phrase(cardId=card, textEn="\0", textFr="y" * 4_097) for card in CARDS]

    with nothing_queued(api):
        problem = assert_problem(await api.send(body_of(wanted)), 400)

    assert [error["index"] for error in problem["errors"]] == [index for index in range(200) for _ in "ab"]


# Where the whole body is bad there is no phrase to name.
BAD_BODIES: dict[str, bytes] = {
    "nothing": b"",
    "half an object": b'{"deckId": "deck-1", "phrases": [',
    "an object and more": body_of([GOOD]) + b"}",
    "JavaScript": b"{deckId: 'deck-1'}",
    "a byte that is not UTF-8": b'{"deckId": "deck-1\xff", "phrases": []}',
    "a surrogate pair in UTF-8": b'{"deckId": "\xed\xa0\xbd\xed\xb8\x80", "phrases": []}',
    "UTF-16": body_of([GOOD]).decode().encode("utf-16"),
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep lists that never end": b"[" * 100_000,
    "deep phrases": b'{"deckId": "deck-1", "phrases": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"deckId": ' * 100_000 + b"1" + b"}" * 100_000,
    "a number of a hundred thousand digits": b'{"deckId": "deck-1", "phrases": [' + b"9" * 100_000 + b"]}",
    "a number that is none": b'{"deckId": "deck-1", "phrases": [], "regenerate": NaN}',
    "a number that is none, in a field that nobody reads": body_of([GOOD], more=float("nan")),
    "infinity": body_of([GOOD], more=float("-inf")),
    "null": b"null",
    "a list": b"[]",
    "a number": b"7",
    "a string": b'"deck-1"',
    "true": b"true",
    "an empty object": b"{}",
    "no deck": json.dumps({"phrases": [GOOD]}).encode(),
    "null as a deck": body_of([GOOD], None),  # type: ignore[arg-type]
    "a number as a deck": body_of([GOOD], 7),  # type: ignore[arg-type]
    "a list as a deck": body_of([GOOD], ["deck-1"]),  # type: ignore[arg-type]
    "an empty deck": body_of([GOOD], ""),
    "a NUL in the deck": body_of([GOOD], "deck-1\0"),
    "half a surrogate pair in the deck": body_of([GOOD], "deck-1\ud800"),
    "no phrases": b'{"deckId": "deck-1"}',
    "an empty list of phrases": body_of([]),
    "null as phrases": body_of(None),  # type: ignore[arg-type]
    "an object as phrases": body_of({"0": GOOD}),  # type: ignore[arg-type]
    "a string as phrases": body_of("x"),  # type: ignore[arg-type]
    "201 phrases": body_of([phrase(cardId=f"card-{number}") for number in range(201)]),
    "a hundred thousand phrases": body_of([0] * 100_000),
    "a word as regenerate": body_of([GOOD], regenerate="yes"),
    "a number as regenerate": body_of([GOOD], regenerate=1),
    "null as regenerate": body_of([GOOD], regenerate=None),
}


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_a_bad_body_is_a_400_without_errors_of_phrases(api: Service, name: str) -> None:
    with nothing_queued(api):
        problem = assert_problem(await api.send(BAD_BODIES[name]), 400)

    assert "errors" not in problem


@pytest.mark.parametrize(("deck_id", "status"), [("deck-of-bob", 403), ("nowhere", 404), ("x" * 100_000, 404)])
async def test_only_the_owner_of_a_deck_may_ask(api: Service, deck_id: str, status: int) -> None:
    with nothing_queued(api):
        assert_problem(await api.send(body_of([phrase(cardId="card-of-bob")], deck_id)), status)


async def test_a_deck_of_another_says_nothing_of_its_cards(api: Service) -> None:
    with nothing_queued(api):
        problem = assert_problem(await api.send(body_of([phrase(textEn=7)], "deck-of-bob")), 403)

    assert "errors" not in problem


async def test_a_deck_that_is_deleted_meanwhile_is_a_404_where_jobs_refer_to_decks(api: Service) -> None:
    """Prisma's own migration of the brief makes foreign keys."""
    api.add_deck("doomed", ["card-of-doomed"])
    api.sql(
        'ALTER TABLE public."TtsJob" ADD CONSTRAINT "TtsJob_deckId_fkey" FOREIGN KEY ("deckId") REFERENCES public."Deck"'
    )
    try:
        with nothing_queued(api):
            with psycopg.connect(api.database_url) as deleting:
                deleting.execute("""DELETE FROM public."Deck" WHERE "id" = 'doomed'""")
                posting = asyncio.create_task(api.send(body_of([phrase(cardId="card-of-doomed")], "doomed")))
                await until(lambda: waiters(api))
                assert not posting.done()
            assert_problem(await posting, 404)
    finally:
        api.sql('ALTER TABLE public."TtsJob" DROP CONSTRAINT "TtsJob_deckId_fkey"')


async def test_one_side_may_be_blank(api: Service) -> None:
    wanted = [phrase(textEn=""), phrase(cardId="card-1", textFr="<p>&nbsp;</p>")]

    assert (await api.send(body_of(wanted))).status == 202


@pytest.mark.parametrize(
    "text", ["😀" * 4_096, "x" * 4_096, "I <3 you", "\u2028", "a\u0301", "x" + "\u0301\u0323" * 2_047]
)
async def test_odd_but_good_texts_are_taken_as_they_are(api: Service, text: str) -> None:
    answer = await api.send(body_of([phrase(textEn=text)]))

    assert answer.status == 202, answer
    [(stored,)] = api.sql('SELECT phrases FROM public."TtsJob" WHERE id = %s', answer.body["jobId"])
    assert stored == [phrase(textEn=text)]


async def test_a_card_id_of_128_characters_is_taken(api: Service) -> None:
    assert (await api.send(body_of([phrase(cardId=LONGEST_ID)]))).status == 202


async def test_what_is_not_asked_for_is_not_kept(api: Service) -> None:
    answer = await api.send(body_of([phrase(note="x" * 1_000)], also={"deep": [1]}))

    assert answer.status == 202
    [(stored,)] = api.sql('SELECT phrases FROM public."TtsJob" WHERE id = %s', answer.body["jobId"])
    assert stored == [phrase()]


@pytest.mark.parametrize("regenerate", [True, False])
async def test_regenerate_is_kept_with_the_job(api: Service, regenerate: bool) -> None:
    answer = await api.send(body_of([GOOD], regenerate=regenerate))

    assert api.sql("SELECT regenerate FROM tts.job WHERE id = %s", answer.body["jobId"]) == [(regenerate,)]


async def test_of_a_key_that_comes_twice_the_last_counts(api: Service) -> None:
    body = b'{"deckId": "nowhere", ' + body_of([GOOD])[1:]

    assert (await api.send(body)).status == 202


@pytest.mark.parametrize("body", [b"\xef\xbb\xbf" + body_of([GOOD]), b" \n" + body_of([GOOD]) + b"\r\n\t"])
async def test_a_byte_order_mark_and_white_space_around_do_no_harm(api: Service, body: bytes) -> None:
    assert (await api.send(body)).status == 202


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "Application/JSON", 'application/json;charset="UTF-8"']
)
async def test_json_may_be_named_in_each_way_that_http_allows(api: Service, content_type: str) -> None:
    assert (await api.send(body_of([GOOD]), **{"Content-Type": content_type})).status == 202


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/msgpack", "json", "", ";", "é"]
)
async def test_another_content_type_is_a_415(api: Service, content_type: str) -> None:
    with nothing_queued(api):
        answer = await request(api, "POST", GENERATE, body_of([GOOD]), **{"Content-Type": content_type})
        assert_problem(answer, 415)


async def test_no_content_type_is_a_415(api: Service) -> None:
    with nothing_queued(api):
        assert_problem(await request(api, "POST", GENERATE, body_of([GOOD])), 415)


async def test_a_compressed_body_is_a_415(api: Service) -> None:
    with nothing_queued(api):
        assert_problem(await api.send(body_of([GOOD]), **{"Content-Encoding": "gzip"}), 415)


async def test_a_body_of_21_mebibytes_is_a_413(api: Service) -> None:
    with nothing_queued(api):
        assert_problem(await api.send(b" " * (21 * MEBIBYTE)), 413)


async def test_a_body_of_21_mebibytes_that_does_not_say_so_is_a_413(api: Service) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(21):
            yield b" " * MEBIBYTE

    with nothing_queued(api):
        answer = await request(api, "POST", GENERATE, chunks(), **{"Content-Type": "application/json"})
        assert_problem(answer, 413)


async def test_the_greatest_legal_body_is_taken_and_the_api_answers_others_meanwhile(api: Service) -> None:
    """200 phrases of twice 4,096 characters, each of which takes 12 bytes: 19 MiB."""
    longest = r"\ud83d\ude00" * 4_096
    wanted = ",".join(f'{{"textEn":"{longest}","textFr":"{longest}","cardId":"{card}"}}' for card in CARDS)
    body = f'{{"deckId":"deck-1","phrases":[{wanted}]}}'.encode()
    assert 18 * MEBIBYTE < len(body) < 20 * MEBIBYTE

    posting = asyncio.create_task(api.send(body))
    process = psutil.Process(api.processes[0].pid)
    began, most = worked(process), 0.0
    while not posting.done():
        before = worked(process)
        await api.get("/health")
        most = max(most, worked(process) - before)
        await asyncio.sleep(0.02)

    assert (await posting).status == 202
    assert most < max(1.5, (worked(process) - began) / 2)  # on a machine that is slow for all, it is for this


def worked(process: psutil.Process) -> float:
    """The seconds of CPU that it took, which are the same on a machine that stands still now and then."""
    times = process.cpu_times()
    return float(times.user + times.system)


async def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_error_of_ours(api: Service) -> None:
    with nothing_queued(api):
        _send_half(api)
        await asyncio.sleep(0.3)
        assert (await api.get("/health")).status == 200

    assert "an error" not in api.log("api")


def _send_half(api: Service) -> None:
    address = urlsplit(api.url)
    with socket.create_connection((address.hostname, address.port)) as connection:
        head = f"POST {GENERATE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token('anna')}\r\n"
        connection.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{".encode())


async def test_twenty_posts_at_once_are_twenty_jobs(api: Service) -> None:
    before = rows(api)

    job_ids = await asyncio.gather(*(api.post("deck-1", phrases([card])) for card in CARDS[:20]))

    assert len(set(job_ids)) == 20
    assert rows(api) == {table: count + 20 for table, count in before.items()}


@pytest.mark.parametrize("path", ["/", "/api", "/api/tts", "/api/tts/nothing", "/api/tts/status", "/%00", "/../etc"])
async def test_a_route_that_is_not_there_is_a_404(api: Service, path: str) -> None:
    for user in ("anna", None):
        assert_problem(await request(api, "GET", path, user=user), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", GENERATE, "POST"),
        ("PUT", GENERATE, "POST"),
        ("DELETE", "/api/tts/status/x", "GET"),
        ("POST", "/health", "GET"),
        ("POST", "/schema", "GET"),
    ],
)
async def test_a_method_that_a_route_does_not_know_is_a_405(api: Service, method: str, path: str, allowed: str) -> None:
    answer = await request(api, method, path)

    assert_problem(answer, 405)
    assert allowed in re.split(r", *", answer.headers["Allow"])
