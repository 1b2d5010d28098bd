"""The claims of two workers on one clip, on a real database."""

import asyncio
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest

from shared.database_url import libpq_conninfo
from worker.claims import Claims

# More than a worker may hold.
MANY = [f"key-{number}" for number in range(600)]
HELD = "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database WHERE locktype = 'advisory' AND datname = current_database()"
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
NewClaims = Callable[[], Claims]


@pytest.fixture
async def new_claims(database_url: str) -> AsyncIterator[NewClaims]:
    made: list[Claims] = []

    def make() -> Claims:
        made.append(Claims(libpq_conninfo(database_url)))
        return made[-1]

    yield make
    for claims in made:
        await claims.close()


def sql(database_url: str, statement: str) -> int:
    with psycopg.connect(database_url, autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
        return int(row[0]) if row else 0


async def until_held(database_url: str, count: int) -> None:
    async with asyncio.timeout(60):
        while sql(database_url, HELD) != count:
            await asyncio.sleep(0.02)


async def test_a_clip_is_one_workers_until_it_is_given_back(new_claims: NewClaims, database_url: str) -> None:
    ours, theirs = new_claims(), new_claims()
    async with theirs.claim("key") as ask_there, theirs.claim("other") as ask_for_another:
        async with ours.claim("key") as ask:
            assert await ask()
            assert not await ask_there()
            assert await ask_for_another()
        async with asyncio.timeout(60):
            while not await ask_there():
                pass
    await until_held(database_url, 0)


async def test_who_asks_at_once_gets_each_clip_once_in_all_workers_together(
    new_claims: NewClaims, database_url: str
) -> None:
    makers: dict[str, int] = dict.fromkeys(MANY[:300], 0)

    async def make(claims: Claims, key: str) -> None:
        async with claims.claim(key) as ask:
            while not await ask():
                pass
            if not makers[key]:
                await asyncio.sleep(0.01)  # what another would do meanwhile counts twice
                makers[key] += 1

    workers = [new_claims(), new_claims()]
    await asyncio.gather(*(make(claims, key) for key in makers for claims in workers))
    assert set(makers.values()) == {1}
    await until_held(database_url, 0)


async def test_one_worker_holds_no_more_than_a_part_of_the_servers_locks(
    new_claims: NewClaims, database_url: str
) -> None:
    claims, everybody_has_asked = new_claims(), asyncio.Barrier(len(MANY))

    async def make(key: str) -> int:
        async with claims.claim(key) as ask:
            assert await ask()
            await everybody_has_asked.wait()
            return sql(database_url, HELD) if key == MANY[0] else 0

    assert max(await asyncio.gather(*map(make, MANY))) == 500


async def test_who_is_cancelled_while_it_asks_or_makes_leaves_nothing_behind(
    new_claims: NewClaims, database_url: str
) -> None:
    claims = new_claims()

    async def make(key: str) -> None:
        async with claims.claim(key) as ask:
            await ask()
            await asyncio.sleep(3_600)

    for turns in range(40):  # cut off before it asks, while Postgres answers, and afterwards
        making = [asyncio.create_task(make(f"{turns}-{number}")) for number in range(5)]
        for _ in range(turns):
            await asyncio.sleep(0)
        if turns == 39:
            await until_held(database_url, 5)
        for task in making:
            task.cancel()
        await asyncio.wait(making)
    await until_held(database_url, 0)


async def test_a_broken_connection_is_replaced_with_all_claims_that_are_still_free(
    new_claims: NewClaims, database_url: str
) -> None:
    ours, theirs = new_claims(), new_claims()
    async with ours.claim("kept") as ask, ours.claim("next") as ask_next:
        assert await ask()
        sql(database_url, CUT)
        assert await ask_next()
        async with theirs.claim("kept") as ask_there:
            assert not await ask_there()


async def test_without_a_database_clips_are_made_all_the_same(database_url: str) -> None:
    claims = Claims(libpq_conninfo("postgresql://127.0.0.1:1/nothing"))
    async with claims.claim("key") as ask, claims.claim("other") as ask_for_another:
        assert await ask()
        assert await ask_for_another()
    await claims.close()
