"""From what the OpenAI client raised to what to do about it. Pure: sends nothing, waits for nothing.

The messages end up in the database and before users: one line, no key, no control characters, the upstream's own words.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from inspect import cleandoc
from typing import Any

import httpx2
import openai

from shared.errors import MemolistError
from worker.errors import (
    ClipRefused,
    KeyRejected,
    ModelNotFound,
    QuotaExhausted,
    RateLimited,
    UpstreamClosed,
    UpstreamFault,
    UpstreamGone,
)

MAX_WORDS = 300
MAX_RETRY_AFTER_SECONDS = 3600.0
# Enough of any error page to find its words in, and little enough to search quickly.
_MAX_BODY = 10_000
# A shorter "key" is the word one makes up for a server that asks for none: hiding it would only spoil the message.
_SHORTEST_SECRET = 8

_BILLING = frozenset(
    "insufficient_quota credit_balance_exhausted organization_spend_limit_exceeded project_spend_limit_exceeded"
    " organization_usage_limit_exceeded billing_hard_limit_reached billing_not_active".split()
)
_NO_SUCH_MODEL = frozenset("model_not_found invalid_model unknown_model".split())
_SLOW_DOWN = frozenset("rate_limit_exceeded slow_down".split())
_CONTENT = frozenset("content_policy_violation content_filter moderation_blocked".split())

_TITLE = re.compile(r"<title[^<>]*>([^<>]+)</title", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_KEY_LIKE = re.compile(r"\b(?:sk|sess|pk|rk)-[\w*.…-]{3,}|\bBearer\s+[^\s'\"]+", re.IGNORECASE)


def fault_of(error: Exception, secret: str) -> MemolistError:
    """The error of `worker.errors` that says what to do next. `error` is anything that a request raised, `secret` the API key."""
    if isinstance(error, openai.APIStatusError):
        return _answered(error, secret)
    if not _sendable(secret):
        return _told(KeyRejected, "it holds characters that no HTTP header can carry", secret)
    if isinstance(error, TimeoutError | openai.APITimeoutError | httpx2.TimeoutException):
        return UpstreamFault("The upstream did not answer in time.")
    if isinstance(error, ValueError | TypeError):
        return _told(ClipRefused, f"the request could not be written: {error}", secret)
    is_gone = isinstance(error.__cause__, httpx2.ConnectError)
    kind = UpstreamGone if is_gone else UpstreamFault
    return kind(f"The upstream could not be reached: {_line(_cause(error), secret)}")


def retry_after_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """How long the upstream asks to wait, at most an hour; None where it says nothing that can be understood."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return min(milliseconds / 1000, MAX_RETRY_AFTER_SECONDS)
    told = headers.get("retry-after")
    seconds = _number(told)
    if seconds is None:
        seconds = _seconds_until(told, now)
    return None if seconds is None else min(seconds, MAX_RETRY_AFTER_SECONDS)


def _answered(error: openai.APIStatusError, secret: str) -> MemolistError:
    status, marks = error.status_code, _marks(error.body)
    said = f"HTTP {status}: {_words(error.body) or 'no explanation'}"
    if status == 402 or (status < 500 and marks & _BILLING):
        return _told(QuotaExhausted, said, secret)
    if status == 429 or marks & _SLOW_DOWN:
        waiting = retry_after_seconds(error.response.headers, datetime.now(UTC))
        return RateLimited(f"The upstream asks to slow down ({_line(said, secret)})", waiting)
    if status >= 500 or status < 400 or status in (408, 409, 425):
        return UpstreamFault(f"The upstream is in trouble ({_line(said, secret)})")
    return _told(_refusal(status, marks, said), said, secret)


def _refusal(status: int, marks: frozenset[str], said: str) -> type[MemolistError]:
    # Only codes are trusted, hardly the words: they may quote the text, and a text must not be able to stop every job.
    if status == 404 or marks & _NO_SUCH_MODEL or "invalid model id" in said.lower()[:40]:
        return ModelNotFound
    if status == 401:
        return KeyRejected
    if status == 403 and not marks & _CONTENT:
        # A region, a permission, a firewall: a new key would not help with those.
        return (
            KeyRejected if re.search(r"api[ _-]?key|credential", f"{said} {marks}", re.IGNORECASE) else UpstreamClosed
        )
    return ClipRefused


def _told(kind: type[MemolistError], said: str, secret: str) -> MemolistError:
    return kind(f"{cleandoc(kind.__doc__ or '')} ({_line(said, secret)})")


def _sendable(secret: str) -> bool:
    return secret.isascii() and secret.isprintable() and secret == secret.strip() != ""


def _cause(error: BaseException) -> str:
    """The client says "Connection error." and keeps what happened as the cause."""
    reason = error.__cause__ if isinstance(error, openai.APIConnectionError) and error.__cause__ else error
    return f"{type(reason).__name__}: {reason}" if str(reason) else type(reason).__name__


def _marks(body: object) -> frozenset[str]:
    """The codes and types in an error body, wherever the server puts them."""
    if not isinstance(body, dict):
        return frozenset()
    found = {str(body[name]) for name in ("code", "type", "status") if body.get(name)}
    inner = body.get("detail")
    return frozenset(
        found | {str(inner[name]) for name in ("code", "type", "status") if inner.get(name)}
        if isinstance(inner, dict)
        else found
    )


def _words(body: Any, depth: int = 0) -> str:
    """What a person may read in an error body: JSON of the known shapes, HTML or plain text."""
    if isinstance(body, str):
        return _text_of_page(body[:_MAX_BODY])
    if depth > 4:
        return ""
    if isinstance(body, list):
        return "; ".join(filter(None, (_words(item, depth + 1) for item in body[:3])))
    if isinstance(body, dict):
        inner = (
            _words(body[name], depth + 1) for name in ("message", "error", "detail", "msg", "code") if body.get(name)
        )
        return next(filter(None, inner), "")
    return ""


def _text_of_page(text: str) -> str:
    if not text.lstrip().startswith("<"):
        return text
    title = _TITLE.search(text)
    return title[1] if title else _TAG.sub(" ", text)


def _line(words: str, secret: str) -> str:
    """One line that a user may see and Postgres can store."""
    line = _printable(words)
    for hidden in (secret, _printable(secret)):
        if len(hidden) >= _SHORTEST_SECRET:
            line = line.replace(hidden, "***")
    line = _KEY_LIKE.sub("***", line)
    return line if len(line) <= MAX_WORDS else line[: MAX_WORDS - 1] + "…"


def _printable(text: str) -> str:
    return " ".join("".join(" " if unicodedata.category(c).startswith("C") else c for c in text).split())


def _number(value: str | None) -> float | None:
    return float(value) if value and re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", value.strip()) else None


def _seconds_until(date: str | None, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(date or "")
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return seconds if seconds >= 0 else None
