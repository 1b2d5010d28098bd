"""Tokens of an issuer with a key pair: how its users get in, and every way in which somebody else does not."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import PublicFormat

from tests.jwks_server import JwksServer, KeyPair, assembled, base64url, key_pair
from tests.postgres import Postgres
from tests.service import GIVE_UP_SECONDS, Answer, Service
from tests.shared_api import GENERATE, assert_problem, assert_unauthorized, request

pytestmark = pytest.mark.asyncio(loop_scope="module")

RSA, ELLIPTIC = key_pair("one"), key_pair("curve", "ES256")
STRANGER = {"RS256": key_pair("stranger"), "ES256": key_pair("stranger's curve", "ES256")}
SOURCES = {"RSA key": RSA, "EC key": ELLIPTIC, "RSA key set": RSA, "EC key set": ELLIPTIC}
PATH = "/api/tts/status/nothing"


class IssuerService(Service):
    """A service whose API has an issuer, and no secret."""

    async def _start(self, module: str, **environment: str) -> asyncio.subprocess.Process:
        return await super()._start(module, **environment | {"JWT_SECRET": ""})


@asynccontextmanager
async def issuer_api(database_url: str, folder: Path, **environment: str) -> AsyncIterator[Service]:
    folder.mkdir()
    async with IssuerService(database_url, folder) as service:
        await service.start_api(**environment)
        yield service


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def issuer() -> AsyncIterator[JwksServer]:
    async with JwksServer([RSA.jwk(), ELLIPTIC.jwk()]) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def apis(
    issuer: JwksServer, postgres: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, Service]]:
    """One for each source of keys. What they wrote while they were attacked is nothing."""
    environments = {
        "RSA key": {"JWT_ALGORITHM": "RS256", "JWT_PUBLIC_KEY": RSA.pem()},
        "EC key": {"JWT_ALGORITHM": "es256", "JWT_PUBLIC_KEY": ELLIPTIC.pem().replace("\n", "\\n")},
        "RSA key set": {"JWT_ALGORITHM": "RS256", "JWT_JWKS_URL": issuer.url},
        "EC key set": {"JWT_ALGORITHM": "ES256", "JWT_JWKS_URL": issuer.url},
    }
    url = postgres.create_database(migrated_template)
    folder = tmp_path_factory.mktemp("issuers")
    try:
        async with AsyncExitStack() as stack:
            starting = (
                stack.enter_async_context(issuer_api(url, folder / name, **environment))
                for name, environment in environments.items()
            )
            services = dict(zip(environments, [await service for service in starting], strict=True))
            yield services
            for service in services.values():
                assert "Traceback" not in service.log("api")
                assert [line for line in service.log("api").splitlines() if "[info" not in line] == []
    finally:
        postgres.drop_database(url)


async def ask(api: Service, token: str) -> Answer:
    return await request(api, "GET", PATH, user=None, Authorization=f"Bearer {token}")


async def assert_in(api: Service, token: str) -> None:
    """That its bearer is told that there is no such job."""
    assert_problem(await ask(api, token), 404)


def claims(**changed: Any) -> dict[str, Any]:
    given = {"sub": "anna", "exp": int(time.time()) + 60} | changed
    return {name: value for name, value in given.items() if value is not ...}


@pytest.mark.parametrize("source", SOURCES)
async def test_the_issuer_s_users_get_in(apis: dict[str, Service], source: str) -> None:
    pair = SOURCES[source]

    await assert_in(apis[source], pair.token())
    await assert_in(apis[source], jwt.encode(claims(), pair.private, pair.algorithm, {"kid": pair.key_id}))


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    "header", [{"kid": ...}, {"typ": "at+jwt"}, {"typ": ...}, {"x": [1]}, {"x5t": "AA"}, {"x5c": ["AA"]}, {"jwk": {}}]
)
async def test_headers_that_say_nothing_to_us_do_no_harm(
    apis: dict[str, Service], source: str, header: dict[str, Any]
) -> None:
    await assert_in(apis[source], SOURCES[source].token(**header))


@pytest.mark.parametrize("source", ["RSA key", "EC key"])
async def test_an_only_key_may_have_any_name(apis: dict[str, Service], source: str) -> None:
    await assert_in(apis[source], SOURCES[source].token(kid="../../é"))


@pytest.mark.parametrize("source", SOURCES)
async def test_of_two_equal_names_the_last_counts_as_in_every_json_reader(
    apis: dict[str, Service], source: str
) -> None:
    pair = SOURCES[source]
    header = f'{{"alg": "none", "alg": "{pair.algorithm}", "kid": "x", "kid": "{pair.key_id}"}}'
    twice = f'{{"sub": 7, "sub": "anna", "exp": 1, "exp": {int(time.time()) + 60}}}'

    await assert_in(apis[source], pair.forged(header, twice))
    for bad in (f'{{"alg": "{pair.algorithm}", "alg": "none"}}', f'{{"alg": "{pair.algorithm}", "kid": 7}}'):
        assert_unauthorized(await ask(apis[source], pair.forged(bad, claims_text())))
    assert_unauthorized(
        await ask(apis[source], pair.forged({"kid": pair.key_id}, '{"exp": 9e9, "sub": "a", "sub": 7}'))
    )


def claims_text() -> str:
    return json.dumps(claims())


def with_hmac(key: str | bytes, digest: Any = hashlib.sha256) -> Callable[[bytes], bytes]:
    secret = key.encode() if isinstance(key, str) else key
    return lambda signed: hmac.digest(secret, signed, digest)


def confused(pair: KeyPair) -> Iterator[tuple[str, str]]:
    """What everybody knows of the key pair, taken for a secret."""
    public = pair.jwk()
    number = public.get("n") or public["x"]
    secrets = {
        "the PEM": pair.pem(),
        "the PEM without its last line break": pair.pem().strip(),
        "the PEM on one line": pair.pem().replace("\n", "\\n"),
        "the DER": pair.der(),
        "the number": number,
        "the number's bytes": jwt.utils.base64url_decode(number),
        "the JWK": json.dumps(public),
        "the key set": json.dumps({"keys": [public]}),
        "the key's name": pair.key_id,
        "nothing": "",
    }
    if pair.algorithm == "RS256":
        secrets["the PEM of PKCS 1"] = pair.pem(PublicFormat.PKCS1)
    for name, secret in secrets.items():
        for algorithm in ("HS256", pair.algorithm):
            header = json.dumps({"alg": algorithm, "kid": pair.key_id})
            yield f"{algorithm} with {name}", assembled(header, claims_text(), with_hmac(secret))


def signed_otherwise(pair: KeyPair) -> Iterator[tuple[str, str]]:
    """With the right key, in a way that the settings do not name."""
    for algorithm in ["RS384", "RS512", "PS256"] if pair.algorithm == "RS256" else []:
        sign = replace(pair, algorithm=algorithm).sign
        for named in (algorithm, pair.algorithm):
            header = json.dumps({"alg": named, "kid": pair.key_id})
            yield f"{algorithm} named {named}", assembled(header, claims_text(), sign)
    names: list[Any] = ["none", "None", "NONE", "nOnE", "", None, [], ["none"], {}, 0, pair.algorithm.lower(), "RS256 "]
    for name in names:
        header = json.dumps({"alg": name, "kid": pair.key_id})
        yield f"the algorithm {name!r}, unsigned", assembled(header, claims_text(), lambda _: b"")
        yield f"the algorithm {name!r}, signed", assembled(header, claims_text(), pair.sign)
    yield "no algorithm", pair.forged({"alg": ..., "kid": pair.key_id}, claims())


def broken_signatures(pair: KeyPair) -> Iterator[tuple[str, str]]:
    good = pair.token()
    start, _, signature = good.rpartition(".")
    raw = jwt.utils.base64url_decode(signature)
    changed = {
        "none": b"",
        "zeros": bytes(len(raw)),
        "ones": b"\xff" * len(raw),
        "half": raw[: len(raw) // 2],
        "more": raw + b"\0",
        "zeros before": b"\0" + raw,
        "another's": STRANGER[pair.algorithm].sign(start.encode()),
        "of other claims": pair.sign(b"x.y"),
    }
    if pair.algorithm == "ES256":
        changed["as DER"] = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    for name, other in changed.items():
        yield f"a signature: {name}", f"{start}.{base64url(other)}"
    yield "five parts", f"{good}.{signature}.{signature}"
    yield "no parts", good.replace(".", "")
    yield "a space inside", f"{good[:30]} {good[30:]}"
    yield "a plus for a minus", good.replace("-", "+").replace("_", "/") + "="
    yield "JSON", json.dumps({"payload": good.split(".")[1], "signature": signature})


def names_of_keys(pair: KeyPair) -> Iterator[tuple[str, str]]:
    """Signed by a stranger, who hopes that the name leads to a key of theirs; and names that are none."""
    stranger = STRANGER[pair.algorithm]
    names = [pair.key_id, "../../../../dev/null", "/etc/passwd", "' OR '1'='1", "'; DROP TABLE x; --", "x" * 9_000, "",
             "\0", "é😀", "\ud800", "http://127.0.0.1/jwks.json", "${jndi:ldap://x}", "|id", "%00"]  # fmt: skip
    for name in names:
        yield f"the key {name[:30]!r}", stranger.forged({"kid": name}, claims())
        header = json.dumps({"alg": pair.algorithm, "kid": name})
        yield f"the key {name[:30]!r}, with an empty secret", assembled(header, claims_text(), with_hmac(""))
    odd_names: list[Any] = [None, 7, True, [], ["one"], {}, {"one": "one"}, 1e400]
    for odd in odd_names:
        yield f"the key {odd!r}", pair.forged({"kid": odd}, claims())


def keys_brought_along(pair: KeyPair, url: str) -> Iterator[tuple[str, str]]:
    stranger = STRANGER[pair.algorithm]
    elsewhere = url.replace("jwks.json", "elsewhere")
    for header in (
        {"jku": elsewhere},
        {"x5u": elsewhere},
        {"jwk": stranger.jwk()},
        {"x5c": [base64url(stranger.der())]},
        {"jku": elsewhere, "jwk": stranger.jwk(), "x5u": elsewhere, "iss": elsewhere},
    ):
        for key_id in (stranger.key_id, pair.key_id, ...):
            named = "no kid" if key_id is ... else key_id
            yield f"{'+'.join(header)} and {named}", stranger.forged({**header, "kid": key_id}, claims())


def extensions(pair: KeyPair) -> Iterator[tuple[str, str]]:
    headers: list[dict[str, Any]] = [
        {"crit": ["exp"]},
        {"crit": ["x"], "x": 1},
        {"crit": []},
        {"crit": None},
        {"crit": "b64", "b64": True},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"crit": [["b64"]], "b64": False},
    ]
    for header in headers:
        yield f"the header {header}", pair.forged({**header, "kid": pair.key_id}, claims())
    signed = f"{base64url(json.dumps({'alg': pair.algorithm, 'b64': False, 'crit': ['b64']}).encode())}.{claims_text()}"
    yield "claims that are not encoded", f"{signed}.{base64url(pair.sign(signed.encode()))}"


def bad_claims(pair: KeyPair) -> Iterator[tuple[str, str]]:
    now = int(time.time())
    no_dates: list[Any] = [str(now + 60), None, "x", "", True, [], [now + 60], {}, *map(float, ("nan", "inf", "-inf"))]
    no_users: list[Any] = [..., None, "", 7, 0, True, ["anna"], {"id": "anna"}, "anna\0", "\0", "\ud800"]
    changes: list[dict[str, Any]] = [
        *({"exp": late} for late in (0, -1, -1e300, now - 31, now - 3_600.5)),
        *({name: odd} for name in ("exp", "nbf", "iat") for odd in no_dates),
        *({name: late} for name in ("nbf", "iat") for late in (now + 300, 1e300)),
        *({"sub": odd} for odd in no_users),
        {"exp": ...},
    ]
    for change in changes:
        yield f"the claim {change}", pair.forged({"kid": pair.key_id}, claims(**change))
    for text in (
        '{"sub": "anna", "exp": 1e400}',
        '{"sub": "anna", "exp": -1e400}',
        f'{{"sub": "anna", "exp": {"9" * 5_000}}}',
        '{"sub": "anna", "exp": ' + "[" * 5_000 + "]" * 5_000 + "}",
        "[]",
        "null",
        "anna",
        "",
        '{"sub": "anna"',
        '{"sub": "anna", "exp": 9e9} {}',
    ):
        yield f"the claims {text[:40]}", pair.forged({"kid": pair.key_id}, text)


def long_tokens(pair: KeyPair) -> Iterator[tuple[str, str]]:
    yield "a long claim", pair.forged({"kid": pair.key_id}, claims(x="x" * 20_000))
    yield "a long header", pair.forged({"kid": pair.key_id, "x": "x" * 20_000}, claims())
    yield "a long signature", pair.token() + "A" * 20_000
    yield "many parts", "." * 60_000
    yield "brackets", pair.forged("[" * 5_000, claims())
    yield "a megabyte", "e" * 1_000_000


KINDS: list[Callable[[KeyPair], Iterator[tuple[str, str]]]] = [
    confused,
    signed_otherwise,
    broken_signatures,
    names_of_keys,
    extensions,
    bad_claims,
    long_tokens,
]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_every_attack_is_a_quiet_401(
    apis: dict[str, Service], source: str, kind: Callable[[KeyPair], Iterator[tuple[str, str]]]
) -> None:
    answers = [(name, token, await raw(apis[source], f"Bearer {token}".encode("latin-1", "replace")))
               for name, token in kind(SOURCES[source])]  # fmt: skip

    assert [(name, answer) for name, _, answer in answers if not is_unauthorized(answer)] == []
    log = apis[source].log("api")
    assert not [name for name, token, _ in answers if token and token[-40:] in log]


@pytest.mark.parametrize("source", SOURCES)
async def test_keys_that_a_token_brings_along_are_never_used_nor_fetched(
    apis: dict[str, Service], issuer: JwksServer, source: str
) -> None:
    for name, token in keys_brought_along(SOURCES[source], issuer.url):
        assert_unauthorized(await ask(apis[source], token)), name
    await assert_in(
        apis[source], SOURCES[source].token(jku=issuer.url.replace("jwks", "x"), jwk=STRANGER["RS256"].jwk())
    )

    assert issuer.asked_elsewhere == 0


async def test_all_of_these_attacks_cost_the_issuer_next_to_nothing(
    apis: dict[str, Service], issuer: JwksServer
) -> None:
    began, asked = time.monotonic(), issuer.asked
    for number in range(100):
        for source in ("RSA key set", "EC key set"):
            assert_unauthorized(await ask(apis[source], SOURCES[source].token(kid=f"unknown-{number}")))
            await assert_in(apis[source], SOURCES[source].token())

    # Both may ask once in 30 seconds, and once after 5 where this is the first that they hear of any key.
    seconds = time.monotonic() - began
    assert issuer.asked - asked <= 2 * (1 + (seconds >= 5) + max(seconds - 5, 0) // 30)


# The header itself


async def raw(api: Service, *authorization: bytes) -> bytes:
    """The answer to a request with these headers as they are."""
    host, port = api.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    headers = b"".join(b"Authorization: " + value + b"\r\n" for value in authorization)
    writer.write(b"GET " + PATH.encode() + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + b"\r\n")
    async with asyncio.timeout(GIVE_UP_SECONDS):
        answer = await reader.read()
    writer.close()
    return answer


def is_unauthorized(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    return (
        head.startswith(b"HTTP/1.1 401 ")
        and b"\r\nwww-authenticate: Bearer\r\n" in head
        and b"application/problem+json" in head
        and json.loads(body)["ok"] is False
    )


async def test_one_header_is_the_rule(apis: dict[str, Service]) -> None:
    good = f"Bearer {RSA.token()}".encode()
    other = f"Bearer {STRANGER['RS256'].token()}".encode()
    api = apis["RSA key"]

    assert (await raw(api, good)).startswith(b"HTTP/1.1 404 ")
    for headers in (
        [good, good],
        [good, other],
        [other, good],
        [good, b""],
        [b"Basic YTpi", good],
        [good, b"Basic YTpi"],
    ):
        assert is_unauthorized(await raw(api, *headers)), headers
    for header in (good + b", " + good, good + b",", good + b" x", b"", b"Bearer", b"Bearer\t" + good[7:],
                   good.replace(b"Bearer", b"Basic"), good.replace(b"Bearer", b"DPoP"), good[7:], b"Bearer=" + good[7:],
                   b"Bearer \xc3\xa9\xff", b"Bearer " + good, b'Bearer "' + good[7:] + b'"'):  # fmt: skip
        assert is_unauthorized(await raw(api, header)), header


async def test_a_token_in_the_address_or_in_a_cookie_is_none(apis: dict[str, Service]) -> None:
    token = RSA.token()

    assert_unauthorized(await request(apis["RSA key"], "GET", f"{PATH}?access_token={token}&token={token}", user=None))
    assert_unauthorized(
        await request(apis["RSA key"], "GET", PATH, user=None, Cookie=f"token={token}; Authorization={token}")
    )


# While the issuer is away


async def test_an_api_whose_issuer_is_away_says_so_and_lets_in_when_it_is_back(
    postgres: Postgres, migrated_template: str, tmp_path: Path
) -> None:
    url = postgres.create_database(migrated_template)
    try:
        async with (
            JwksServer([RSA.jwk()], fault="server error") as issuer,
            issuer_api(url, tmp_path / "api", JWT_ALGORITHM="RS256", JWT_JWKS_URL=issuer.url) as api,
        ):
            assert (await api.get("/ready", user=None)).status == 200
            assert issuer.asked == 0
            began = time.monotonic()
            for token in (RSA.token(), STRANGER["RS256"].token()):
                answer = await ask(api, token)
                assert_problem(answer, 503)
                assert answer.headers["Retry-After"] == "5"
            assert_unauthorized(await ask(api, "x"))
            assert_unauthorized(await ask(api, RSA.token(alg="none")))
            in_vain = issuer.asked
            assert 1 <= in_vain <= 1 + (time.monotonic() - began) // 5  # it may ask once in 5 seconds
            issuer.fault = ""

            async with asyncio.timeout(GIVE_UP_SECONDS):
                status = 503
                while status == 503:
                    await asyncio.sleep(0.2)
                    came_back_at = time.monotonic()
                    status = (await ask(api, RSA.token())).status

            await assert_in(api, RSA.token())
            assert_unauthorized(await ask(api, STRANGER["RS256"].token()))
            bearer = {"Authorization": f"Bearer {RSA.token()}"}
            assert_problem(await request(api, "POST", GENERATE, b"", user=None, **bearer), 415)
            asked_since = issuer.asked - in_vain
            assert 1 <= asked_since <= 1 + (time.monotonic() - came_back_at) // 5, "all routes share the keys"
            assert api.log("api").count("cannot be fetched") == in_vain
            assert "Traceback" not in api.log("api")
    finally:
        postgres.drop_database(url)
