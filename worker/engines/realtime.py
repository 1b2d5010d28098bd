"""Speaks over OpenAI's Realtime API: what remains when `/v1/audio/speech` has been shut down.

From here down: the pool keeps connections, a connection is one session, its wire carries events, an answer is made of them.
Connections are kept and reused for many clips, one response at a time on each. Neither retries nor judges the audio, but for
this: a kept connection may have gone while it was idle, and then the clip, which nobody has heard of, is asked for on a new one.
A connection that is lost in the middle of an answer is the clip's failure. It was heard, and may be billed: to ask again is a
request like any other, which waits for its slot, counts as a try, and is seen by whoever watches the upstream.
"""

import asyncio
import logging

import openai
from websockets.exceptions import WebSocketException

from shared.clips import Voice
from worker.engines import Speech
from worker.engines.realtime_connection import RealtimeConnection, Times, Unheard
from worker.engines.realtime_errors import check_key
from worker.engines.realtime_limits import RateLimits
from worker.engines.realtime_pool import ConnectionPool
from worker.engines.upstream_errors import fault_of
from worker.errors import RateLimited


class RealtimeEngine:
    """OpenAI's Realtime API, or a server that speaks it."""

    def __init__(
        self,
        api_key: str,
        base_url: str,
        timeout_seconds: float,
        max_connections: int,
        times: Times = Times(),  # noqa: B008 (it is frozen)
    ) -> None:
        """`base_url` is that of the HTTP API, such as https://api.openai.com/v1."""
        self._api_key = api_key
        self._base_url = base_url
        self._timeout_seconds = timeout_seconds
        self._times = times
        self._limits = RateLimits()
        self._pool = ConnectionPool(self._open, max_connections, times.idle)
        self._client = openai.AsyncOpenAI(api_key=api_key, base_url=base_url, max_retries=0)
        # At DEBUG it writes every frame into the log, and with the first the key.
        logging.getLogger("websockets").setLevel(logging.WARNING)

    @property
    def upstream(self) -> str:
        """Names what is paced."""
        return f"realtime {self._base_url}"

    async def speak(self, text: str, voice: Voice) -> Speech:
        """The text as WAV, with the words that the model says it spoke."""
        check_key(self._api_key)
        await self._limits.wait()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._read_aloud(text, voice)
        except RateLimited as limited:
            limited.retry_after_seconds = limited.retry_after_seconds or self._limits.seconds_left() or None
            raise
        except (openai.OpenAIError, WebSocketException, OSError, ValueError, TypeError) as error:
            # Not `from error`: it may quote the request.
            raise fault_of(error, self._api_key) from None

    async def close(self) -> None:
        """Closes the connections."""
        await self._pool.close()
        await self._client.close()

    async def _read_aloud(self, text: str, voice: Voice) -> Speech:
        try:
            async with self._pool.connection(voice) as connection:
                return await connection.speak(text, voice)
        except Unheard:
            # Not on another kept one: they may all have gone together.
            async with self._pool.connection(voice, fresh=True) as connection:
                return await connection.speak(text, voice)

    async def _open(self, voice: Voice) -> RealtimeConnection:
        return await RealtimeConnection.open(self._client, voice, self._limits, self._times)
