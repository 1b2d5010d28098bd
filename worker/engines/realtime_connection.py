"""One session of the Realtime API: it speaks with one voice, one text after the other, until it is too old."""

import asyncio
import time
from dataclasses import dataclass
from itertools import count

import openai

from shared.clips import Voice
from worker.engines import Speech
from worker.engines.realtime_answer import Answer
from worker.engines.realtime_errors import fault_of_report
from worker.engines.realtime_events import Event, part
from worker.engines.realtime_limits import RateLimits
from worker.engines.realtime_prompt import request_of, session_of
from worker.engines.realtime_wire import Ended, Wire


@dataclass(frozen=True)
class Times:
    """How long things last or are waited for, in seconds."""

    silence: float = 20.0  # between two events of an answer; a thinking model begins within three seconds
    idle: float = 60.0
    session: float = 3_600.0  # OpenAI's limit
    before_expiry: float = 120.0  # a clip that begins then can still end


class Unheard(Exception):
    """A connection that had served before was gone before it heard of this clip: nothing was spoken, nothing is billed."""


class RealtimeConnection:
    """Usable from `open` to `close`, but one clip at a time, and not after one that broke off."""

    def __init__(self, wire: Wire, secret: str, times: Times) -> None:
        self._wire = wire
        self._secret = secret
        self._times = times
        self._retire_at = time.monotonic() + times.session - times.before_expiry
        self._ids = count(1)
        self._has_served = False
        self._is_free = True

    @classmethod
    async def open(
        cls, client: openai.AsyncOpenAI, voice: Voice, limits: RateLimits, times: Times
    ) -> "RealtimeConnection":
        """A new session that speaks with `voice`. Raises the errors of `worker.errors`."""
        connection = cls(await Wire.open(client, voice.model, times.silence, limits.note), client.api_key, times)
        try:
            await connection._configure(voice)
        except BaseException:
            await asyncio.shield(connection.close())
            raise
        return connection

    @property
    def is_usable(self) -> bool:
        """Whether it is open, between two clips, and not about to expire."""
        return self._is_free and self._wire.is_open and time.monotonic() < self._retire_at

    async def speak(self, text: str, voice: Voice) -> Speech:
        """One text. Raises the errors of `worker.errors`, or Unheard."""
        request_id = f"clip-{next(self._ids)}"
        request = request_of(text, voice, request_id)
        answer = Answer(request_id, self._secret)
        self._wire.forget_what_came()
        self._is_free = False
        try:
            await self._wire.send(request)
            while not answer.is_over:
                answer.take(await self._wire.next_event())
        except Ended as ended:
            if self._has_served and not answer.has_begun and ended.is_harmless:
                raise Unheard from None
            raise ended.fault(self._secret) from None
        self._is_free = self._has_served = True
        return answer.speech()

    async def close(self) -> None:
        await self._wire.close()

    async def _configure(self, voice: Voice) -> None:
        """Tells the session who speaks, and returns when it has agreed."""
        try:
            # A key or a model that is refused is told in place of this first event, and the connection closed at once.
            created = await self._wait_for("session.created")
            self._note_expiry(part(created, "session").get("expires_at"))
            await self._wire.send({"type": "session.update", "session": session_of(voice)})
            await self._wait_for("session.updated")
        except Ended as ended:
            raise ended.fault(self._secret) from None

    async def _wait_for(self, kind: str) -> Event:
        while (event := await self._wire.next_event()).get("type") != kind:
            if event.get("type") == "error":
                raise fault_of_report(part(event, "error"), self._secret)
        return event

    def _note_expiry(self, unix_time: object) -> None:
        told_seconds = unix_time - time.time() if isinstance(unix_time, int | float) else 0.0
        if 0 < told_seconds < self._times.session:  # else their clock is not ours
            self._retire_at = time.monotonic() + told_seconds - self._times.before_expiry
