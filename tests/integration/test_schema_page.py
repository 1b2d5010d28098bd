"""The OpenAPI document says what is, and its page loads nothing from another host."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from html import unescape
from typing import Any

import pytest
import pytest_asyncio
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from tests.event_stream import watching
from tests.job_control import cancel
from tests.postgres import Postgres
from tests.service import Service, phrases
from tests.shared_api import shared_api

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(
    postgres: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    async with shared_api(postgres, migrated_template, tmp_path_factory.mktemp("schema")) as service:
        yield service


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def document(api: Service) -> dict[str, Any]:
    answer = await api.get("/schema/openapi.json", user=None)
    assert answer.status == 200
    body: dict[str, Any] = answer.body
    return body


@pytest.mark.parametrize("path", ["/schema", "/schema/"])
async def test_the_page_is_html_and_loads_nothing_from_another_host(api: Service, path: str) -> None:
    answer = await api.get(path, user=None)

    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    page = answer.body.decode()
    assert page.startswith("<!doctype html>")
    assert not re.findall(r"<script|<iframe|<img|\bsrc\s*=|url\(|@import", page)
    assert all(link.startswith(("#", "/", "data:,")) for link in re.findall(r'href\s*=\s*"(.*?)"', page))


async def test_the_page_shows_every_route_with_its_parameters_and_examples(
    api: Service, document: dict[str, Any]
) -> None:
    page = unescape((await api.get("/schema", user=None)).body.decode())

    for path, method, operation in _operations(document):
        assert f"{method.upper()} {path}" in page
        for parameter in operation.get("parameters", []):
            assert parameter["name"] in page
    assert '"jobId": "3f1d6c1e-8a4b-4b0e-9a39-0d3a5f6f7c21"' in page
    assert "the deck has no such card" in page
    assert page.count("Authorization: Bearer <jwt>.") >= 8


async def test_the_document_lists_every_route_once(document: dict[str, Any]) -> None:
    operations = {(path, method): operation for path, method, operation in _operations(document)}

    assert operations.keys() == {
        ("/api/tts/generate", "post"),
        ("/api/tts/estimate", "post"),
        ("/api/tts/status/{job_id}", "get"),
        ("/api/tts/jobs", "get"),
        ("/api/tts/jobs/{job_id}", "get"),
        ("/api/tts/jobs/{job_id}/cancel", "post"),
        ("/api/tts/jobs/{job_id}/retry", "post"),
        ("/api/tts/jobs/{job_id}/events", "get"),
        ("/health", "get"),
        ("/ready", "get"),
    }
    ids = [operation["operationId"] for operation in operations.values()]
    assert len(set(ids)) == len(ids)


async def test_the_document_is_openapi(document: dict[str, Any]) -> None:
    validate(document)

    for path, _, operation in _operations(document):
        declared = {it["name"] for it in operation.get("parameters", []) if it["in"] == "path" and it["required"]}
        assert declared == set(re.findall(r"\{(.+?)\}", path))


async def test_every_answer_with_a_body_has_an_example_that_fits(document: dict[str, Any]) -> None:
    for _, _, operation in _operations(document):
        for response in operation["responses"].values():
            for media_type, content in response.get("content", {}).items():
                assert content["examples"]
                for example in content["examples"].values():
                    _check(example["value"], content["schema"], document)
                    if media_type == "text/event-stream":
                        _check_event(example["value"], content["schema"], document)


async def test_the_example_of_generate_is_taken(api: Service, document: dict[str, Any]) -> None:
    content = document["paths"]["/api/tts/generate"]["post"]["requestBody"]["content"]["application/json"]
    [example] = content["examples"].values()
    _check(example["value"], content["schema"], document)
    api.add_deck("deck-id-123", ["card-id-456", "card-id-789"])

    assert (await api.send(json.dumps(example["value"]).encode())).status == 202


async def test_events_are_as_documented(api: Service, document: dict[str, Any]) -> None:
    """To their data, which is JSON in a text."""
    stream = document["paths"]["/api/tts/jobs/{job_id}/events"]["get"]["responses"]["200"]["content"]
    api.add_deck("deck-of-events", ["card"])
    job_id = await api.post("deck-of-events", phrases(["card"]))
    entry = {"cardId": "card", "audioUrlEn": None, "audioUrlFr": "http://x/card_fr.mp3", "error": "no voice"}
    names = []
    async with watching(api.url, job_id) as events:
        await events.next()
        api.sql(
            'UPDATE public."TtsJob" SET "processedCount" = 1, "resultUrls" = %s WHERE "id" = %s'
            " RETURNING pg_notify('tts_job', \"id\")",
            json.dumps([entry]),
            job_id,
        )
        while event := await events.next():
            sent = {"event": event.name, "id": event.id, "data": json.dumps(event.data)}
            _check_event(sent, stream["text/event-stream"]["schema"], document)
            names.append(event.name)
            if len(names) == 1:
                await cancel(api, job_id)

    assert names[0] == "progress"
    assert names[-1] == "end"


async def test_every_parameter_says_what_it_is_and_its_limits(document: dict[str, Any]) -> None:
    parameters = {it["name"]: it for _, _, operation in _operations(document) for it in operation.get("parameters", [])}

    assert all(parameter["description"] for parameter in parameters.values())
    assert {(it["in"], name) for name, it in parameters.items()} == {
        ("path", "job_id"),
        ("header", "Idempotency-Key"),
        ("header", "Last-Event-ID"),
        *[("query", name) for name in ("deckId", "status", "limit", "cursor")],
    }
    key, limit, status = (parameters[name]["schema"] for name in ("Idempotency-Key", "limit", "status"))
    assert (key["minLength"], key["maxLength"]) == (1, 255)
    assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, 100, 20)
    assert status == {"type": "string", "enum": ["pending", "processing", "completed", "failed", "cancelled"]}


async def test_only_the_routes_of_jobs_ask_for_a_token(document: dict[str, Any]) -> None:
    [(name, scheme)] = document["components"]["securitySchemes"].items()
    assert scheme == {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}

    for path, _, operation in _operations(document):
        assert operation.get("security", []) == ([{name: []}] if path.startswith("/api/") else [])


async def test_the_body_of_generate_has_the_contract_s_limits(document: dict[str, Any]) -> None:
    body = document["paths"]["/api/tts/generate"]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]

    assert body["required"] is True
    assert schema["required"] == ["deckId", "phrases"]
    assert schema["properties"].keys() == {"deckId", "phrases", "regenerate"}
    phrases = schema["properties"]["phrases"]
    assert (phrases["minItems"], phrases["maxItems"]) == (1, 200)
    assert phrases["items"]["properties"].keys() == {"textEn", "textFr", "cardId"}
    assert phrases["items"]["properties"]["textEn"]["maxLength"] == 4096
    assert phrases["items"]["properties"]["cardId"]["maxLength"] == 128


async def test_the_answers_are_those_that_come(document: dict[str, Any]) -> None:
    answers = {it["operationId"]: " ".join(sorted(it["responses"])) for _, _, it in _operations(document)}

    assert answers == {
        "generate": "202 400 401 403 404 409 413 415 429 503",
        "estimate": "200 400 401 403 404 413 415 503",
        "status": "200 401 404 503",
        "jobs": "200 400 401 503",
        "job": "200 401 404 503",
        "cancel": "202 401 404 409 503",
        "retry": "202 401 403 404 409 429 503",
        "events": "200 204 401 404 503",
        "health": "200",
        "ready": "200 503",
    }


async def test_errors_are_problems_with_the_headers_that_go_with_them(document: dict[str, Any]) -> None:
    headers = {"401": {"WWW-Authenticate"}, "429": {"Retry-After"}, "503": {"Retry-After"}}
    for _, _, operation in _operations(document):
        for code, response in operation["responses"].items():
            if code >= "400":
                problem = _schema(response, "application/problem+json", document)
                assert problem["properties"].keys() == {"ok", "title", "status", "detail", "errors"}
                assert response.get("headers", {}).keys() == headers.get(code, set())


async def test_a_job_has_the_brief_s_fields(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    job = schemas["JobStatus"]

    names = "id status totalPhrases processedCount errorMessage resultUrls createdAt completedAt"
    assert job["properties"].keys() == set(job["required"]) == set(names.split())
    assert job["properties"]["createdAt"]["format"] == "date-time"
    assert schemas["CardUrls"]["required"] == ["audioUrlEn", "audioUrlFr", "cardId"]
    assert schemas["ClipRow"]["properties"].keys() == set(schemas["ClipRow"]["required"])


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _schema(response: dict[str, Any], media_type: str, document: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = response["content"][media_type]["schema"]
    return _resolve(schema["$ref"], document) if "$ref" in schema else schema


def _resolve(reference: str, document: dict[str, Any]) -> dict[str, Any]:
    found = document
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return found


def _check(value: Any, schema: dict[str, Any], document: dict[str, Any]) -> None:
    OAS31Validator({**schema, "components": document["components"]}).validate(value)


def _check_event(event: dict[str, str], schema: dict[str, Any], document: dict[str, Any]) -> None:
    [kind] = [it["properties"] for it in schema["oneOf"] if it["properties"]["event"]["const"] == event["event"]]
    assert event.keys() == kind.keys()
    _check(json.loads(event["data"]), kind["data"]["contentSchema"], document)
