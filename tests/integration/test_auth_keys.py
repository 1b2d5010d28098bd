"""The issuer's key set: when it is fetched and how often, what it may hold, and what happens while the issuer is away."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
import pytest_asyncio
from litestar.exceptions import HTTPException

from api.key_set import KeySet
from api.token_keys import KeysAway, Unauthorized
from tests.jwks_server import FAULTS, SLOW_FAULTS, JwksServer, KeyPair, key_pair
from tests.watching import until

ONE, TWO, THREE = key_pair("one"), key_pair("two"), key_pair("three")
ELLIPTIC = key_pair("curve", "ES256")


@pytest_asyncio.fixture
async def issuer() -> AsyncIterator[JwksServer]:
    async with JwksServer([ONE.jwk()]) as server:
        yield server


def key_set(issuer: JwksServer, **more: Any) -> KeySet:
    return KeySet(issuer.url, "RS256", **more)


async def fits(keys: KeySet, pair: KeyPair, key_id: Any = ...) -> bool:
    found = await keys.find(pair.key_id if key_id is ... else key_id)
    return found == pair.private.public_key()


async def refusal(keys: KeySet, key_id: str | None) -> type[HTTPException]:
    with pytest.raises((Unauthorized, KeysAway)) as refused:
        await keys.find(key_id)
    return refused.type


# When it is fetched


async def test_the_set_is_fetched_at_the_first_token_and_not_before(issuer: JwksServer) -> None:
    keys = key_set(issuer)
    assert issuer.asked == 0

    for _ in range(100):
        assert await fits(keys, ONE)

    assert issuer.asked == 1


async def test_a_hundred_first_tokens_share_one_fetch(issuer: JwksServer) -> None:
    issuer.seconds = 0.1
    keys = key_set(issuer)

    assert all(await asyncio.gather(*(fits(keys, ONE) for _ in range(100))))
    assert issuer.asked == 1


async def test_a_fetch_goes_on_when_who_asked_first_has_left(issuer: JwksServer) -> None:
    issuer.seconds = 0.2
    keys = key_set(issuer)
    first = asyncio.create_task(keys.find("one"))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(fits(keys, ONE))
    await asyncio.sleep(0.05)

    first.cancel()

    assert await second
    assert issuer.asked == 1


async def test_a_new_key_is_found_once_the_pause_is_over(issuer: JwksServer) -> None:
    keys = key_set(issuer, pause_seconds=1)
    assert await fits(keys, ONE)
    issuer.keys = [ONE.jwk(), TWO.jwk()]
    assert await refusal(keys, "two") is Unauthorized

    await asyncio.sleep(1)

    assert await fits(keys, TWO)
    assert await fits(keys, ONE)
    assert issuer.asked == 2


async def test_strangers_with_unknown_keys_do_not_set_the_pace(issuer: JwksServer) -> None:
    keys = key_set(issuer, pause_seconds=0.5)
    assert await fits(keys, ONE)
    began = time.monotonic()

    while time.monotonic() < began + 1.2:
        strangers = (refusal(keys, f"stranger-{number}") for number in range(50))
        assert set(await asyncio.gather(*strangers)) == {Unauthorized}
        assert await fits(keys, ONE)

    assert 2 <= issuer.asked <= 2 + (time.monotonic() - began) // 0.5


async def test_a_known_key_does_not_wait_for_a_stranger_s_fetch(issuer: JwksServer) -> None:
    keys = key_set(issuer, pause_seconds=0)
    assert await fits(keys, ONE)
    issuer.seconds = 0.5
    stranger = asyncio.create_task(refusal(keys, "stranger"))
    await until(lambda: issuer.asked == 2)

    assert await fits(keys, ONE)
    assert not stranger.done()

    assert await stranger is Unauthorized


async def test_a_key_that_was_taken_back_is_good_for_as_long_as_the_set_lives(issuer: JwksServer) -> None:
    keys = key_set(issuer, lifetime_seconds=1, pause_seconds=0.1)
    assert await fits(keys, ONE)
    issuer.keys = [TWO.jwk()]
    assert await fits(keys, ONE)

    await asyncio.sleep(1)

    assert await refusal(keys, "one") is Unauthorized
    assert await fits(keys, TWO)


# While the issuer is away


async def test_without_any_key_nobody_can_say_whether_a_token_is_good(issuer: JwksServer) -> None:
    issuer.fault = "server error"
    keys = key_set(issuer, pause_seconds=0.1)
    assert await refusal(keys, "one") is KeysAway
    assert await refusal(keys, None) is KeysAway
    assert issuer.asked == 1
    issuer.fault = ""

    await asyncio.sleep(0.1)

    assert await fits(keys, ONE)


async def test_an_issuer_that_does_not_listen_is_away() -> None:
    async with JwksServer() as issuer:
        keys = key_set(issuer)

    assert await refusal(keys, "one") is KeysAway


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - SLOW_FAULTS))
async def test_keys_stay_while_the_issuer_is_away_and_new_ones_come_with_it(issuer: JwksServer, fault: str) -> None:
    keys = key_set(issuer, lifetime_seconds=0.1, pause_seconds=0.05)
    assert await fits(keys, ONE)
    issuer.keys = [ONE.jwk(), TWO.jwk()]
    issuer.fault = fault

    for _ in range(4):
        await asyncio.sleep(0.06)
        assert await fits(keys, ONE)
    assert await refusal(keys, "two") is KeysAway
    assert issuer.asked >= 3
    assert issuer.asked_elsewhere == 0

    issuer.fault = ""
    await asyncio.sleep(0.06)
    assert await fits(keys, TWO)
    assert await refusal(keys, "three") is Unauthorized


@pytest.mark.parametrize("fault", sorted(SLOW_FAULTS))
async def test_a_slow_issuer_is_waited_for_once_and_for_seconds(issuer: JwksServer, fault: str) -> None:
    keys = key_set(issuer, lifetime_seconds=0.05, pause_seconds=0.05)
    assert await fits(keys, ONE)
    issuer.fault = fault
    await asyncio.sleep(0.05)

    async with asyncio.timeout(30):
        assert await fits(keys, ONE)
    async with asyncio.timeout(4):  # one fetch would take five seconds
        for _ in range(3):
            await asyncio.sleep(0.06)
            assert await fits(keys, ONE)  # while the next fetch is under way

    assert issuer.asked == 3


async def test_the_loop_is_free_while_the_issuer_is_asked(issuer: JwksServer) -> None:
    issuer.seconds = 0.3
    keys = key_set(issuer)
    asking = asyncio.create_task(fits(keys, ONE))
    turns = 0
    while not asking.done():
        await asyncio.sleep(0)
        turns += 1

    assert turns > 10


async def test_the_log_tells_of_an_outage_and_of_its_end(issuer: JwksServer, capfd: pytest.CaptureFixture[str]) -> None:
    issuer.fault = "server error"
    keys = key_set(issuer, pause_seconds=0.05)
    await refusal(keys, "one")
    issuer.fault = ""
    await asyncio.sleep(0.05)
    assert await fits(keys, ONE)

    said = "".join(capfd.readouterr())
    assert "the keys at JWT_JWKS_URL cannot be fetched" in said
    assert "status 500" in said
    assert "there again" in said


# What it may hold


async def test_only_keys_for_signing_with_our_algorithm_count(issuer: JwksServer) -> None:
    private = jwt.get_algorithm_by_name("RS256").to_jwk(TWO.private, as_dict=True)
    others: list[Any] = [
        ELLIPTIC.jwk(),
        ELLIPTIC.jwk(kid="one"),
        TWO.jwk(kid="for another algorithm", alg="RS512"),
        TWO.jwk(kid="for encryption", use="enc"),
        TWO.jwk(kid="RSA-OAEP", alg="RSA-OAEP"),
        TWO.jwk(kid="private", **{name: private[name] for name in ("d", "p", "q", "dp", "dq", "qi")}),
        TWO.jwk(kid="no modulus", n=...),
        TWO.jwk(kid="no kind", kty=...),
        TWO.jwk(kid="an odd modulus", n=7),
        TWO.jwk(kid="an odd algorithm", alg=["RS256"]),
        key_pair("small", bits=1024).jwk(),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "symmetric", "alg": "HS256"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "disguised", "alg": "RS256"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "edwards"},
        7,
    ]
    issuer.keys = [*others, ONE.jwk(), THREE.jwk(alg=..., use=...)]
    keys = key_set(issuer)

    assert await fits(keys, ONE)
    assert await fits(keys, THREE)
    names = [other.get("kid") for other in others if isinstance(other, dict)]
    assert {await refusal(keys, name) for name in names if name != "one"} == {Unauthorized}


async def test_an_es256_set_takes_keys_on_its_curve_only(issuer: JwksServer) -> None:
    issuer.keys = [
        ONE.jwk(),
        ELLIPTIC.jwk(),
        key_pair("another curve", "ES384").jwk(alg="ES256"),
        ELLIPTIC.jwk(kid="off", x="AA"),
    ]
    keys = KeySet(issuer.url, "ES256")

    assert await fits(keys, ELLIPTIC)
    assert {await refusal(keys, name) for name in ("one", "another curve", "off")} == {Unauthorized}


async def test_a_set_that_is_too_large_is_none(issuer: JwksServer) -> None:
    issuer.keys = [ONE.jwk(comment="x" * 300_000)]

    assert await refusal(key_set(issuer), "one") is KeysAway


@pytest.mark.parametrize("members", [[ONE.jwk()], [ONE.jwk(kid=...)], [ELLIPTIC.jwk(), ONE.jwk(kid=7)]])
async def test_a_token_that_names_no_key_gets_the_only_one(issuer: JwksServer, members: list[dict[str, Any]]) -> None:
    issuer.keys = members

    assert await fits(key_set(issuer), ONE, key_id=None)


async def test_a_token_that_names_no_key_gets_none_of_two(issuer: JwksServer) -> None:
    issuer.keys = [ONE.jwk(), TWO.jwk()]

    assert await refusal(key_set(issuer), None) is Unauthorized
