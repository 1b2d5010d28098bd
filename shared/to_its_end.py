"""Work that is not to be cut off in the middle: what it did would not be known."""

import asyncio
import time
from collections.abc import Awaitable
from contextlib import suppress
from typing import TypeVar

Result = TypeVar("Result")


async def to_its_end(work: Awaitable[Result], at_most_seconds: float = float("inf")) -> Result:
    """What the work comes to. Who is cancelled meanwhile is so when it is done, or has had that much more time."""
    working = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await _wait(working, at_most_seconds)
        working.cancel()
        await _wait(working)
        if not working.cancelled():
            working.exception()  # seen: nobody else will ask for it
        raise


async def _wait(working: asyncio.Future[Result], at_most_seconds: float = float("inf")) -> None:
    """However often it is cancelled itself."""
    until = time.monotonic() + at_most_seconds
    while not working.done() and (left := until - time.monotonic()) > 0:
        with suppress(asyncio.CancelledError):
            await asyncio.wait([working], timeout=None if left == float("inf") else left)
