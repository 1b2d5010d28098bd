"""A writing before it is read for words: one form for what Unicode writes in several, and its pieces in order."""

import re
import unicodedata
from collections.abc import Iterable

from shared.clips import Side, normalise
from worker.spoken.abbreviations import SHORT
from worker.spoken.units import UNITS

_APOSTROPHES = dict.fromkeys(map(ord, "’‘ʼ′`´＇‛"), "'")
_DASHES = dict.fromkeys(map(ord, "‐‑⁃﹣－"), "-") | dict.fromkeys(map(ord, "—―‒"), "–")
_POWERS = {ord("²"): "^2", ord("³"): "^3"}
_MARKS = _APOSTROPHES | _DASHES | _POWERS | {ord("⇒"): "→", ord("⟶"): "→", ord("➔"): "→", ord("≃"): "≈", ord("∙"): "·"}
_FRACTION = re.compile(r"(?<=[0-9])(?=[¼-¾⅐-⅞])")

_WORD = r"[^\W\d_]++(?:'[^\W\d_]++)*+"
_NUMBER: dict[Side, str] = {
    "en": r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]++)?(?![0-9])|[0-9]{1,3}(?:\ [0-9]{3})+(?![0-9])|[0-9]++(?:\.[0-9]++)?|(?<![\w.])\.[0-9]++",
    "fr": r"[0-9]{1,3}(?:[ .][0-9]{3})+(?:,[0-9]++)?(?![0-9])|[0-9]++(?:[,.][0-9]++)?",
}
_SHORT_DATE = r"(?<![\d/.-])(?P<d>[0-9]{1,2})(?P<sep>[/.-])(?P<m>[0-9]{1,2})(?P=sep)(?P<y>[0-9]{4}|[0-9]{2})(?![\d/])"
_ISO_DATE = r"(?<![\d-])(?P<iy>[0-9]{4})-(?P<im>[0-9]{2})-(?P<id>[0-9]{2})(?![\d-])"
_TIME: dict[Side, str] = {
    "en": r"(?<![\d:])(?P<hour>[0-9]{1,2}):(?P<minute>[0-5][0-9])(?![\d:])",
    "fr": r"(?<![\d:])(?P<hour>[0-9]{1,2})(?::|\ ?[hH]\ ?)(?P<minute>[0-5][0-9])(?![\d:h])"
    r"|(?<![\d:])(?P<full_hour>[0-9]{1,2})\ ?[hH](?!\w)",
}
_SIZE: dict[Side, str] = {
    "en": r"million|billion|trillion|thousand|bn|[mMkK](?!\w)",
    "fr": r"millions?|milliards?|mille|Mds?|[mMkK](?!\w)",
}
_ORDINAL: dict[Side, str] = {
    "en": r"(?P<rank>[0-9]{1,15})(?:st|nd|rd|th|ST|ND|RD|TH)(?!\w)",
    "fr": r"(?P<rank>[0-9]{1,15}|I(?=er|[eè]re|re)|(?:[VX]|[IVXLC]{2,})(?=[eèE]))"
    r"(?P<nth_end>(?i:i?[eè]mes?|i[eè]re?s?|[eè]res?|ers?|res?|nde?s?|de?s?|es?))(?!\w)",
}


def plain(writing: str) -> str:
    """Tags and control characters out, one form for apostrophes, dashes, digits, fractions and ligatures."""
    marked = _FRACTION.sub(" ", normalise(writing).translate(_MARKS))
    composed = unicodedata.normalize("NFKC", marked).replace("⁄", "/").translate(_MARKS)
    return "".join(str(unicodedata.decimal(one)) if one.isdecimal() and not one.isascii() else one for one in composed)


def _pieces(side: Side) -> re.Pattern[str]:
    """The kinds of piece, the longer before the shorter. What is between the pieces is not said."""
    number = _NUMBER[side]
    currency, code = r"[€$£¥]", "EUR|USD|GBP|JPY"
    kinds = {
        "attached": r"(?:[^\W\d_]++(?:\([^\W\d_]{1,6}\)[^\W\d_]*+)+|\([^\W\d_]{1,6}\)[^\W\d_]++)",
        "date": f"{_ISO_DATE}|{_SHORT_DATE}",
        "money": rf"(?P<coin_before>{currency})\ ?(?P<sum>{number})(?:\ ?(?P<size>{_SIZE[side]}))?(?!\w)"
        rf"|(?P<sum_before>{number})(?:\ ?(?P<size_before>{_SIZE[side]}))?(?:\ (?:de|d'))?\ ?(?P<coin>{currency}|(?:{code})(?!\w))"
        rf"(?:(?P<odd>{'[0-9]{2}(?![0-9])' if side == 'fr' else '(?!)'})|(?![0-9]))",
        "height": r"(?<![\d,.])(?:(?P<metres>[0-9]),(?P<centimetres>[0-9]{2})\ ?m|(?P<high>[0-9])\ ?m\ ?(?P<and>[0-9]{2}))(?!\w)"
        if side == "fr"
        else r"(?!)",
        "time": _TIME[side],
        "decade": r"'?(?P<tens>(?:[0-9]{2})?[0-9]0)'?s(?!\w)" if side == "en" else r"(?!)",
        "nth": _ORDINAL[side],
        "fraction": r"(?<![\d/.,])(?:(?P<units>[0-9]{1,6})\ )?(?P<above>[0-9]{1,6})/(?P<below>[0-9]{1,6})(?![\d/])",
        "number_sign": r"(?<!\w)(?:(?:[Nn][o°]s?)(?:\.\ ?|\ ?))(?=[0-9])",
        "short": rf"(?<![\w'])(?:{_any(SHORT[side])})(?![\w'])",
        "negative": r"(?<![\w)\]°%.€$£])-(?=[0-9])|−(?=\ ?[0-9])",
        "number": number,
        "measure": rf"(?<=[0-9])\ ?(?P<unit>{_any(UNITS[side])})(?![\w'])",
        "word": _WORD,
        "gap": r"\[?_++\]?|\.{3,}+",
        "symbol": r"\^[23]|[^\w\s]",
    }
    return re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in kinds.items()))


def _any(keys: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, keys), key=len, reverse=True)).replace(r"\ ", r"\ ?")


PIECES: dict[Side, re.Pattern[str]] = {"en": _pieces("en"), "fr": _pieces("fr")}
# Digits that belong together: said digit by digit even in groups of two. Seven at least, so that sums and scores are not.
TELEPHONE = re.compile(r"\+?[0-9](?:[ ().-]{0,2}[0-9]){6,}+")
