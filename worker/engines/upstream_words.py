"""What a person may read in an answer that says no, whatever its shape: one line, with no key and no control characters in it."""

import html
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

import openai

MAX_WORDS = 300
# Enough of any error page to find its words in, and little enough to search quickly.
_MAX_BODY = 10_000
# A shorter "key" is the word one makes up for a server that asks for none: hiding it would only spoil the message.
_SHORTEST_SECRET = 8

_TITLE = re.compile(r"<title[^<>]*>([^<>]+)</title", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_KEY_LIKE = re.compile(r"\b(?:sk|sess|pk|rk)-[\w*.…-]{3,}|\bBearer\s+[^\s'\"]+", re.IGNORECASE)


def body_of(error: openai.APIStatusError) -> Any:
    """The whole answer: of `{"error": …, "message": …}` the client keeps the first only."""
    try:
        return json.loads(error.response.text) or error.body
    except (ValueError, RuntimeError):  # no JSON, too deep, not read
        return error.body


def marks_of(body: object) -> frozenset[str]:
    """The codes and types in an error body, wherever the server puts them."""
    marks: set[str] = set()
    for part in _parts(body):
        # Kokoro-FastAPI calls its code `error`. Words are no code: they may quote a text.
        marks |= {str(part[name]) for name in ("code", "type", "status", "error") if _is_code(part.get(name))}
        if part.get("param") == "model":  # openedai-speech, LiteLLM
            marks.add("invalid_model")
    return frozenset(marks)


def _parts(body: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(body, dict):
        yield body
        yield from (body[name] for name in ("error", "detail") if isinstance(body.get(name), dict))


def _is_code(value: object) -> bool:
    return isinstance(value, str | int) and re.fullmatch(r"[\w.-]{1,64}", str(value)) is not None


def words_of(body: Any, depth: int = 0) -> str:
    """What a person may read in an error body: JSON of the known shapes, HTML or plain text."""
    if isinstance(body, str):
        return _text_of_page(body[:_MAX_BODY])
    if depth > 4:
        return ""
    if isinstance(body, list):
        return "; ".join(filter(None, (words_of(item, depth + 1) for item in body[:3])))
    if isinstance(body, dict):
        names = ("message", "error", "detail", "msg", "title", "code")
        inner = (words_of(body[name], depth + 1) for name in names if body.get(name))
        words = next(filter(None, inner), "")
        return f"{field}: {words}" if words and (field := _field(body.get("loc"))) else words
    return ""


def _field(loc: object) -> str:
    """FastAPI's name of what is wrong: `["body", "voice"]` is `voice`."""
    if not isinstance(loc, list):
        return ""
    return ".".join(str(part) for part in loc[:4] if isinstance(part, str | int) and part != "body")


def _text_of_page(text: str) -> str:
    if not text.lstrip().startswith("<"):
        return text
    title = _TITLE.search(text)
    return html.unescape(title[1] if title else _TAG.sub(" ", text))


def line(words: str, secret: str) -> str:
    """One line that a user may see and Postgres can store."""
    shown = _printable(words)
    for hidden in (secret, _printable(secret)):
        if len(hidden) >= _SHORTEST_SECRET:
            shown = shown.replace(hidden, "***")
    shown = _KEY_LIKE.sub("***", shown)
    return shown if len(shown) <= MAX_WORDS else shown[: MAX_WORDS - 1] + "…"


def _printable(text: str) -> str:
    return " ".join("".join(" " if unicodedata.category(c).startswith("C") else c for c in text).split())
