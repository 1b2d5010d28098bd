"""Server-Sent Events, read as a browser reads them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.service import GIVE_UP_SECONDS, token

_LONGEST_LINE_BYTES = 4 * 1024 * 1024


@dataclass
class Event:
    name: str
    id: str
    data: dict[str, Any]


class EventStream:
    """One connection. `heartbeats` and `retry_ms` are what came beside the events so far."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.headers = answer.headers
        self.status = answer.status
        self.heartbeats = 0
        self.retry_ms: int | None = None
        self._lines = answer.content

    async def next(self) -> Event | None:
        """The next event; None once the server has closed."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(GIVE_UP_SECONDS):
            while line := (await self._lines.readline()).decode():
                name, _, value = line.rstrip("\n").partition(": ")
                fields[name] = value
                if not name and fields.keys() >= {"event", "id", "data"}:
                    return Event(fields["event"], fields["id"], json.loads(fields["data"]))
                self.heartbeats += line.startswith(":")
                self.retry_ms = int(fields.get("retry", self.retry_ms or 0)) or None
        return None

    async def rest(self) -> list[Event]:
        """All events until the server closes."""
        events = []
        while event := await self.next():
            events.append(event)
        return events

    async def until(self, **data: Any) -> Event:
        """The first event that says this."""
        while event := await self.next():
            if event.data.items() >= data.items():
                return event
        raise AssertionError(f"the stream ended before it said {data}")

    async def progress(self) -> Event:
        """The next event, which must be one of progress."""
        event = await self.next()
        assert event is not None
        assert event.name == "progress", event
        return event

    async def heartbeat(self) -> None:
        """Returns after the next sign of life; there must be nothing else to tell."""
        async with asyncio.timeout(GIVE_UP_SECONDS):
            assert (await self._lines.readline(), await self._lines.readline()) == (b":\n", b"\n")


@asynccontextmanager
async def watching(url: str, job_id: str, user: str = "anna", **headers: str) -> AsyncIterator[EventStream]:
    """Connects, and says what came instead of a stream, if so."""
    headers = {"Authorization": f"Bearer {token(user)}"} | headers
    timeout = aiohttp.ClientTimeout(total=None)
    connector = aiohttp.TCPConnector(force_close=True)
    async with (
        aiohttp.ClientSession(timeout=timeout, read_bufsize=_LONGEST_LINE_BYTES, connector=connector) as http,
        http.get(f"{url}/api/tts/jobs/{job_id}/events", headers=headers) as answer,
    ):
        yield EventStream(answer)
