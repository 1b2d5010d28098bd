"""The issuer's key set: when it is fetched and how often, what it may hold, and what happens while the issuer is away."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
import pytest_asyncio
from litestar.exceptions import HTTPException

from api.key_set import KeySet
from api.token_keys import KeysAway, Unauthorized
from tests.jwks_server import FAULTS, SLOW_FAULTS, JwksServer, KeyPair, key_pair
from tests.service import GIVE_UP_SECONDS
from tests.watching import until

ONE, TWO, THREE = key_pair("one"), key_pair("two"), key_pair("three")
ELLIPTIC = key_pair("curve", "ES256")


@pytest_asyncio.fixture
async def issuer() -> AsyncIterator[JwksServer]:
    async with JwksServer([ONE.jwk()]) as server:
        yield server


class Clock:
    """Time passes when a test says so: how long a step of it takes is the machine's matter."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def key_set(issuer: JwksServer, clock: Clock) -> KeySet:
    return KeySet(issuer.url, "RS256", clock=clock)


async def fits(keys: KeySet, pair: KeyPair, key_id: Any = ...) -> bool:
    found = await keys.find(pair.key_id if key_id is ... else key_id)
    return found == pair.private.public_key()


async def refusal(keys: KeySet, key_id: str | None) -> type[HTTPException]:
    with pytest.raises((Unauthorized, KeysAway)) as refused:
        await keys.find(key_id)
    return refused.type


async def settle() -> None:
    """Lets everything run that waits for nobody."""
    for _ in range(30):
        await asyncio.sleep(0)


# When it is fetched


async def test_the_set_is_fetched_at_the_first_token_and_not_before(issuer: JwksServer, clock: Clock) -> None:
    keys = key_set(issuer, clock)
    assert issuer.asked == 0

    for _ in range(100):
        assert await fits(keys, ONE)

    assert issuer.asked == 1


async def test_a_hundred_first_tokens_share_one_fetch(issuer: JwksServer, clock: Clock) -> None:
    issuer.is_open.clear()
    keys = key_set(issuer, clock)
    first = [asyncio.create_task(fits(keys, ONE)) for _ in range(100)]
    await until(lambda: issuer.asked)
    issuer.is_open.set()

    assert all(await asyncio.gather(*first))
    assert issuer.asked == 1


async def test_a_fetch_goes_on_when_who_asked_first_has_left(issuer: JwksServer, clock: Clock) -> None:
    issuer.is_open.clear()
    keys = key_set(issuer, clock)
    first = asyncio.create_task(keys.find("one"))
    await until(lambda: issuer.asked)
    second = asyncio.create_task(fits(keys, ONE))
    await settle()

    first.cancel()
    await settle()
    issuer.is_open.set()

    assert first.cancelled()
    assert await second
    assert issuer.asked == 1


async def test_a_new_key_is_found_once_the_pause_is_over(issuer: JwksServer, clock: Clock) -> None:
    keys = key_set(issuer, clock)
    assert await fits(keys, ONE)
    issuer.keys.append(TWO.jwk())
    clock.seconds += 4  # there was no key to go on with: the first pause is a short one
    assert await refusal(keys, "two") is Unauthorized
    clock.seconds += 1
    assert await fits(keys, TWO)
    issuer.keys.append(THREE.jwk())
    clock.seconds += 29
    assert await refusal(keys, "three") is Unauthorized

    clock.seconds += 1

    assert await fits(keys, THREE)
    assert await fits(keys, ONE)
    assert issuer.asked == 3


async def test_strangers_with_unknown_keys_do_not_set_the_pace(issuer: JwksServer, clock: Clock) -> None:
    keys = key_set(issuer, clock)
    assert await fits(keys, ONE)

    for _ in range(10):
        clock.seconds += 10
        strangers = (refusal(keys, f"stranger-{number}") for number in range(50))
        assert set(await asyncio.gather(*strangers)) == {Unauthorized}
        assert await fits(keys, ONE)

    assert issuer.asked == len([0, 10, 40, 70, 100])


async def test_a_known_key_does_not_wait_for_a_stranger_s_fetch(issuer: JwksServer, clock: Clock) -> None:
    keys = key_set(issuer, clock)
    assert await fits(keys, ONE)
    clock.seconds += 30
    issuer.is_open.clear()
    stranger = asyncio.create_task(refusal(keys, "stranger"))
    await until(lambda: issuer.asked == 2)

    assert await fits(keys, ONE)
    assert not stranger.done()

    issuer.is_open.set()
    assert await stranger is Unauthorized


