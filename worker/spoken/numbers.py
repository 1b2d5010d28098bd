"""The ways to say a number that is written in digits."""

import re
from functools import lru_cache

from num2words2 import num2words

from shared.clips import Side

POINT: dict[Side, tuple[str, ...]] = {"en": ("point",), "fr": ("virgule", "point")}
_NOUGHT: dict[Side, tuple[str, ...]] = {"en": ("zero", "oh", "o"), "fr": ("zéro",)}
# Beyond, no number has a name that people know: it is said digit by digit.
_NAMED_DIGITS = 18
# French says 70 and 90 in its own way in Belgium and Switzerland; the words are right wherever the voice is from.
_COUNTRIES: dict[Side, tuple[str, ...]] = {"en": ("en",), "fr": ("fr", "fr_BE", "fr_CH")}
_ROMAN = {"M": 1000, "D": 500, "C": 100, "L": 50, "X": 10, "V": 5, "I": 1}
_WELL_FORMED = re.compile(r"(?=.)M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")


@lru_cache(maxsize=4096)
def cardinals(number: int, side: Side) -> frozenset[str]:
    """ "Two hundred five", without the "and" that may stand in it; French in both genders."""
    names = {_name(number, country) for country in _COUNTRIES[side]}
    if side == "fr":
        return frozenset(names | {f"{name}e" for name in names if re.search(r"\bun$", name)})
    return frozenset(names | {re.sub("^one", "a", name) for name in names if re.match("one [htmb]", name)})


@lru_cache(maxsize=4096)
def ordinals(number: int, side: Side) -> frozenset[str]:
    """ "First", "premier", "première", "deuxième", "second"."""
    names = {_name(number, country, "ordinal") for country in _COUNTRIES[side]}
    if side == "fr":
        names |= {1: {"première"}, 2: {"second", "seconde"}}.get(number, set())
    return frozenset(names)


def ranks(number: int, ending: str) -> frozenset[str]:
    """French ordinals as their ending tells them: "1er" and "1re", "2nd", "2nde" and "2e", and their plurals."""
    end = ending.lower().removesuffix("s")
    names = ordinals(number, "fr")
    if number <= 2 and end != "e":
        feminine = {"première", "seconde"} if end[-1:] == "e" else {"premier", "second"}
        names = frozenset(names & (feminine if "m" not in end else names - {"second", "seconde"}))
    return frozenset(f"{name}s" for name in names) if ending.lower().endswith("s") else names


@lru_cache(maxsize=4096)
def wholes(digits: str, side: Side, one_by_one: bool = False) -> frozenset[str]:
    """Every way to say a row of digits: as a number, as a year, and where it is long or `one_by_one`, digit by digit."""
    ways: set[str] = set()
    if not _leads_with_nought(digits) and len(digits) <= _NAMED_DIGITS:
        ways |= cardinals(int(digits), side) | _in_hundreds(digits, side)
    if len(digits) > 2 or one_by_one or _leads_with_nought(digits):
        ways |= singly(digits, side)
    if digits == "0":
        ways |= {"oh", "nought", "naught"} if side == "en" else set()
    return frozenset(ways | _by_pairs(digits, side))


def decimals(whole: str, fraction: str, side: Side) -> frozenset[str]:
    """ "Three point one four", "trois virgule quatorze", "point five"."""
    before = wholes(whole, side) if whole else frozenset({""})
    if whole == "0" and side == "en":
        before |= {"", "oh"}
    after = set(singly(fraction, side))
    counted = fraction.lstrip("0")
    if 0 < len(counted) <= (2 if side == "en" else 3):
        noughts = f"{_NOUGHT[side][0]} " * (len(fraction) - len(counted))
        after |= {noughts + name for name in cardinals(int(counted), side)}
    return frozenset(f"{number} {point} {rest}" for number in before for point in POINT[side] for rest in after)


def singly(digits: str, side: Side) -> frozenset[str]:
    """Digit by digit: "four oh four", "double oh seven"."""
    rows = set()
    for nought in _NOUGHT[side]:
        names = [nought if digit == "0" else _name(int(digit), side) for digit in digits]
        rows.add(" ".join(names))
        rows.add(re.sub(r"\b(\w+) \1\b", r"double \1", " ".join(names)) if side == "en" else " ".join(names))
    return frozenset(rows)


def roman(numeral: str) -> int | None:
    """What a Roman numeral in capitals counts; None where it is none."""
    if not _WELL_FORMED.fullmatch(numeral):
        return None
    values = [_ROMAN[letter] for letter in numeral]
    return sum(-one if one < after else one for one, after in zip(values, [*values[1:], 0], strict=True))


@lru_cache(maxsize=8192)
def _name(number: int, language: str, to: str = "cardinal") -> str:
    name = str(num2words(number, lang=language, to=to))  # type: ignore[no-untyped-call]
    return name.replace(" and ", " ").replace(",", "").replace("-", " ")


def _leads_with_nought(digits: str) -> bool:
    return len(digits) > 1 and digits.startswith("0")


def _in_hundreds(digits: str, side: Side) -> set[str]:
    """ "Nineteen hundred eighty-four", "dix-neuf cent quatre-vingt-quatre"."""
    hundreds, rest = divmod(int(digits), 100)
    if not (10 < hundreds < (100 if side == "en" else 20) and hundreds % 10):
        return set()
    rests = cardinals(rest, side) if rest else {""}
    return {f"{_name(hundreds, side)} {'hundred' if side == 'en' else 'cent'} {name}" for name in rests}


def _by_pairs(digits: str, side: Side) -> set[str]:
    """ "Nineteen eighty-four", "two twenty-five"; French telephone numbers, "zéro six douze". A shorter French number would be lost
    in that: "60 10" sounds like 70."""
    if len(digits) < (3 if side == "en" else 6) or (side == "fr" and len(digits) % 2) or digits.endswith("000"):
        return set()
    odd = len(digits) % 2
    pairs = [digits[at : at + 2] for at in range(odd, len(digits), 2)]
    head = _name(int(digits[0]), side) + " " if odd else ""
    return {head + " ".join(_pair(pair, nought, side) for pair in pairs) for nought in _NOUGHT[side]}


def _pair(pair: str, nought: str, side: Side) -> str:
    if not pair.startswith("0"):
        return _name(int(pair), side)
    return f"{nought} {nought if pair == '00' else _name(int(pair), side)}"
