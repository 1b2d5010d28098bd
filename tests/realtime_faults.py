"""How the stand-in for the Realtime API fails on request, and what it keeps of each request."""

import time
from dataclasses import dataclass, field
from typing import Any

# Code: status in the handshake, type and message in an `error` event or a failed response.
ERRORS: dict[str, tuple[int, str, str]] = {
    "invalid_value": (400, "invalid_request_error", "This input was refused."),
    "invalid_api_key": (401, "invalid_request_error", "Incorrect API key provided."),
    "unsupported_country": (403, "request_forbidden", "Country, region, or territory not supported."),
    "model_not_found": (404, "invalid_request_error", "The model does not exist or you do not have access to it."),
    "rate_limit_exceeded": (429, "tokens", "Rate limit reached for gpt-realtime on tokens per min."),
    "insufficient_quota": (429, "insufficient_quota", "You exceeded your current quota."),
    "server_error": (500, "server_error", "The server had an error while processing your request."),
    "unavailable": (503, "server_error", "The server is overloaded."),
    "session_expired": (400, "invalid_request_error", "Your session hit the maximum duration of 60 minutes."),
}
# Where an error comes: instead of the handshake, of `session.created`, of `session.updated`, as the reason of a close frame, instead
# of an answer, or in a `response.done` with status failed.
PLACES = frozenset("handshake open session close response done".split())

BEFORE_THE_ANSWER = frozenset("cut_early hang garbage".split())
IN_THE_ANSWER = frozenset("cut silent drip expire garbage_later bad_base64 lone_error".split())
WRONG_ANSWERS = frozenset("empty odd no_transcript item_transcript wrong_words answers silence short".split())
UNUSUAL_ANSWERS = frozenset("foreign unknown rate_limits slow held".split())
UNFINISHED = frozenset("incomplete content_filter cancelled".split())
KINDS = frozenset(ERRORS) | BEFORE_THE_ANSWER | IN_THE_ANSWER | WRONG_ANSWERS | UNUSUAL_ANSWERS | UNFINISHED


@dataclass
class Fault:
    """How requests fail: every one, or the next `times`, or only those whose text holds `text`.

    One that is `held` waits until all faults are taken back, and then gets its answer.
    """

    kind: str
    times: int | None = None
    text: str = ""
    place: str = "response"
    seconds: float = 0.0
    retry_after: str | None = None
    message: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.place not in PLACES:
            raise ValueError(f"no such fault: {self.kind} in {self.place}; there are {sorted(KINDS)}, {sorted(PLACES)}")

    def take(self, place: str, text: str = "") -> bool:
        """Whether it happens here; counts it. One in the response itself may come in any form."""
        if self.times == 0 or self.text not in text or place != self.place:
            return False
        self.times = None if self.times is None else self.times - 1
        return True

    @property
    def report(self) -> dict[str, Any]:
        """The error as the API tells it."""
        _, kind, message = ERRORS[self.kind]
        return {"type": kind, "code": self.kind, "message": self.message or message, "param": None}


@dataclass
class Request:
    """One text as it was asked for, and how that ended: `ok`, the kind of fault, `invalid`, `overlap` or `cut off` (by the client)."""

    connection: int
    text: str
    instructions: str
    voice: str
    model: str
    speed: float
    api_key: str
    session: dict[str, Any] = field(repr=False)
    response: dict[str, Any] = field(repr=False)
    started_at: float = field(default_factory=time.monotonic)  # one clock for all processes of a Linux machine
    ended_at: float | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    outcome: str = "under way"

    @property
    def ok(self) -> bool:
        """Whether it got audio of its text."""
        return self.outcome in ("ok", *UNUSUAL_ANSWERS, "item_transcript")
