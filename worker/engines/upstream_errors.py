"""From what the OpenAI client raised to what to do about it. Pure: sends nothing, waits for nothing.

The messages end up in the database and before users: the upstream's own words, as `upstream_words` finds and cleans them.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from inspect import cleandoc

import httpx2
import openai

from worker.engines.upstream_words import body_of, line, marks_of, words_of
from worker.errors import (
    ClipRefused,
    KeyRejected,
    ModelNotFound,
    NothingThere,
    QuotaExhausted,
    RateLimited,
    Unspoken,
    UpstreamClosed,
    UpstreamFault,
    UpstreamGone,
    UpstreamSilent,
)

MAX_RETRY_AFTER_SECONDS = 3600.0
# Asking a server that is not ready costs nothing: it need not be believed for longer.
MAX_UNREADY_SECONDS = 60.0

_BILLING = frozenset(
    "insufficient_quota credit_balance_exhausted organization_spend_limit_exceeded project_spend_limit_exceeded"
    " organization_usage_limit_exceeded billing_hard_limit_reached billing_not_active".split()
)
_NO_SUCH_MODEL = frozenset("model_not_found invalid_model unknown_model".split())
_SLOW_DOWN = frozenset("rate_limit_exceeded slow_down".split())
_MODEL_LOADING = frozenset("model_loading model_not_ready".split())
_CONTENT = frozenset("content_policy_violation content_filter moderation_blocked".split())

# What a log may hold of an error body: everything else in it may be a card's word, or the key, also where a code should be.
_KNOWN = (
    _BILLING
    | _NO_SUCH_MODEL
    | _SLOW_DOWN
    | _MODEL_LOADING
    | _CONTENT
    | frozenset(
        "invalid_request_error invalid_api_key invalid_authentication authentication_error permission_error api_error"
        " server_error internal_error internal_server_error engine_error overloaded_error service_unavailable requests tokens"
        " invalid_value invalid_type invalid_voice unsupported_value unsupported_parameter unknown_parameter"
        " missing_required_parameter string_above_max_length unsupported_country_region_territory not_found not_found_error"
        " validation_error processing_error session_expired timeout".split()
    )
)
# "Model x is currently loading" (Hugging Face), "Loading model" (llama.cpp). Only at the start, where no text is quoted.
_LOADING = re.compile(
    r"(?:the )?model\b.{0,200}?\bis (?:currently |still )?(?:loading|being loaded)\b|loading (?:the )?model\b",
    re.IGNORECASE,
)
# What servers say of a path that they don't have: most web frameworks, Express, OpenAI.
_NO_SUCH_PATH = re.compile(
    r"HTTP 404: (?:(?:404:? )?(?:page )?not found\W*|no explanation|cannot (?:get|post) /.*|invalid url\b.*)",
    re.IGNORECASE,
)


def fault_of(error: Exception, secret: str) -> Unspoken:
    """The error of `worker.errors` that says what to do next. `error` is anything that a request raised, `secret` the API key."""
    if isinstance(error, openai.APIStatusError):
        fault = _answered(error, secret)
        fault.status = str(error.status_code)
        fault.reason = f"{type(fault).__name__}: HTTP {error.status_code} {_codes(error)}".rstrip()
        return fault
    fault = _unanswered(error, secret)
    if isinstance(error, ValueError | TypeError) or type(fault) is UpstreamFault:
        fault.reason = (
            f"{type(fault).__name__}: {type(error.__cause__ or error).__name__}"  # its words may quote the request
        )
    return fault


def _unanswered(error: Exception, secret: str) -> Unspoken:
    if not _sendable(secret):
        return _told(KeyRejected, "it holds characters that no HTTP header can carry", secret)
    if isinstance(error, TimeoutError | openai.APITimeoutError | httpx2.TimeoutException):
        return UpstreamSilent()
    if isinstance(error, ValueError | TypeError):
        return _told(ClipRefused, f"the request could not be written: {error}", secret)
    is_gone = isinstance(error.__cause__, httpx2.ConnectError)
    kind = UpstreamGone if is_gone else UpstreamFault
    return kind(f"The upstream could not be reached: {line(_cause(error), secret)}")


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


def _answered(error: openai.APIStatusError, secret: str) -> Unspoken:
    status, body = error.status_code, body_of(error)
    marks, words = marks_of(body), words_of(body)
    said = f"HTTP {status}: {words or 'no explanation'}"
    if status == 402 or (status < 500 and marks & _BILLING):
        return _told(QuotaExhausted, said, secret)
    waiting = retry_after_seconds(error.response.headers, datetime.now(UTC))
    if status == 429 or marks & _SLOW_DOWN:
        return RateLimited(f"The upstream asks to slow down ({line(said, secret)})", waiting)
    if marks & _MODEL_LOADING or (status in (404, 503) and _LOADING.match(words)):
        # Not this clip's trouble, and no matter how often it is asked: it must not cost the clip its tries.
        return UpstreamGone(f"The upstream loads its model ({line(said, secret)})")
    if status == 503 and waiting is not None:
        waiting = min(waiting, MAX_UNREADY_SECONDS)
        return RateLimited(f"The upstream asks to come back later ({line(said, secret)})", waiting)
    if status >= 500 or status < 400 or status in (408, 409, 425):
        return UpstreamFault(f"The upstream is in trouble ({line(said, secret)})")
    return _told(_refusal(status, marks, said), said, secret)


def _codes(error: openai.APIStatusError) -> str:
    return " ".join(sorted(marks_of(body_of(error)) & _KNOWN))


def _refusal(status: int, marks: frozenset[str], said: str) -> type[Unspoken]:
    # Only codes are trusted, hardly the words: they may quote the text, and a text must not be able to stop every job.
    if not marks & _NO_SUCH_MODEL and _NO_SUCH_PATH.fullmatch(said):
        return NothingThere
    if status in (404, 410) or marks & _NO_SUCH_MODEL or "invalid model id" in said.lower()[:40]:
        return ModelNotFound
    if status == 401:
        return KeyRejected
    if status == 403 and not marks & _CONTENT:
        # A region, a permission, a firewall: a new key would not help with those.
        return (
            KeyRejected if re.search(r"api[ _-]?key|credential", f"{said} {marks}", re.IGNORECASE) else UpstreamClosed
        )
    return ClipRefused


def _told(kind: type[Unspoken], said: str, secret: str) -> Unspoken:
    return kind(f"{cleandoc(kind.__doc__ or '')} ({line(said, secret)})")


def _sendable(secret: str) -> bool:
    return secret.isascii() and secret.isprintable() and secret == secret.strip() != ""


def _cause(error: BaseException) -> str:
    """The client says "Connection error." and keeps what happened as the cause."""
    reason = error.__cause__ if isinstance(error, openai.APIConnectionError) and error.__cause__ else error
    return f"{type(reason).__name__}: {reason}" if str(reason) else type(reason).__name__


def _number(value: str | None) -> float | None:
    return float(value) if value and re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", value.strip()) else None


def _seconds_until(date: str | None, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(date or "")
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return seconds if seconds >= 0 else None
