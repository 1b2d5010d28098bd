"""One lock per name, on a real event loop."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.keyed_lock import KeyedLock


async def gather(*tasks: Coroutine[Any, Any, Any]) -> list[Any]:
    async with asyncio.timeout(30):
        return await asyncio.gather(*tasks)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4)), max_size=20))
def test_a_name_is_held_once_at_a_time_and_names_do_not_wait_for_each_other(holders: list[tuple[str, int]]) -> None:
    async def run() -> None:
        locks = KeyedLock()
        inside: Counter[str] = Counter()
        most: Counter[str] = Counter()

        async def hold(name: str, ticks: int) -> None:
            async with locks.hold(name):
                inside[name] += 1
                most[name] = max(most[name], inside[name])
                most["all"] = max(most["all"], inside.total())
                for _ in range(ticks + 2):
                    await asyncio.sleep(0)
                inside[name] -= 1

        await gather(*(hold(*holder) for holder in holders))
        names = {name for name, _ in holders}
        assert all(most[name] == 1 for name in names)
        assert most["all"] == len(names)

    asyncio.run(run())


@pytest.mark.parametrize("ticks", range(4))
async def test_a_cancelled_waiter_leaves_the_lock_to_the_others(ticks: int) -> None:
    locks = KeyedLock()
    leave = asyncio.Event()

    async def hold() -> str:
        async with locks.hold("a"):
            await leave.wait()
            return "held"

    tasks = [asyncio.create_task(hold()) for _ in range(3)]
    await asyncio.sleep(0)
    leave.set()
    for _ in range(ticks):
        await asyncio.sleep(0)
    tasks[1].cancel()
    async with asyncio.timeout(30):
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [results[0], results[2]] == ["held", "held"]


async def test_an_error_inside_frees_the_name() -> None:
    locks = KeyedLock()
    with pytest.raises(ZeroDivisionError):
        async with locks.hold("a"):
            raise ZeroDivisionError
    async with asyncio.timeout(30), locks.hold("a"):
        pass
