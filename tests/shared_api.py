"""One API process for the tests of a file, the requests that `Service` has no words for, and what every error must look like."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from yarl import URL

from tests.postgres import Postgres
from tests.service import SECRET, Answer, Service, token

PASSWORD = "pass-word-of-the-tests"  # the embedded server asks for none, and takes any
GENERATE = "/api/tts/generate"


@asynccontextmanager
async def shared_api(postgres: Postgres, template: str, folder: Path, **environment: str) -> AsyncIterator[Service]:
    """An API with a database of its own, and with nothing that it should not need: no OpenAI key, no worker."""
    url = postgres.create_database(template)
    try:
        async with Service(with_password(url), folder) as service:
            await service.start_api(**environment)
            yield service
    finally:
        postgres.drop_database(url)


def with_password(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{PASSWORD}@{parts.netloc.rpartition('@')[2]}"))


async def request(
    service: Service, method: str, path: str, data: Any = None, user: str | None = "anna", **headers: str
) -> Answer:
    """Any request at all. The path goes out as it is; a generator goes out in chunks."""
    if user is not None:
        headers = {"Authorization": f"Bearer {token(user)}"} | headers
    url = URL(service.url + path, encoded=True)
    async with (
        aiohttp.ClientSession() as http,
        # Without this, aiohttp would add the Content-Type that a test leaves out.
        http.request(method, url, data=data, headers=headers, skip_auto_headers=["Content-Type"]) as answer,
    ):
        content = await answer.read()
        body = json.loads(content) if content and answer.content_type.endswith("json") else content
        return Answer(answer.status, body, answer.headers)


def body_of(phrases: list[Any], deck_id: str = "deck-1", **more: Any) -> bytes:
    """A body for `generate`; characters beyond ASCII are escaped, lone surrogates too."""
    return json.dumps({"deckId": deck_id, "phrases": phrases} | more).encode()


def assert_problem(answer: Answer, status: int) -> dict[str, Any]:
    """That it is an error as the contract has it. Returns its body."""
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.body
    assert problem.keys() - {"errors"} == {"ok", "title", "status", "detail"}
    assert problem["ok"] is False
    assert problem["status"] == status
    assert problem["title"] == HTTPStatus(status).phrase
    assert problem["detail"]
    assert problem["detail"] != problem["title"]
    for error in problem.get("errors", []):
        assert error.keys() == {"index", "cardId", "message"}
    return problem


def assert_unauthorized(answer: Answer) -> dict[str, Any]:
    problem = assert_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    return problem


@contextmanager
def nothing_queued(service: Service) -> Iterator[None]:
    """That what happens inside leaves no row behind, and no file."""
    before = rows(service)
    yield
    assert rows(service) == before
    assert not service.storage.exists()


def rows(service: Service) -> dict[str, int]:
    """How many jobs there are in each of the three tables that know of one."""
    tables = ('public."TtsJob"', "tts.job", "tts.procrastinate_jobs")
    return {table: service.sql(f"SELECT count(*) FROM {table}")[0][0] for table in tables}


def forged_token(header: str | bytes, claims: str, digest: Any = hashlib.sha256, secret: str = SECRET) -> str:
    """A token of any header and claims, JSON or not, signed by HMAC."""
    signed = f"{_base64url(header if isinstance(header, bytes) else header.encode())}.{_base64url(claims.encode())}"
    return f"{signed}.{_base64url(hmac.digest(secret.encode(), signed.encode(), digest))}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
