"""Work that is carried to its end, whoever is cancelled meanwhile."""

import asyncio

import pytest

from shared.to_its_end import to_its_end


async def test_what_is_cut_off_may_tidy_up_however_often_its_caller_is_cancelled() -> None:
    begun, tidying, tidied = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            tidying.set()
            await tidied.wait()

    waiting = asyncio.create_task(to_its_end(work(), at_most_seconds=0))
    await begun.wait()
    waiting.cancel()
    await tidying.wait()
    for _ in range(3):
        waiting.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not waiting.done()

    tidied.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
