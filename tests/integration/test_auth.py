"""Who gets in: each way to bring no token, a wrong one, or one that is not for us."""

import hashlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
import pytest_asyncio

from tests.postgres import Postgres
from tests.service import SECRET, Answer, Service, phrases, token
from tests.shared_api import (
    GENERATE,
    assert_problem,
    assert_unauthorized,
    body_of,
    forged_token,
    nothing_queued,
    request,
    shared_api,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

HS256 = '{"alg": "HS256", "typ": "JWT"}'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(
    postgres: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    async with shared_api(postgres, migrated_template, tmp_path_factory.mktemp("auth")) as service:
        service.add_deck("deck-1", ["card-1"])
        yield service
        assert "error of ours" not in service.log("api")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def strict_api(
    postgres: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """An API that takes only its own issuer's tokens, for itself, with the user in another claim."""
    settings = {"JWT_AUDIENCE": "tts", "JWT_ISSUER": "memolist", "JWT_USER_CLAIM": "userId"}
    async with shared_api(postgres, migrated_template, tmp_path_factory.mktemp("strict"), **settings) as service:
        service.add_deck("deck-1", ["card-1"])
        yield service


async def post(api: Service, authorization: str | None) -> Answer:
    """A good body, with what is given as its authorization."""
    headers = {"Content-Type": "application/json"}
    if authorization is not None:
        headers["Authorization"] = authorization
    return await request(api, "POST", GENERATE, body_of(phrases(["card-1"])), user=None, **headers)


def claims(**changed: Any) -> str:
    """Good claims but for what is changed; a claim changed to `...` is left out."""
    given = {"sub": "anna", "exp": int(time.time()) + 60} | changed
    return json.dumps({name: value for name, value in given.items() if value is not ...})


async def test_no_token_is_a_401(api: Service) -> None:
    with nothing_queued(api):
        assert_unauthorized(await post(api, None))
        assert_unauthorized(await request(api, "GET", "/api/tts/status/x", user=None))


@pytest.mark.parametrize(
    "scheme", ["Basic {}", "Token {}", "{}", "Bearer", "Bearer ", "Bearer{}", "Bearer {0} {0}", ""]
)
async def test_another_scheme_is_a_401(api: Service, scheme: str) -> None:
    with nothing_queued(api):
        assert_unauthorized(await post(api, scheme.format(token("anna"))))


@pytest.mark.parametrize("scheme", ["Bearer {}", "bearer {}", "BEARER   {}"])
async def test_the_name_of_the_scheme_may_be_written_in_each_way_that_http_allows(api: Service, scheme: str) -> None:
    assert (await post(api, scheme.format(token("anna")))).status == 202


def _wrong_tokens() -> dict[str, str]:
    good = forged_token(HS256, claims())
    header, payload, signature = good.split(".")
    unsigned = forged_token('{"alg": "none"}', claims()).rpartition(".")[0]
    return {
        "a word": "x",
        "two dots": "..",
        "a thousand dots": "." * 1_000,
        "beyond ASCII": "é.é.é",
        "no signature": f"{header}.{payload}.",
        "no signature and no dot": f"{header}.{payload}",
        "half a signature": good[:-10],
        "a changed signature": f"{header}.{payload}.{'A' * len(signature)}",
        "claims of another": f"{header}.{forged_token(HS256, claims(sub='bob')).split('.')[1]}.{signature}",
        "another's secret": forged_token(HS256, claims(), secret="a secret of somebody else that is long as well"),
        "an empty secret": forged_token(HS256, claims(), secret=""),
        "the algorithm none": f"{unsigned}.",
        "the algorithm none, signed": forged_token('{"alg": "none"}', claims()),
        "the algorithm NoNe": forged_token('{"alg": "NoNe"}', claims()),
        "HS512, well signed": forged_token('{"alg": "HS512"}', claims(), hashlib.sha512),
        "HS384, well signed": forged_token('{"alg": "HS384"}', claims(), hashlib.sha384),
        "RS256, signed with our secret": forged_token('{"alg": "RS256"}', claims()),
        "ES256, signed with our secret": forged_token('{"alg": "ES256"}', claims()),
        "no algorithm": forged_token('{"typ": "JWT"}', claims()),
        "a list as algorithm": forged_token('{"alg": ["HS256"]}', claims()),
        "null as algorithm": forged_token('{"alg": null}', claims()),
        "an extension that nobody knows": forged_token('{"alg": "HS256", "crit": ["x"], "x": 1}', claims()),
        "claims beside the token": forged_token('{"alg": "HS256", "b64": false, "crit": ["b64"]}', claims()),
        "a number as key id": forged_token('{"alg": "HS256", "kid": 7}', claims()),
        "a list as header": forged_token("[]", claims()),
        "a header that is not JSON": forged_token("{", claims()),
        "a header that is not UTF-8": forged_token(b'{"alg": "HS256", "x": "\xff"}', claims()),
        "a header of a thousand brackets": forged_token("[" * 1_000 + "]" * 1_000, claims()),
        "a header of ten thousand brackets": forged_token('{"alg": ' + "[" * 10_000 + "]" * 10_000 + "}", claims()),
        "a header of a huge number": forged_token('{"alg": ' + "9" * 10_000 + "}", claims()),
        "claims of ten thousand brackets": forged_token(HS256, "[" * 10_000 + "]" * 10_000),
        "claims of a huge number": forged_token(HS256, '{"sub": "anna", "exp": ' + "9" * 10_000 + "}"),
        "claims that are not JSON": forged_token(HS256, "anna"),
        "claims that are a list": forged_token(HS256, '["sub", "exp"]'),
        "claims that are null": forged_token(HS256, "null"),
        "expired": forged_token(HS256, claims(exp=int(time.time()) - 60)),
        "expired in 1970": forged_token(HS256, claims(exp=0)),
        "not yet valid": forged_token(HS256, claims(nbf=int(time.time()) + 300)),
        "issued in the future": forged_token(HS256, claims(iat=int(time.time()) + 300)),
        "never expiring": forged_token(HS256, claims(exp=...)),
        "null as its end": forged_token(HS256, claims(exp=None)),
        "a word as its end": forged_token(HS256, claims(exp="tomorrow")),
        "a list as its end": forged_token(HS256, claims(exp=[1])),
        "an infinite end": forged_token(HS256, claims(exp=float("inf"))),
        "an end that is no number": forged_token(HS256, claims(exp=float("nan"))),
        "an object as its beginning": forged_token(HS256, claims(nbf={})),
        "no user": forged_token(HS256, claims(sub=...)),
        "null as user": forged_token(HS256, claims(sub=None)),
        "an empty user": forged_token(HS256, claims(sub="")),
        "a number as user": forged_token(HS256, claims(sub=7)),
        "true as user": forged_token(HS256, claims(sub=True)),
        "a list as user": forged_token(HS256, claims(sub=["anna"])),
        "a user with a NUL": forged_token(HS256, claims(sub="anna\0")),
        "half a surrogate pair as user": forged_token(HS256, claims(sub="\ud800")),
    }


@pytest.mark.parametrize("name", _wrong_tokens())
async def test_a_wrong_token_is_a_401(api: Service, name: str) -> None:
    wrong = _wrong_tokens()[name]  # made now: all but what is wrong with it must be good
    with nothing_queued(api):
        problem = assert_unauthorized(await post(api, f"Bearer {wrong}"))

    assert wrong not in problem["detail"] or name == "a word"


@pytest.mark.parametrize("name", ["the algorithm none", "expired", "no user"])
async def test_a_wrong_token_is_a_401_for_a_job_s_status_too(api: Service, name: str) -> None:
    answer = await request(api, "GET", "/api/tts/status/x", user=None, Authorization=f"Bearer {_wrong_tokens()[name]}")

    assert_unauthorized(answer)


async def test_half_a_minute_of_a_wrong_clock_is_forgiven(api: Service) -> None:
    def off_by(claim: str, seconds: int) -> str:
        return f"Bearer {forged_token(HS256, claims(**{claim: int(time.time()) + seconds}))}"

    for claim, seconds in (("exp", -20), ("nbf", 20), ("iat", 20)):
        assert (await post(api, off_by(claim, seconds))).status == 202, claim
    for claim, seconds in (("exp", -31), ("nbf", 40)):
        assert_unauthorized(await post(api, off_by(claim, seconds)))


async def test_an_expired_token_is_told_apart(api: Service) -> None:
    problem = assert_unauthorized(await post(api, f"Bearer {_wrong_tokens()['expired']}"))

    assert "expired" in problem["detail"]


@pytest.mark.parametrize(
    "more",
    [
        {"aud": "somebody"},
        {"aud": ["a", "b"]},
        {"iss": "somebody"},
        {"jti": 7},
        {"jti": "x"},
        {"iat": 0, "nbf": 0},
        {"exp": 253_402_300_800},
        {"exp": 4_102_444_800.5},
        {"sub": "anna", "role": {"deep": [1, None]}},
    ],
)
async def test_claims_that_nobody_asked_for_do_no_harm(api: Service, more: dict[str, Any]) -> None:
    assert (await post(api, f"Bearer {forged_token(HS256, claims(**more))}")).status == 202


async def test_the_user_of_the_token_is_who_asks(api: Service) -> None:
    with nothing_queued(api):
        assert_problem(await api.send(body_of(phrases(["card-1"])), user="Anna"), 403)
        assert_problem(await api.send(body_of(phrases(["card-1"])), user=" anna"), 403)
        assert_problem(await api.send(body_of(phrases(["card-1"])), user="é😀"), 403)


STRICT = {"userId": "anna", "sub": "bob", "aud": "tts", "iss": "memolist"}


@pytest.mark.parametrize("changed", [{}, {"aud": ["web", "tts"]}, {"sub": 7}, {"sub": ...}])
async def test_the_audience_the_issuer_and_the_claim_of_the_settings_get_in(
    strict_api: Service, changed: dict[str, Any]
) -> None:
    answer = await post(strict_api, f"Bearer {forged_token(HS256, claims(**STRICT | changed))}")

    assert answer.status == 202, answer
    owner = strict_api.sql('SELECT "userId" FROM public."TtsJob" WHERE id = %s', answer.body["jobId"])
    assert owner == [("anna",)]


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "web"},
        {"aud": ["web"]},
        {"aud": []},
        {"aud": None},
        {"aud": 7},
        {"aud": {"tts": 1}},
        {"aud": ...},
        {"iss": "somebody"},
        {"iss": "memo"},
        {"iss": ["memolist"]},
        {"iss": None},
        {"iss": ...},
        {"userId": ..., "sub": "anna"},
        {"userId": ""},
        {"userId": 7},
        {"userId": ["anna"]},
    ],
)
async def test_another_audience_issuer_or_claim_is_a_401(strict_api: Service, changed: dict[str, Any]) -> None:
    with nothing_queued(strict_api):
        assert_unauthorized(await post(strict_api, f"Bearer {forged_token(HS256, claims(**STRICT | changed))}"))


async def test_a_token_made_by_a_library_gets_in(api: Service) -> None:
    made = jwt.encode({"sub": "anna", "exp": time.time() + 60, "iat": time.time()}, SECRET, "HS256")

    assert (await post(api, f"Bearer {made}")).status == 202


async def test_health_readiness_and_schema_ask_for_no_token(api: Service) -> None:
    for path in ("/health", "/ready", "/schema", "/schema/openapi.json"):
        assert (await request(api, "GET", path, user=None)).status == 200
