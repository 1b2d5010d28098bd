"""What the upstream has said about its rate limits: when nothing is left, the next request waits. Knows no connection."""

import asyncio
import time

from worker.engines.realtime_events import Event, parts
from worker.engines.upstream_errors import MAX_RETRY_AFTER_SECONDS
from worker.errors import RateLimited

# Tokens are reserved for an answer and given back when it was shorter: nothing may be left for a moment, again and again. A
# pause of that kind is slept away here, where it costs no clip a try; a longer one is for the pace that all workers share.
LONGEST_PAUSE_SECONDS = 5.0


class RateLimits:
    """The newest word on each limit, for all connections: they are the account's, not the connection's."""

    def __init__(self) -> None:
        self._spent_until: dict[str, float] = {}

    def note(self, event: Event) -> None:
        """Reads any event; only `rate_limits.updated` says something here."""
        if event.get("type") != "rate_limits.updated":
            return
        for limit in parts(event, "rate_limits"):
            remaining, seconds = limit.get("remaining"), limit.get("reset_seconds")
            is_spent = isinstance(remaining, int | float) and remaining <= 0 and isinstance(seconds, int | float)
            wait = min(float(seconds), MAX_RETRY_AFTER_SECONDS) if is_spent and seconds is not None else 0.0
            self._spent_until[str(limit.get("name"))] = time.monotonic() + wait

    def seconds_left(self) -> float:
        """Until the last of them is no longer spent."""
        return max(0.0, max(self._spent_until.values(), default=0.0) - time.monotonic())

    async def wait(self) -> None:
        """Returns when a request may be sent. Raises RateLimited where that is too far away to wait here."""
        seconds = self.seconds_left()
        if seconds > LONGEST_PAUSE_SECONDS:
            raise RateLimited(
                "The upstream asks to slow down (it said that nothing is left of its rate limit)", seconds
            )
        await asyncio.sleep(seconds)
