"""How a worker stops, on a real event loop."""

import asyncio

import pytest

from shared.errors import ShuttingDown
from worker.doors import Doors

LONG = 3_600.0


async def settle() -> None:
    """Lets everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_open_doors_let_everybody_pass_and_sleep() -> None:
    doors = Doors()
    doors.check()
    await doors.sleep(0)
    await doors.sleep(0.01)
    async with doors.inside():
        pass


async def test_closed_doors_turn_everybody_away_at_once() -> None:
    doors = Doors()
    doors.close()
    doors.close()
    await doors.wait_until_closed()
    with pytest.raises(ShuttingDown):
        doors.check()
    with pytest.raises(ShuttingDown):
        await doors.sleep(LONG)


async def test_closing_wakes_whoever_sleeps() -> None:
    doors = Doors()
    sleepers = [asyncio.create_task(doors.sleep(LONG)) for _ in range(3)]
    await settle()
    doors.close()
    async with asyncio.timeout(30):
        results = await asyncio.gather(*sleepers, return_exceptions=True)
    assert [type(result) for result in results] == [ShuttingDown] * 3


@pytest.mark.parametrize("ticks", range(4))
async def test_a_sleeper_that_is_cancelled_while_the_doors_close_is_cancelled_or_told_so(ticks: int) -> None:
    doors = Doors()
    sleeper = asyncio.create_task(doors.sleep(LONG))
    await settle()
    doors.close()
    for _ in range(ticks):
        await asyncio.sleep(0)
    was_asleep = sleeper.cancel()
    (result,) = await asyncio.gather(sleeper, return_exceptions=True)
    # A cancellation that was accepted is never lost.
    assert type(result) is (asyncio.CancelledError if was_asleep else ShuttingDown)


async def test_a_job_under_way_keeps_the_worker_from_being_empty() -> None:
    doors = Doors()
    end = asyncio.Event()

    async def job() -> None:
        async with doors.inside():
            await end.wait()

    jobs = [asyncio.create_task(job()) for _ in range(2)]
    await settle()
    empty = asyncio.create_task(doors.wait_until_empty())
    doors.close()
    await settle()
    assert not empty.done()
    end.set()
    async with asyncio.timeout(30):
        await asyncio.gather(empty, *jobs)


async def test_a_job_that_stops_early_is_not_under_way_any_more_and_stays_until_all_are_let_go() -> None:
    doors = Doors()

    async def job() -> None:
        async with doors.inside():
            await doors.sleep(LONG)

    stopped = asyncio.create_task(job())
    await settle()
    doors.close()
    async with asyncio.timeout(30):
        await doors.wait_until_empty()
    await settle()
    assert not stopped.done()
    doors.let_go()
    with pytest.raises(ShuttingDown):
        await stopped


async def test_a_job_that_comes_when_the_doors_are_closed_waits_to_be_let_go_too() -> None:
    doors = Doors()
    doors.close()

    async def job() -> None:
        async with doors.inside():
            raise AssertionError("it must not begin")

    late = asyncio.create_task(job())
    await settle()
    assert not late.done()
    doors.let_go()
    with pytest.raises(ShuttingDown):
        await late


@pytest.mark.parametrize("error", [ZeroDivisionError, asyncio.CancelledError])
async def test_a_job_that_fails_leaves_at_once(error: type[BaseException]) -> None:
    doors = Doors()
    with pytest.raises(error):
        async with doors.inside():
            raise error
    async with asyncio.timeout(30):
        await doors.wait_until_empty()
