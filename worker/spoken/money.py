"""The ways to say an amount of money, and a fraction."""

from collections.abc import Iterator

from shared.clips import Side
from worker.spoken.numbers import cardinals, decimals, ordinals, wholes

# One, many, one hundredth of it, many of those.
_COINS: dict[Side, dict[str, tuple[str, str, str, str]]] = {
    "en": {
        "€": ("euro", "euros", "cent", "cents"),
        "$": ("dollar", "dollars", "cent", "cents"),
        "£": ("pound", "pounds", "penny", "pence"),
        "¥": ("yen", "yen", "sen", "sen"),
    },
    "fr": {
        "€": ("euro", "euros", "centime", "centimes"),
        "$": ("dollar", "dollars", "cent", "cents"),
        "£": ("livre", "livres", "penny", "pence"),
        "¥": ("yen", "yens", "sen", "sen"),
    },
}
_CODES = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}
_MAGNITUDES: dict[Side, dict[str, tuple[str, ...]]] = {
    "en": {"m": ("million",), "bn": ("billion",), "k": ("thousand", "k")},
    "fr": {"m": ("million", "millions"), "md": ("milliard", "milliards"), "mds": ("milliards",), "k": ("mille", "k")},
}
_PARTS: dict[Side, dict[int, tuple[str, str]]] = {
    "en": {2: ("half", "halves"), 4: ("quarter", "quarters")},
    "fr": {2: ("demi", "demis"), 3: ("tiers", "tiers"), 4: ("quart", "quarts")},
}


def amounts(whole: str, fraction: str, magnitude: str, currency: str, side: Side) -> frozenset[str]:
    """ "Five euros fifty", "two point five million dollars", "cinq euros et cinquante centimes"."""
    one, many, cent, cents = _COINS[side][_CODES.get(currency, currency)]
    coins = [one] if whole == "1" and not fraction and not magnitude else [many, one]
    numbers = decimals(whole, fraction, side) if fraction else wholes(whole, side)
    sizes = _MAGNITUDES[side].get(magnitude.lower(), (magnitude,))
    joint = ("", "de ", "d'") if side == "fr" and magnitude else ("",)
    ways = {f"{number} {size} {of}{coin}" for number in numbers for size in sizes for of in joint for coin in coins}
    if len(fraction) == 2 and not magnitude:
        ways |= set(_with_cents(whole, int(fraction), (coins, cent, cents), side))
    return frozenset(ways)


def _with_cents(whole: str, hundredths: int, coins: tuple[list[str], str, str], side: Side) -> Iterator[str]:
    names, cent, cents = coins
    name_of_cents = cent if hundredths == 1 else cents
    small = cardinals(hundredths, side)
    if not whole.strip("0"):
        yield from (f"{count} {name_of_cents}" for count in small)
        return
    large = [f"{number} {name}" for number in wholes(whole, side) for name in (names if whole != "1" else names[-1:])]
    if not hundredths:
        yield from large
        return
    joint = "and" if side == "en" else "et"
    for count in small:
        yield from (f"{number} {count}" for number in large)
        yield from (f"{number} {count} {name_of_cents}" for number in large)
        yield from (f"{number} {joint} {count} {name_of_cents}" for number in large)
        yield from (f"{number} {count}" for number in wholes(whole, side)) if side == "en" else ()


def fractions(above: str, below: str, side: Side) -> frozenset[str]:
    """ "Three quarters", "three over four", "trois quarts"; and "twenty-four seven", where it cannot be a part of one."""
    upper, lower = int(above), int(below)
    joints = ("over", "slash", "out of", "divided by") if side == "en" else ("sur", "barre", "slash", "divisé par")
    ways = {
        f"{one} {joint} {other}" for one in wholes(above, side) for joint in joints for other in wholes(below, side)
    }
    if upper >= lower or (above, below) == ("9", "11"):
        ways |= {f"{one} {other}" for one in wholes(above, side) for other in wholes(below, side)}
    if 1 < lower <= 1000 and 0 < upper <= 1000:
        ways |= {f"{count} {part}" for count in cardinals(upper, side) for part in _parts(lower, upper > 1, side)}
        ways |= {f"a {part}" for part in _parts(lower, False, side)} if side == "en" and upper == 1 else set()
        ways |= {"half", "half a", "half an"} if side == "en" and (upper, lower) == (1, 2) else set()
    return frozenset(ways)


def mixed(whole: str, above: str, below: str, side: Side) -> frozenset[str]:
    """ "One and a half", "deux et demi", "two and three quarters"."""
    is_french_half = side == "fr" and (above, below) == ("1", "2")
    rests = {"demi", "demie"} if is_french_half else fractions(above, below, side)
    joint = "and" if side == "en" else "et"
    return frozenset(f"{number} {joint} {rest}" for number in wholes(whole, side) for rest in rests)


def _parts(below: int, is_many: bool, side: Side) -> Iterator[str]:
    if below in _PARTS[side]:
        yield _PARTS[side][below][is_many]
    if below not in _PARTS[side] or (side == "en" and below != 2):
        yield from (f"{name}s" if is_many else name for name in ordinals(below, side))
