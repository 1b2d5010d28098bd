"""Every way to say one written word: as it stands, short for another, contracted, a Roman numeral, a letter."""

import re

from shared.clips import Side
from worker.spoken import numbers
from worker.spoken.abbreviations import SHORT
from worker.spoken.contractions import ENDINGS, IRREGULAR, PRONOUNS_WITH_IS, QUESTION_WORDS, SCALES
from worker.spoken.meeting import Slot
from worker.spoken.names import LETTERS, NUMBERED
from worker.spoken.spellings import letters
from worker.spoken.symbols import RECKONING

_CONTRACTED = re.compile(r"(?i)(.*?[a-z])((?:'(?:m|re|ve|ll|d|s)|(?<=[a-z])n't)+)")
_ENDING = re.compile(r"n't|'(?:m|re|ve|ll|d|s)")


def said(word: str, before: str, after: str, side: Side) -> list[Slot]:
    """The slots of a word between two others."""
    if side == "en" and (slots := _english(word.lower(), before.lower(), after.lower(), side)):
        return slots
    ways = {word, *LETTERS[side].get(word, ())} | _as_numeral(word, before, side)
    if before[-1:].isdecimal() or after[:1].isdecimal():
        ways |= {*SHORT[side].get(f"{word}.", ())}  # "Jan 5" lacks its dot
    if word in ("x", "X") and before[-1:].isdecimal() and after[:1].isdecimal():
        ways |= {*RECKONING[side]["×"]}
    return [frozenset(letters(way, side) for way in ways)]


def spelled_out(short: str, side: Side) -> Slot:
    """What an abbreviation stands for, and its own letters."""
    known = SHORT[side].get(short) or next(ways for key, ways in SHORT[side].items() if _tight(key) == _tight(short))
    return frozenset(letters(way, side) for way in (short, *known))


def _tight(short: str) -> str:
    return short.replace(" ", "")


def _english(word: str, before: str, after: str, side: Side) -> list[Slot]:
    """Contractions; and the "and" of "two hundred and five", which may stay unsaid."""
    if word == "and" and before in SCALES:
        return [frozenset(("", "and"))] if _starts_a_number(after) else []
    for irregular, regular in IRREGULAR.items():
        word = word.replace(irregular, regular)
    if not (contracted := _CONTRACTED.fullmatch(word)):
        return []
    stem, endings = contracted.groups()
    return [frozenset((letters(stem, side),)), *(_ending(stem, one) for one in _ENDING.findall(endings))]


def _ending(stem: str, ending: str) -> Slot:
    if ending == "'s":
        return frozenset(("s", "us") if stem == "let" else ("s", "is", "has") if stem in PRONOUNS_WITH_IS else ("s",))
    ways = ENDINGS[ending]
    return frozenset((*ways, "did") if ending == "'d" and stem in QUESTION_WORDS else ways)


def _starts_a_number(word: str) -> bool:
    return word[:1].isdecimal() or word.split("-")[0] in _COUNTED


def _as_numeral(word: str, before: str, side: Side) -> set[str]:
    """ "Louis XIV", "Chapter IV", "World War I"; alone, I, V and X are letters."""
    is_one = len(word) == 1 and before.lower() in NUMBERED[side]
    if not (is_one or (len(word) > 1 and (not word.strip("IVX") or len(word) > 3))):
        return set()
    number = numbers.roman(word)
    if number is None:
        return set()
    of_kings = numbers.ordinals(number, side) if side == "en" and before[:1].isupper() else ()
    return {*numbers.cardinals(number, side), *(f"the {name}" for name in of_kings)}


# The words that a number may go on with after "and".
_COUNTED = frozenset(name.split()[0] for number in range(1, 1000) for name in numbers.cardinals(number, "en")) - {"a"}
