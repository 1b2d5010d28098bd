"""From a card's text to the clip that says it: sides, voices, normalisation, keys. Pure: no I/O, no clock."""

import hashlib
import html
import itertools
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Side = Literal["en", "fr"]
SIDES: tuple[Side, Side] = ("en", "fr")

# Part of every key: raise it when what is done to a text or to its audio changes so much that old audio should not be reused.
PIPELINE_VERSION = 1

# Only elements that HTML knows, with attributes as HTML writes them: "I <3 you", "a < b", "<your name>" and "<a verb>" are words.
_ELEMENTS = (
    "a|abbr|acronym|address|article|aside|audio|b|bdi|bdo|big|blockquote|body|br|button|caption|center|cite|code|col|colgroup"
    "|data|dd|del|details|dfn|div|dl|dt|em|figcaption|figure|font|footer|form|h[1-6]|head|header|hr|html|i|img|input|ins|kbd"
    "|label|li|link|main|mark|meta|nav|ol|p|picture|pre|q|rp|rt|ruby|s|samp|section|small|source|span|strike|strong|sub"
    "|summary|sup|svg|table|tbody|td|tfoot|th|thead|time|title|tr|track|tt|u|ul|var|video|wbr"
)
_BARE = "allowfullscreen|async|autoplay|checked|compact|controls|default|disabled|hidden|inert|ismap|loop|multiple|muted|noshade|nowrap"
_BARE += "|open|readonly|required|reversed|selected"
_VALUE = r"""(?:"[^"<]*"|'[^'<]*'|[^\s"'=<>`]+)"""
_ATTRIBUTE = rf"""\s+(?:[^\s"'<>/=]+\s*=\s*{_VALUE}|(?:{_BARE}|data-[\w-]+)(?=[\s/>]))"""
_TAG = re.compile(rf"</?(?=[A-Za-z])({_ELEMENTS})(?:{_ATTRIBUTE})*\s*/?>", re.IGNORECASE)
# Neither runs past the next opening of its own kind, so that a text full of openings costs linear time.
_COMMENT = re.compile(r"<!--(?:(?!-->|<!--).)*-->", re.DOTALL)
_UNSPOKEN = re.compile(r"<(script|style)\b[^<]*(?:<(?!/?\1\b)[^<]*)*</\1\s*>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# Between words written without a space, these elements part them; "<b>un</b>believable" is one word.
_INLINE = frozenset("a abbr b bdi bdo big code em font i kbd mark q s small span strong sub sup tt u var wbr".split())
# Marks are neither letters nor space; no language puts so many over one letter.
_MANY_MARKS = re.compile(r"[^\w\s]{32,}")
# ZWNJ and ZWJ are invisible too, but change how scripts and emoji are read.
_JOINERS = "\u200c\u200d"
# Letters, marks and signs to Unicode, and nothing to see or to say: fillers of Hangul, Braille's blank, selectors of variants.
# Within a word they may mean something; a word of them alone is none.
_UNSEEN = f"{_JOINERS}\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\U0001d159" + "".join(
    map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)


@dataclass(frozen=True)
class Voice:
    """Who speaks one side, and how: everything beside the text that decides what a clip sounds like."""

    language: Side
    engine: str
    base_url: str
    model: str
    name: str
    instructions: str
    speed: float
    extra_body: Mapping[str, Any]


def normalise(text: str) -> str:
    """The text as it is spoken and keyed: NFC, well-formed HTML tags and entities out, white space folded.

    The result may be empty: then there is nothing to say.
    """
    without_markup = _TAG.sub(_gap, _UNSPOKEN.sub(" ", _COMMENT.sub(" ", text)))
    plain = _ENTITY.sub(lambda entity: html.unescape(entity[0]), without_markup)
    words = unicodedata.normalize("NFC", _MANY_MARKS.sub(_sort_marks, _audible(plain))).split()
    # At the edge of a word a joiner joins nothing.
    return " ".join(word.strip(_JOINERS) for word in words if word.strip(_UNSEEN))


def text_hash(text: str, side: Side) -> str:
    """Names what a card's side says, whoever says it: hex SHA-256 of the normalised text and its language."""
    return _digest([side, text])


def clip_key(text: str, voice: Voice) -> str:
    """Names the audio of a normalised text in one voice: hex SHA-256 over all that decides how it sounds."""
    return _digest([PIPELINE_VERSION, text, asdict(voice) | {"extra_body": dict(voice.extra_body)}])


def file_name(card_id: str, side: Side) -> str:
    """The name under which a card's audio is served."""
    return f"{card_id}_{side}.mp3"


def _gap(tag: re.Match[str]) -> str:
    return "" if tag[1].lower() in _INLINE else " "


def _audible(text: str) -> str:
    return text if text.isprintable() else "".join(map(_audible_character, text))


def _audible_character(character: str) -> str:
    match unicodedata.category(character):
        case "Cc":
            return " "
        case "Cf" if character not in _JOINERS:
            return ""
        case _:
            return character


def _sort_marks(run: re.Match[str]) -> str:
    """The same run to NFC, which sorts the marks over a letter too, but takes the square of their number to do it."""
    runs = itertools.groupby(run[0], lambda character: unicodedata.combining(character) > 0)
    return "".join("".join(sorted(marks, key=unicodedata.combining) if is_marks else marks) for is_marks, marks in runs)


def _digest(parts: list[Any]) -> str:
    canonical = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
