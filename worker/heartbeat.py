"""When Postgres last heard from this worker: written by the queue, read by whoever asks how the worker is."""

import time


class Heartbeat:
    """Safe to read from any thread. Before the first beat its age counts from the worker's start."""

    def __init__(self, limit_seconds: float) -> None:
        """After `limit_seconds` without a beat other workers take this one for dead."""
        self._limit_seconds = limit_seconds
        self._last = time.monotonic()
        self._is_alive = False
        self.last_failure: str | None = None

    def beat(self) -> None:
        """Postgres has heard this worker."""
        self._last, self._is_alive, self.last_failure = time.monotonic(), True, None

    def miss(self, reason: str) -> None:
        """Postgres was not reached."""
        self.last_failure = reason

    @property
    def age_seconds(self) -> float:
        return time.monotonic() - self._last

    @property
    def is_fresh(self) -> bool:
        return self._is_alive and self.age_seconds <= self._limit_seconds
