"""How long an answer may take. A server that was idle may have to load its model first, for minutes; one at work need not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from worker.errors import UpstreamSilent

# What `UpstreamWatch` calls lately, and less than any server's default before it unloads an idle model (Speaches: 300 s).
_WARM_SECONDS = 60.0


class Patience:
    """Limits requests to `usual_seconds`, or to `first_seconds` each as long as the server has answered none lately.

    From the first answer on, the requests that wait beside it have the usual time.
    """

    def __init__(self, usual_seconds: float, first_seconds: float, warm_seconds: float = _WARM_SECONDS) -> None:
        self._usual_seconds = usual_seconds
        self._first_seconds = max(first_seconds, usual_seconds)
        self._warm_seconds = warm_seconds
        self._answered_at: float | None = None
        self._waiting: set[asyncio.Timeout] = set()

    @asynccontextmanager
    async def limit(self) -> AsyncIterator[None]:
        """Around one request. Raises `UpstreamSilent` when its time is over."""
        began_at = _now()
        timeout = asyncio.timeout(self._usual_seconds if self._is_warm() else self._first_seconds)
        try:
            async with timeout:
                self._waiting.add(timeout)
                yield
        except TimeoutError:
            if not timeout.expired():
                raise
            waited = _now() - began_at
            raise UpstreamSilent(f"The upstream did not answer in time (within {waited:.3g} s).") from None
        finally:
            self._waiting.discard(timeout)

    def answered(self) -> None:
        """The server has given audio: its model is loaded."""
        self._answered_at = _now()
        for timeout in self._waiting:
            ends_at = timeout.when()
            if ends_at is not None and not timeout.expired():
                timeout.reschedule(min(ends_at, self._answered_at + self._usual_seconds))

    def _is_warm(self) -> bool:
        return self._answered_at is not None and _now() - self._answered_at < self._warm_seconds


def _now() -> float:
    return asyncio.get_running_loop().time()
