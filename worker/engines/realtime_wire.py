"""One WebSocket to the Realtime API: events go out and come in. Knows neither texts nor voices."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import cast

import openai
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.websocket_connection_options import WebSocketConnectionOptions
from websockets.exceptions import WebSocketException

from shared.errors import MemolistError
from worker.engines.realtime_errors import SESSION_EXPIRED, SessionExpired, fault_of_end, fault_of_handshake
from worker.engines.realtime_events import Event, parse, part
from worker.errors import UpstreamFault

# No more than a second for a goodbye: the place of a connection is needed. Pings find out one whose other end is gone.
# Few messages wait to be read, since each may be as large as the largest.
_OPTIONS = cast(
    WebSocketConnectionOptions,
    {"open_timeout": 10, "close_timeout": 1, "max_size": 16 * 1024 * 1024, "max_queue": 2, "compression": None},
)


class Ended(Exception):
    """The connection is over, and why."""

    def __init__(self, reason: Exception | None) -> None:
        super().__init__()
        self._reason = reason or ConnectionError("the connection was closed")

    @property
    def is_harmless(self) -> bool:
        """Whether the other end just went, as it may when nobody talks to it. One that talks nonsense did not."""
        return not isinstance(self._reason, MemolistError)

    def fault(self, secret: str) -> MemolistError:
        """What it is for a clip that was under way."""
        return fault_of_end(self._reason, secret)


class Wire:
    """Reads what comes at once, also between two clips: that a session has expired is known before it is asked again."""

    def __init__(self, socket: AsyncRealtimeConnection, silence_seconds: float, note: Callable[[Event], None]) -> None:
        self._socket = socket
        self._silence_seconds = silence_seconds
        self._note = note
        self._ended_by: Exception | None = None
        self._inbox: asyncio.Queue[Event | None] = asyncio.Queue()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(
        cls, client: openai.AsyncOpenAI, model: str, silence_seconds: float, note: Callable[[Event], None]
    ) -> "Wire":
        """Connects. `note` is told of every event as soon as it comes. Raises the errors of `worker.errors`."""
        try:
            socket = await client.realtime.connect(model=model, websocket_connection_options=_OPTIONS).enter()
        except (openai.OpenAIError, WebSocketException, OSError, ValueError, TypeError) as error:
            raise fault_of_handshake(error, client.api_key) from None
        return cls(socket, silence_seconds, note)

    @property
    def is_open(self) -> bool:
        return not self._reader.done()

    async def send(self, event: Event) -> None:
        """Raises Ended."""
        if not self.is_open:
            raise Ended(self._ended_by)
        try:
            # Not the client's `send`, which takes every event apart once more.
            await self._socket.send_raw(json.dumps(event))
        except (WebSocketException, OSError) as error:
            raise Ended(error) from None

    async def next_event(self) -> Event:
        """Raises Ended, or UpstreamFault when none has come for too long."""
        try:
            async with asyncio.timeout(self._silence_seconds):
                event = await self._inbox.get()
        except TimeoutError:
            raise UpstreamFault("The upstream fell silent before its answer was whole.") from None
        if event is None:
            raise Ended(self._ended_by)
        return event

    def forget_what_came(self) -> None:
        """What was said while nobody listened is no answer to what is asked next."""
        while self.is_open and not self._inbox.empty():
            self._inbox.get_nowait()

    async def close(self) -> None:
        """Within a second or so, whatever the other end does."""
        self._reader.cancel()  # what still comes is for nobody
        with suppress(WebSocketException, OSError):
            await self._socket.close()
        await asyncio.wait([self._reader])

    async def _read(self) -> None:
        try:
            while True:
                event = parse(await self._socket.recv_bytes())
                self._note(event)
                if part(event, "error").get("code") == SESSION_EXPIRED:
                    raise SessionExpired
                self._inbox.put_nowait(event)
                await asyncio.sleep(0)  # whoever waits for it goes first: of a flood, no more is read than is wanted
        except Exception as error:  # whatever it is, it belongs to the clip that waits
            self._ended_by = error
        finally:
            self._inbox.put_nowait(None)
