"""One deck, one job, and what is answered about them: the examples of `/schema`."""

from typing import Any

import msgspec

from api.schemas import (
    Accepted,
    DetailAnswer,
    Estimate,
    Health,
    JobAccepted,
    JobAnswer,
    JobProgress,
    JobsAnswer,
    JobStatus,
)

JOB_ID = "3f1d6c1e-8a4b-4b0e-9a39-0d3a5f6f7c21"
IDEMPOTENCY_KEY = "deck-id-123-2026-02-02"
CURSOR = "MTAyNA"
LAST_EVENT_ID = "end-5d0c2f4a9b1e7733"

GENERATE = {
    "deckId": "deck-id-123",
    "phrases": [
        {"textEn": "Hello, how are you?", "textFr": "Bonjour, comment allez-vous ?", "cardId": "card-id-456"},
        {"textEn": "Good morning", "textFr": "Bonjour", "cardId": "card-id-789"},
    ],
}
_DECK = {"deckId": "deck-id-123"}
_TIMES = {"createdAt": "2026-02-02T10:00:00.000Z", "completedAt": "2026-02-02T10:05:00.000Z"}
_STATE = {"status": "completed", "totalPhrases": 2, "processedCount": 2, "errorMessage": None}
_COST = {
    "clipsMade": 3,
    "clipsCached": 1,
    "charactersBilled": 60,
    "inputTokens": 0,
    "outputTextTokens": 0,
    "outputAudioTokens": 0,
    "usd": 0.0009,
}
_VOICE = {"engine": "speech", "model": "gpt-4o-mini-tts", "voice": "marin", "checks": ["audio"], "error": None}


def _url(card_id: str, side: str) -> str:
    return f"http://localhost/storage/tts/{card_id}_{side}.mp3"


def _entry(card_id: str) -> dict[str, Any]:
    return {"cardId": card_id, "audioUrlEn": _url(card_id, "en"), "audioUrlFr": _url(card_id, "fr")}


def _clip(card_id: str, side: str, characters: int, cached: bool = False) -> dict[str, Any]:
    return {
        "cardId": card_id,
        "side": side,
        "status": "done",
        "characters": characters,
        "url": _url(card_id, side),
        "bytes": characters * 1_200,
        "durationMs": characters * 75,
        "cached": cached,
        **_VOICE,
    }


_JOB = {"id": JOB_ID, **_STATE, "resultUrls": [_entry("card-id-456"), _entry("card-id-789")], **_TIMES}
_JOB_IN_FULL = {
    "id": JOB_ID,
    **_DECK,
    **_STATE,
    "regenerate": False,
    **_TIMES,
    "startedAt": "2026-02-02T10:00:01.250Z",
    "phrases": GENERATE["phrases"],
    "clips": [
        _clip("card-id-456", "en", 19),
        _clip("card-id-456", "fr", 29),
        _clip("card-id-789", "en", 12),
        _clip("card-id-789", "fr", 7, cached=True),
    ],
    "cost": _COST,
}

# Read as what they are examples of, so that none can be wrong.
ACCEPTED = msgspec.convert({"ok": True}, Accepted)
HEALTHY = msgspec.convert({"ok": True}, Health)
JOB_ACCEPTED = msgspec.convert({"ok": True, "jobId": JOB_ID}, JobAccepted)
ESTIMATE = msgspec.convert(
    {"clips": 4, "cached": 1, "characters": 60, "estimatedCostUsd": 0.0009, "estimatedSeconds": 3.0}, Estimate
)
STATUS = msgspec.convert({"job": _JOB}, JobAnswer)
DETAIL = msgspec.convert({"job": _JOB_IN_FULL}, DetailAnswer)
JOBS = msgspec.convert(
    {"jobs": [{"id": JOB_ID, **_DECK, **_STATE, **_TIMES, "cost": _COST}], "nextCursor": CURSOR}, JobsAnswer
)
_PROGRESS = msgspec.convert(
    {**_STATE, "status": "processing", "processedCount": 1, "cards": [_entry("card-id-456")]}, JobProgress
)
_BEGUN = {"status": "pending", "processedCount": 0, "resultUrls": [], "completedAt": None}
_SNAPSHOT = msgspec.convert(_JOB | _BEGUN, JobStatus)


def _event(name: str, event_id: str, data: msgspec.Struct) -> dict[str, str]:
    return {"event": name, "id": event_id, "data": msgspec.json.encode(data).decode()}


EVENTS = (
    _event("snapshot", "0a44b3c1d2e3f405", _SNAPSHOT),
    _event("progress", "77c1a0b2c3d4e5f6", _PROGRESS),
    _event("end", LAST_EVENT_ID, STATUS.job),
)
