"""Checks, all at once, each with its own time and none in another's way."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from shared.errors import MemolistError
from shared.tracebacks import kind_and_words

Verdict = Literal["ok", "PROBLEM", "skipped"]
_SECONDS = 20.0


class Problem(Exception):
    """What is wrong, and what to do about it, in one line."""


class Skipped(Exception):
    """Why this could not be looked at, or was not to be."""


@dataclass(frozen=True)
class Finding:
    """What one check came to."""

    name: str
    verdict: Verdict
    line: str


@dataclass(frozen=True)
class Check:
    """`look` returns what it saw, or raises `Problem` or `Skipped`; any other error is a problem, too."""

    name: str
    look: Callable[[], Awaitable[str]]
    seconds: float = _SECONDS


async def examine(check: Check) -> Finding:
    """Ends in the check's time, whatever happens in it; never raises."""
    # Waited for, not awaited: what hangs in a thread, such as a dead network disk, cannot be cancelled.
    looking = asyncio.ensure_future(check.look())
    await asyncio.wait([looking], timeout=check.seconds)
    if not looking.done():
        looking.cancel()
        return Finding(check.name, "PROBLEM", f"no answer within {check.seconds:.0f} s")
    error = looking.exception()
    match error:
        case None:
            return Finding(check.name, "ok", looking.result())
        case Skipped():
            return Finding(check.name, "skipped", str(error))
        case Problem() | MemolistError():
            return Finding(check.name, "PROBLEM", _one_line(str(error)))
        case _:
            return Finding(check.name, "PROBLEM", _one_line(kind_and_words(error)))  # what it says may quote an address


def _one_line(text: str) -> str:
    return " ".join(text.split())
