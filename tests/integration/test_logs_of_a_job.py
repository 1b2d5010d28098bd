"""The logs of API and worker together: they lead from a request to its audio, and hold no text, token or key, whatever happens."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from tests.event_stream import watching
from tests.job_control import generate, retry
from tests.postgres import Postgres
from tests.s3_server import QUOTED, S3Server
from tests.service import SECRET, Service, phrases, token
from tests.shared_api import PASSWORD, assert_problem, body_of, forged_token, request, shared_api, with_password
from tests.speech_server import SpeechServer
from tests.watching import until

JSON = {"Content-Type": "application/json"}
# One word, as many cards have: nothing that looks for sentences finds it.
TEXT = "chuchotements"
API_KEY, S3_SECRET, IDEMPOTENCY_KEY = "sk-proj-planted0123456789", "a-secret-of-the-tests", "planted-idempotency-key"
QUERY, PATH = "planted-in-the-query", "planted-in-the-path"


def lines(service: Service, having: str) -> list[dict[str, Any]]:
    """What `grep` finds in all logs, in the order of time."""
    logs = service.log("api").splitlines() + service.log("worker").splitlines()
    return sorted((json.loads(line) for line in logs if having in line), key=lambda line: str(line["timestamp"]))


async def test_one_grep_follows_a_job_from_its_request_to_its_audio(service: Service) -> None:
    service.environment["LOG_FORMAT"] = "json"
    service.add_deck("deck", ["card-1", "card-2"])
    await service.start_api()
    sent = {**JSON, "X-Request-Id": "proxy-4.2_A"}

    answer = await request(service, "POST", "/api/tts/generate", body_of(phrases(["card-1", "card-2"]), "deck"), **sent)
    job_id = answer.body["jobId"]
    # Who took it is dead. Another of the same request fell out of the queue.
    service.add_deck("other", ["card-3"])
    other = await request(service, "POST", "/api/tts/generate", body_of(phrases(["card-3"]), "other"), **sent)
    with psycopg.connect(service.database_url, autocommit=True) as connection:
        connection.execute("SET search_path = tts")  # triggers find their tables by it
        connection.execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE lock = 'deck'")
        connection.execute("DELETE FROM procrastinate_jobs WHERE lock = 'other'")
    await until(lambda: all(it in service.log("api") for it in (job_id, other.body["jobId"])))
    await service.start_worker(WORKER_HEARTBEAT_S="0.5")
    await service.ended(job_id)
    await until(lambda: service.log("worker").count("a job ended") == 2)

    assert answer.headers.getall("X-Request-Id") == ["proxy-4.2_A"]
    found, of_other = lines(service, job_id), lines(service, other.body["jobId"])
    for some, deck, brought_back in (
        (found, "deck", "a worker died; its job is run again"),
        (of_other, "other", "a job had fallen out of the queue and is put back"),
    ):
        events = [line["event"] for line in some]
        assert (events[0], events[-1]) == ("a request was answered", "a job ended")
        assert events.index(brought_back) < events.index("a job begins")
        who = ("proxy-4.2_A", some[0]["job_id"], deck, "anna")
        assert {tuple(line[name] for name in ("request_id", "job_id", "deck_id", "user_id")) for line in some} == {who}
    assert {name for line in found for name in line.get("files", [])} == {
        f"card-{number}_{side}.mp3" for number in (1, 2) for side in ("en", "fr")
    }
    assert [(found[0][name]) for name in ("route", "method", "status")] == ["/api/tts/generate", "POST", 202]
    assert len(lines(service, "proxy-4.2_A")) == len(found + of_other)


@pytest.mark.parametrize("sent", ["Bonjour mes amis", "é", "", "-x", "x" * 65, '"', "a/b", TEXT + "\t"])
async def test_an_id_that_is_none_is_replaced(plain_api: Service, sent: str) -> None:
    answer = await request(plain_api, "GET", "/api/tts/jobs", **{"X-Request-Id": sent})
    [given] = answer.headers.getall("X-Request-Id")
    assert len(given) == 32
    assert given != sent


@pytest.fixture(scope="module")
async def plain_api(
    postgres: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    async with shared_api(postgres, migrated_template, tmp_path_factory.mktemp("ids")) as service:
        yield service


@pytest.mark.timeout(300)
@pytest.mark.parametrize("log_format", ["console", "json"])
async def test_no_line_holds_a_text_a_token_or_a_key(
    service: Service, upstream: SpeechServer, s3: S3Server, log_format: str
) -> None:
    service = replace(service, database_url=with_password(service.database_url))
    service.environment |= {
        "LOG_LEVEL": "debug",
        "LOG_FORMAT": log_format,
        "OPENAI_API_KEY": API_KEY,
        "TTS_MAX_ATTEMPTS": "2",
        **s3.environment,
    }
    async with service:
        await service.start_api()
        await service.start_worker()

        await _ask_for_what_there_is_not(service)
        await _the_upstream_echoes(service, upstream)
        await _the_storage_echoes(service, s3)
        await _we_crash(service)
        await _the_upstream_refuses_the_key(service, upstream)

        told = service.log("api") + service.log("worker")
    for event in (
        "an error of ours",
        "a job failed by an error of ours",
        "a clip failed",
        "a clip is tried again",
        "the audio storage does not obey",
        "the upstream serves nothing to us",
    ):
        assert event in told
    secrets = (TEXT, API_KEY, API_KEY[8:], PASSWORD, SECRET, S3_SECRET, IDEMPOTENCY_KEY, QUERY, PATH, QUOTED, "eyJ")
    assert {secret: _first_with(secret, told) for secret in secrets if secret in told} == {}


def _first_with(secret: str, told: str) -> str:
    return next(line for line in told.splitlines() if secret in line)[:2000]


def _phrases(*cards: str) -> list[dict[str, str]]:
    """For each card an English text with its name in it, by which the upstream knows what to do, and a French one that is good."""
    return [{"textEn": f"{TEXT} {card}", "textFr": f"{TEXT} bon {card}", "cardId": card} for card in cards]


async def _ask_for_what_there_is_not(service: Service) -> None:
    good = token("anna")
    for bad in (token("anna", exp=1), forged_token(f'{{"{TEXT}', TEXT), f"{TEXT} {TEXT}"):
        assert (await request(service, "GET", "/api/tts/jobs", user=None, Authorization=f"Bearer {bad}")).status == 401
    for path in (f"/api/tts/{PATH}", f"/api/tts/status/{PATH}", f"/{good}", f"/api/tts/jobs/{quote(TEXT)}/events"):
        assert_problem(await request(service, "GET", f"{path}?access_token={good}&q={QUERY}"), 404)
    assert_problem(await request(service, "GET", f"/api/tts/jobs?cursor={QUERY}&limit={TEXT}"), 400)
    headers = JSON | {"Idempotency-Key": IDEMPOTENCY_KEY, "X-Request-Id": f"{TEXT} {TEXT}", "Cookie": TEXT}
    for body in (f'{{"deckId": "{TEXT}', f'["{TEXT}"]', f'{{"deckId": "{TEXT}", "phrases": "{TEXT}"}}'):
        assert_problem(await request(service, "POST", "/api/tts/generate", body.encode(), **headers), 400)
    unknown = body_of(_phrases("card"), TEXT)
    assert_problem(await request(service, "POST", "/api/tts/generate", unknown, **headers), 404)
    assert_problem(
        await request(service, "POST", f"/api/tts/generate?{QUERY}", b"\xff" + TEXT.encode(), **headers), 400
    )
    assert_problem(
        await request(service, "POST", "/api/tts/generate", TEXT.encode(), **headers | {"Content-Type": TEXT}), 415
    )


async def _the_upstream_echoes(service: Service, upstream: SpeechServer) -> None:
    echo = f"{TEXT} {API_KEY}"
    error = json.dumps(
        {"error": {"message": echo, "type": API_KEY, "code": TEXT, "param": echo}, "detail": {"type": TEXT}}
    )
    cards = []
    for status in (400, 409, 422, 429, 500, 503):
        for number, body in enumerate((error, f"<html><title>{echo}</title></html>", TEXT)):
            cards.append(f"s{status}n{number}")
            upstream.fail("answer", text=cards[-1], status=status, body=body, times=2, retry_after_ms="1")
    for kind in ("json", "html", "words", "silent", "truncated", "cut", "reset", "empty"):
        cards.append(kind)
        upstream.fail(kind, text=kind, times=2)
    cards.append("spoken")
    upstream.fail("answer", text="spoken", status=200, body=echo)
    service.add_deck("deck", cards)
    answer = await generate(service, _phrases(*cards), key=IDEMPOTENCY_KEY)
    async with watching(service.url, answer.body["jobId"]) as stream:
        await stream.rest()
    job = await service.ended(answer.body["jobId"])
    assert job["status"] == "failed", job
    upstream.heal()


async def _the_storage_echoes(service: Service, s3: S3Server) -> None:
    service.add_deck("stored", ["stored"])
    fault = s3.fail("denied", method="PUT")
    job = await service.ended(await service.post("stored", _phrases("stored")))
    assert "The audio storage cannot be used" in job["errorMessage"]
    s3.faults.remove(fault)
    assert (await retry(service, job["id"])).status == 202
    job = await service.ended(job["id"])
    assert job["status"] == "completed", job


async def _we_crash(service: Service) -> None:
    """Postgres refuses rows, and shows them: in its details, and, where somebody's trigger says so, in its first line."""
    service.add_deck("crash", ["crash"])
    never = 'ALTER TABLE public."TtsJob" ADD CONSTRAINT never CHECK ({}) NOT VALID'
    service.sql(never.format("false"))
    assert_problem(await generate(service, _phrases("crash"), "crash"), 500)
    service.sql('ALTER TABLE public."TtsJob" DROP CONSTRAINT never')
    service.sql(never.format("status = 'pending' OR \"processedCount\" = 0"))
    crashing = await service.post("crash", _phrases("crash"))
    await until(lambda: "a job failed by an error of ours" in service.log("worker"))
    service.sql('ALTER TABLE public."TtsJob" DROP CONSTRAINT never')
    await service.ended(crashing)

    service.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'I refuse %%', NEW.phrases; END $$"
    )
    service.sql('CREATE TRIGGER refuse BEFORE INSERT ON public."TtsJob" FOR EACH ROW EXECUTE FUNCTION refuse()')
    assert_problem(await generate(service, _phrases("crash"), "crash"), 500)
    service.sql('DROP TRIGGER refuse ON public."TtsJob"')


async def _the_upstream_refuses_the_key(service: Service, upstream: SpeechServer) -> None:
    service.add_deck("key", ["key"])
    body = json.dumps({"error": {"message": f"Incorrect API key {API_KEY} for {TEXT}", "code": API_KEY}})
    upstream.fail("answer", status=401, body=body)
    job = await service.ended(await service.post("key", _phrases("key")))
    assert job["status"] == "failed"
    upstream.heal()
