"""What the stand-in for the Realtime API says to one request: events, audio of a plausible length, and what it cost."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from functools import cache
from itertools import count
from typing import Any

from tests.realtime_faults import UNFINISHED, Fault, Request
from tests.speech_audio import MS_PER_CHARACTER, SAMPLE_RATE, SHORTEST_MS, pcm_of

DELTA_MS = 250
_BYTES_PER_MS = SAMPLE_RATE * 2 // 1000
_SECOND_OF_LETTERS = 1000 // MS_PER_CHARACTER + 1
_ids = count(1)
Event = dict[str, Any]


class Spoken:
    """The events of one response."""

    def __init__(self, request: Request, kind: str, fault: Fault | None) -> None:
        self._request = request
        self._kind = kind
        self._fault = fault
        self._id = f"resp_{next(_ids)}"
        self._words = _words_for(request.text, kind)
        letters = 1 if kind == "short" else len(self._words)
        self._ms = max(100 if kind == "short" else SHORTEST_MS, letters * MS_PER_CHARACTER) / request.speed

    async def events(self, latency_seconds: float) -> AsyncIterator[Event | None]:
        """Half of the audio after half of the latency, as one who speaks while he reads; None where the connection itself should fail."""
        began_at = time.monotonic()
        metadata = self._request.response.get("metadata")
        yield self._event("response.created", response={"id": self._id, "status": "in_progress", "metadata": metadata})
        spent_for_seconds = self._fault.seconds if self._fault and self._kind == "rate_limits" else 0.0
        yield self._event("rate_limits.updated", rate_limits=rate_limits(spent_for_seconds))
        latency_seconds += self._fault.seconds if self._fault and self._kind == "slow" else 0.0
        await asyncio.sleep(latency_seconds / 2)
        deltas = [] if self._kind == "empty" else self._deltas()
        for number, delta in enumerate(deltas):
            if number == len(deltas) // 2:
                async for event in self._in_the_middle():
                    yield event
                await asyncio.sleep(began_at + latency_seconds - time.monotonic())
            yield self._event("response.output_audio.delta", response_id=self._id, delta=delta)
        await asyncio.sleep(began_at + latency_seconds - time.monotonic())
        yield self._event("response.output_audio.done", response_id=self._id)
        if self._kind not in ("no_transcript", "item_transcript"):
            yield self._event("response.output_audio_transcript.done", response_id=self._id, transcript=self._words)
        yield self._event("response.done", response=self._response())

    async def _in_the_middle(self) -> AsyncIterator[Event | None]:
        match self._kind:
            case "cut" | "silent" | "drip" | "expire" | "garbage_later":
                yield None
            case "bad_base64":
                yield self._event("response.output_audio.delta", response_id=self._id, delta="***")
            case "unknown":
                yield self._event("response.something_new", response_id=self._id, delta=7)
                yield self._event("conversation.item.added", item={"id": "item_1"})
            case "lone_error":  # about an event that was not ours
                yield self._event("error", error={"type": "invalid_request_error", "event_id": "another"})
            case "foreign":
                yield self._event("response.created", response={"id": "resp_foreign"})
                yield self._event("response.output_audio.delta", response_id="resp_foreign", delta="AAAA")
                yield self._event(
                    "response.output_audio_transcript.done", response_id="resp_foreign", transcript="Other words."
                )
                yield self._event("response.done", response={"id": "resp_foreign", "status": "failed"})

    def _deltas(self) -> list[str]:
        whole, rest = divmod(round(self._ms), DELTA_MS)
        deltas = [_delta(number % 4, DELTA_MS, self._kind == "silence") for number in range(whole)]
        last = _delta(0, max(rest, 1), self._kind == "silence")
        odd = [base64.b64encode(b"\0").decode()] if self._kind == "odd" else []
        return [*deltas, last, *odd]

    def _response(self) -> Event:
        status, details = self._status()
        text_tokens = len(self._words) // 3 + 1
        audio_tokens = round(self._ms / 50)
        usage = {
            "input_tokens": (len(self._request.instructions) + len(self._request.text)) // 4,
            "output_tokens": text_tokens + audio_tokens,
            "output_token_details": {"text_tokens": text_tokens, "audio_tokens": audio_tokens},
        }
        self._request.usage = usage
        content = {"type": "output_audio", "transcript": self._words if self._kind == "item_transcript" else None}
        output = [{"type": "message", "role": "assistant", "content": [content]}]
        return {"id": self._id, "status": status, "status_details": details, "usage": usage, "output": output}

    def _status(self) -> tuple[str, Event | None]:
        if self._fault and self._fault.place == "done":
            return "failed", {"type": "failed", "error": self._fault.report}
        if self._kind not in UNFINISHED:
            return "completed", None
        status = "cancelled" if self._kind == "cancelled" else "incomplete"
        reason = {"incomplete": "max_output_tokens", "cancelled": "client_cancelled"}.get(self._kind, self._kind)
        return status, {"type": status, "reason": reason}

    def _event(self, kind: str, **fields: Any) -> Event:
        return {"type": kind, **fields}


def warm_up() -> None:
    """The tone takes a third of a second to make, in which no connection gets an answer."""
    _second()


def _words_for(text: str, kind: str) -> str:
    if kind == "wrong_words":
        return "Something else entirely"
    if kind != "answers":
        return text
    from tests.tempting_phrases import TEMPTING

    answers = {tempting: answer for _, tempting, answer in TEMPTING}
    return answers.get(text, "I'm sorry, but I can't help with that.")


def rate_limits(spent_for_seconds: float) -> list[Event]:
    remaining = 0 if spent_for_seconds else 39_000
    return [
        {"name": "requests", "limit": 500, "remaining": 499, "reset_seconds": 0.1},
        {"name": "tokens", "limit": 40_000, "remaining": remaining, "reset_seconds": spent_for_seconds},
    ]


@cache
def _second() -> bytes:
    return pcm_of("a" * _SECOND_OF_LETTERS).tobytes()[: 2 * SAMPLE_RATE]


@cache
def _delta(quarter: int, ms: int, is_silent: bool) -> str:
    """A piece of the swaying tone, which begins anew each second, as it is sent."""
    start, length = quarter * DELTA_MS * _BYTES_PER_MS, ms * _BYTES_PER_MS
    return base64.b64encode(bytes(length) if is_silent else _second()[start : start + length]).decode()
