"""The OpenAPI document says what is, and its page loads nothing from another host."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from tests.postgres import Postgres
from tests.service import Service
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
async def test_the_page_is_html_and_refers_to_no_other_host(api: Service, path: str) -> None:
    answer = await api.get(path, user=None)

    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    page = answer.body.decode()
    assert page.startswith("<!doctype html>")
    assert not re.findall(r"https?:|//[a-z]", page)
    assert "<script" not in page
    for word in ("/api/tts/generate", "/api/tts/status/{job_id}", "/health", "/ready", "Authorization: Bearer"):
        assert word in page


async def test_the_document_lists_every_route_once(document: dict[str, Any]) -> None:
    operations = {(path, method): operation for path, method, operation in _operations(document)}

    assert operations.keys() == {
        ("/api/tts/generate", "post"),
        ("/api/tts/status/{job_id}", "get"),
        ("/health", "get"),
        ("/ready", "get"),
    }
    ids = [operation["operationId"] for operation in operations.values()]
    assert len(set(ids)) == len(ids)


async def test_the_document_is_whole(document: dict[str, Any]) -> None:
    """What OpenAPI 3.1 demands of the parts that are there."""
    assert document["openapi"].startswith("3.1.")
    assert document["info"].keys() >= {"title", "version"}
    for reference in _values_of("$ref", document):
        assert _resolve(reference, document)
    for path, _, operation in _operations(document):
        assert operation["responses"]
        for response in operation["responses"].values():
            assert response["description"]
        declared = {it["name"] for it in operation.get("parameters", []) if it["in"] == "path" and it["required"]}
        assert declared == set(re.findall(r"\{(.+?)\}", path))


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
    generate = document["paths"]["/api/tts/generate"]["post"]["responses"]
    status = document["paths"]["/api/tts/status/{job_id}"]["get"]["responses"]

    assert generate.keys() == {"202", "400", "401", "403", "404", "413", "415", "503"}
    assert status.keys() == {"200", "401", "404", "503"}
    accepted = _schema(generate["202"], "application/json", document)
    assert accepted["properties"].keys() == {"ok", "jobId"}
    job = _resolve(_schema(status["200"], "application/json", document)["properties"]["job"]["$ref"], document)
    assert job["properties"].keys() == set(
        "id status totalPhrases processedCount errorMessage resultUrls createdAt completedAt".split()
    )
    for responses in (generate, status):
        for code, response in responses.items():
            if code >= "400":
                problem = _schema(response, "application/problem+json", document)
                assert problem["properties"].keys() == {"ok", "title", "status", "detail", "errors"}


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


def _values_of(key: str, tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            if name == key:
                yield value
            yield from _values_of(key, value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _values_of(key, value)