async def test_a_key_that_was_taken_back_is_good_for_as_long_as_the_set_lives(issuer: JwksServer, clock: Clock) -> None:
    keys = key_set(issuer, clock)
    assert await fits(keys, ONE)
    issuer.keys = [TWO.jwk()]
    clock.seconds += 599
    assert await fits(keys, ONE)

    clock.seconds += 1

    assert await refusal(keys, "one") is Unauthorized
    assert await fits(keys, TWO)


# While the issuer is away


async def test_without_any_key_nobody_can_say_whether_a_token_is_good(issuer: JwksServer, clock: Clock) -> None:
    issuer.fault = "server error"
    keys = key_set(issuer, clock)
    assert await refusal(keys, "one") is KeysAway
    clock.seconds += 4
    assert await refusal(keys, None) is KeysAway
    assert issuer.asked == 1
    issuer.fault = ""

    clock.seconds += 1

    assert await fits(keys, ONE)


async def test_an_issuer_that_does_not_listen_is_away(clock: Clock) -> None:
    async with JwksServer() as issuer:
        keys = key_set(issuer, clock)

    assert await refusal(keys, "one") is KeysAway


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - SLOW_FAULTS))
async def test_keys_stay_while_the_issuer_is_away_and_new_ones_come_with_it(
    issuer: JwksServer, clock: Clock, fault: str
) -> None:
    keys = key_set(issuer, clock)
    assert await fits(keys, ONE)
    issuer.keys = [ONE.jwk(), TWO.jwk()]
    issuer.fault = fault

    async with asyncio.timeout(GIVE_UP_SECONDS):
        while issuer.asked < 4:  # nobody waits for what will hardly come
            clock.seconds += 600
            assert await fits(keys, ONE)
            await asyncio.sleep(0.01)
    assert await refusal(keys, "two") is KeysAway
    assert issuer.asked_elsewhere == 0

    issuer.fault = ""
    clock.seconds += 600
    assert await fits(keys, TWO)
    assert await refusal(keys, "three") is Unauthorized


@pytest.mark.parametrize("fault", sorted(SLOW_FAULTS))
async def test_a_slow_issuer_is_waited_for_once_and_for_seconds(issuer: JwksServer, clock: Clock, fault: str) -> None:
    keys = key_set(issuer, clock)
    assert await fits(keys, ONE)
    issuer.fault = fault
    clock.seconds += 600

    async with asyncio.timeout(30):
        assert await fits(keys, ONE)
    for _ in range(3):
        clock.seconds += 600
        asking = asyncio.create_task(fits(keys, ONE))
        await settle()
        assert asking.done()  # while the next fetch is under way
        assert asking.result()
        await until(lambda: issuer.asked > 2)

    assert issuer.asked == 3


async def test_the_loop_is_free_while_the_issuer_is_asked(issuer: JwksServer, clock: Clock) -> None:
    issuer.is_open.clear()
    keys = key_set(issuer, clock)
    asking = asyncio.create_task(fits(keys, ONE))
    await until(lambda: issuer.asked)
    await settle()

    assert not asking.done()
    issuer.is_open.set()
    assert await asking


async def test_the_log_tells_of_an_outage_and_of_its_end(
    issuer: JwksServer, clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    issuer.fault = "server error"
    keys = key_set(issuer, clock)
    await refusal(keys, "one")
    issuer.fault = ""
    clock.seconds += 5
    assert await fits(keys, ONE)

    said = "".join(capfd.readouterr())
    assert "the keys at JWT_JWKS_URL cannot be fetched" in said
    assert "status 500" in said
    assert "there again" in said


# What it may hold


async def test_only_keys_for_signing_with_our_algorithm_count(issuer: JwksServer, clock: Clock) -> None:
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
    keys = key_set(issuer, clock)

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


async def test_a_set_that_is_too_large_is_none(issuer: JwksServer, clock: Clock) -> None:
    issuer.keys = [ONE.jwk(comment="x" * 300_000)]

    assert await refusal(key_set(issuer, clock), "one") is KeysAway


@pytest.mark.parametrize("members", [[ONE.jwk()], [ONE.jwk(kid=...)], [ELLIPTIC.jwk(), ONE.jwk(kid=7)]])
async def test_a_token_that_names_no_key_gets_the_only_one(
    issuer: JwksServer, clock: Clock, members: list[dict[str, Any]]
) -> None:
    issuer.keys = members

    assert await fits(key_set(issuer, clock), ONE, key_id=None)


async def test_a_token_that_names_no_key_gets_none_of_two(issuer: JwksServer, clock: Clock) -> None:
    issuer.keys = [ONE.jwk(), TWO.jwk()]

    assert await refusal(key_set(issuer, clock), None) is Unauthorized
