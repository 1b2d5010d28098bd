"""What an upstream says where audio should be: one line that its reader may see and Postgres can store."""

import re
import unicodedata

LONGEST_WORDS = 150
# Enough of any page to find its words in, and little enough to search quickly.
_LOOKED_AT_BYTES = 4_000
_TITLE = re.compile(r"<title[^<>]*>([^<>]+)</title", re.IGNORECASE)
_UNSEEN = re.compile(r"<(script|style|head)\b.*?</\1\s*>|<[^<>]*>", re.IGNORECASE | re.DOTALL)
_KEY_LIKE = re.compile(r"\b(?:sk|sess|pk|rk)-[\w*.…-]{3,}|\bBearer\s+[^\s'\"]+", re.IGNORECASE)


def first_words(body: bytes) -> str:
    """The first words of a text, of JSON as it stands, or of a page: its title, or else what one would see of it."""
    text = body[:_LOOKED_AT_BYTES].decode("utf-8-sig", errors="ignore")
    if text.lstrip().startswith("<"):
        title = _TITLE.search(text)
        text = title[1] if title else _UNSEEN.sub(" ", text)
    line = _KEY_LIKE.sub("***", _printable(text))
    return line if len(line) <= LONGEST_WORDS else line[: LONGEST_WORDS - 1] + "…"


def _printable(text: str) -> str:
    return " ".join("".join(" " if unicodedata.category(c).startswith("C") else c for c in text).split())
