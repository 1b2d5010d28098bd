"""The body of `generate`, read and checked by hand: a decoder would stop at the first bad phrase, and name none. Pure."""

import hashlib
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from api.storable import is_storable
from shared.clips import normalise
from shared.errors import InvalidRequest, PhraseError
from shared.jobs import Phrase

MAX_PHRASES = 200
MAX_TEXT_LENGTH = 4_096
MAX_CARD_ID_LENGTH = 128
MAX_KEY_LENGTH = 255
_FIELDS = ("textEn", "textFr", "cardId")
# It becomes a file name: no folders, nothing hidden.
CARD_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")

# 20 MiB of empty lists would be half a gigabyte of objects, and seconds in which the API answers nobody: a large body must
# be large by its texts.
_MAX_STRUCTURE_BYTES = 1024 * 1024
# Possessive, since a text of ten million escapes would leave as many ways to go back.
_TEXTS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|\s++', re.DOTALL)


@dataclass(frozen=True)
class GenerateRequest:
    """What is asked for. Its phrases are as they came, good or bad."""

    deck_id: str
    phrases: list[Any]
    regenerate: bool
    fields: dict[str, Any]

    @property
    def digest(self) -> str:
        """The same for equal bodies, however they were written."""
        return hashlib.sha256(json.dumps(self.fields, sort_keys=True).encode()).hexdigest()


def read(body: bytes) -> GenerateRequest:
    """The request as a whole. Raises `InvalidRequest`."""
    fields = _json_object(body)
    deck_id, phrases, regenerate = fields.get("deckId"), fields.get("phrases"), fields.get("regenerate", False)
    if not isinstance(deck_id, str) or not deck_id or not is_storable(deck_id):
        raise InvalidRequest("deckId must be the id of a deck.")
    if not isinstance(phrases, list) or not 1 <= len(phrases) <= MAX_PHRASES:
        count = f": these are {len(phrases)}" if isinstance(phrases, list) else ""
        raise InvalidRequest(f"phrases must be a list of 1 to {MAX_PHRASES} phrases{count}.")
    if not isinstance(regenerate, bool):
        raise InvalidRequest("regenerate must be true or false.")
    return GenerateRequest(deck_id, phrases, regenerate, fields)


def card_ids(request: GenerateRequest) -> set[str]:
    """The ids in the phrases that could be cards'."""
    return {card_id for phrase in request.phrases if (card_id := _card_id(phrase)) and _is_file_name(card_id)}


def check_phrases(request: GenerateRequest, cards_of_deck: Collection[str]) -> list[Phrase]:
    """The phrases, all of them good. Raises `InvalidRequest`, which names every bad one."""
    seen: set[str] = set()
    errors = []
    for index, phrase in enumerate(request.phrases):
        card_id = _card_id(phrase)
        messages = [*_text_faults(phrase), *_card_faults(card_id, cards_of_deck, seen)]
        errors += [PhraseError(index, _readable(card_id), message) for message in messages]
        seen.add(card_id or "")
    if errors:
        count = len({error.index for error in errors})
        raise InvalidRequest(f"{count} of {len(request.phrases)} phrases cannot be taken; nothing was queued.", errors)
    return [{name: phrase[name] for name in _FIELDS} for phrase in request.phrases]


def _json_object(body: bytes) -> dict[str, Any]:
    if len(body) > _MAX_STRUCTURE_BYTES and len(_TEXTS.sub(b"", body)) > _MAX_STRUCTURE_BYTES:
        raise InvalidRequest("The body holds far more than deckId and phrases.")
    try:
        fields = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidRequest("The body is not JSON in UTF-8.") from None
    if not isinstance(fields, dict):
        raise InvalidRequest("The body must be a JSON object with deckId and phrases.")
    return fields


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is Python's, not JSON's")


def _text_faults(phrase: Any) -> Iterator[str]:
    if not isinstance(phrase, dict):
        yield "must be an object with textEn, textFr and cardId"
        return
    faults = [fault for name in ("textEn", "textFr") if (fault := _text_fault(name, phrase.get(name)))]
    yield from faults
    if not faults and not normalise(phrase["textEn"]) and not normalise(phrase["textFr"]):
        yield "textEn and textFr are both blank: at least one must have something to say"


def _text_fault(name: str, text: Any) -> str | None:
    if not isinstance(text, str):
        return f"{name} must be a string"
    if len(text) > MAX_TEXT_LENGTH:
        return f"{name} has {len(text):,} characters, at most {MAX_TEXT_LENGTH:,} are possible"
    if "\0" in text:
        return f"{name} contains a NUL character"
    if not is_storable(text):
        return f"{name} contains half of a surrogate pair, which is no character"
    return None


def _card_faults(card_id: str | None, cards_of_deck: Collection[str], seen: Collection[str]) -> Iterator[str]:
    if card_id is None:
        yield "cardId must be a string"
    elif not _is_file_name(card_id):
        yield (
            f"cardId must have 1 to {MAX_CARD_ID_LENGTH} letters, digits, dots, underscores or hyphens,"
            " and not begin with a dot"
        )
    elif card_id not in cards_of_deck:
        yield "the deck has no such card"
    if card_id and card_id in seen:
        yield "this card was in an earlier phrase already: a card can be in a job once"


def _card_id(phrase: Any) -> str | None:
    card_id = phrase.get("cardId") if isinstance(phrase, dict) else None
    return card_id if isinstance(card_id, str) else None


def _is_file_name(card_id: str) -> bool:
    return len(card_id) <= MAX_CARD_ID_LENGTH and CARD_ID.fullmatch(card_id) is not None


def _readable(card_id: str | None) -> str | None:
    """What can be sent back: UTF-8 knows no lone surrogate, and nobody reads a megabyte."""
    return card_id[:MAX_CARD_ID_LENGTH].encode(errors="replace").decode() if card_id is not None else None
