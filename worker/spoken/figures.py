"""Every way to say a piece that holds digits or counts."""

import re

from shared.clips import Side
from worker.spoken import clock, numbers
from worker.spoken import money as coins
from worker.spoken.meeting import Slot
from worker.spoken.names import MONTHS
from worker.spoken.pieces import Piece, slot
from worker.spoken.units import UNITS


def number(piece: Piece, side: Side) -> list[Slot]:
    written = piece.match["number"]
    whole, fraction = _digits(written, side)
    ways = numbers.decimals(whole, fraction, side) if fraction else numbers.wholes(whole, side, piece.in_telephone)
    if " " in written or (fraction and len(fraction) == 3):
        ways |= _group_by_group(written, side, piece.in_telephone)
    return [slot(ways | _day(piece, whole, side), side)]


def _digits(written: str, side: Side) -> tuple[str, str]:
    """The digits before and after the decimal sign, which "1,000" has in French and not in English."""
    parted = re.sub("[ ,]", "", written) if side == "en" else re.sub(r" |\.(?=[0-9]{3}(?![0-9]))", "", written)
    whole, _, fraction = parted.replace(",", ".").partition(".")
    return whole, fraction


def _group_by_group(written: str, side: Side, one_by_one: bool) -> frozenset[str]:
    """ "123 456" may be two numbers."""
    if not re.fullmatch(r"[0-9]+(?: [0-9]+){1,4}", written):
        return frozenset()
    ways = {""}
    for group in written.split():
        names = numbers.wholes(group, side, one_by_one)
        ways = {f"{way} {name}" for way in sorted(ways)[:20] for name in names}
    return frozenset(ways)


def _day(piece: Piece, whole: str, side: Side) -> frozenset[str]:
    """The day of a month that is written as a word beside it."""
    if len(whole) > 2 or not 1 <= int(whole or 0) <= 31:
        return frozenset()
    days: set[str] = set()
    if _is_month(piece.after, side):
        days.update(clock.days_before_month(int(whole), side))
    if side == "en" and _is_month(piece.before, side):
        days.update(clock.days_after_month(int(whole)))
    return frozenset(days)


def _is_month(word: str, side: Side) -> bool:
    return any(month == word.lower() or (len(word) > 2 and month[:3] == word.lower()) for month in MONTHS[side])


def nth(piece: Piece, side: Side) -> list[Slot]:
    written = piece.match["rank"]
    number = int(written) if written.isdecimal() else numbers.roman(written)
    if number is None:
        return [slot((piece.match[0],), side)]
    names = numbers.ordinals(number, side) if side == "en" else numbers.ranks(number, piece.match["nth_end"])
    letters_too = () if written.isdecimal() else (piece.match[0],)
    return [slot({*names, *letters_too, *_day(piece, str(number), side)} - numbers.cardinals(number, side), side)]


def decade(piece: Piece, side: Side) -> list[Slot]:
    return [slot({re.sub("y$", "ies", name) for name in numbers.wholes(piece.match["tens"], side)}, side)]


def date(piece: Piece, side: Side) -> list[Slot]:
    year, month, day = piece.match.group("iy", "im", "id") if piece.match["iy"] else piece.match.group("y", "m", "d")
    ways = set(clock.dates(day, month, year, side))
    if side == "en":
        ways |= clock.dates(month, day, year, side)
    rows = [(year, month, day)] if piece.match["iy"] else [(day, month, year)]
    ways |= {
        " ".join(each)
        for row in rows
        for each in zip(*(sorted(numbers.wholes(one, side)) for one in row), strict=False)
    }
    return [slot(ways, side)]


def time(piece: Piece, side: Side) -> list[Slot]:
    hour = piece.match.groupdict().get("full_hour") or piece.match["hour"]
    return [slot(clock.times(hour, piece.match["minute"] or "", side), side)]


def money(piece: Piece, side: Side) -> list[Slot]:
    group = piece.match
    whole, fraction = _digits(group["sum"] or group["sum_before"], side)
    size = group["size"] or group["size_before"] or ""
    return [
        slot(
            coins.amounts(whole or "0", group["odd"] or fraction, size, group["coin_before"] or group["coin"], side),
            side,
        )
    ]


def height(piece: Piece, side: Side) -> list[Slot]:
    """ "1,80 m": "un mètre quatre-vingts"."""
    metres, centimetres = piece.match["metres"] or piece.match["high"], piece.match["centimetres"] or piece.match["and"]
    numbers_of_metres = numbers.cardinals(int(metres), side)
    names = UNITS[side]["m"][:1] if metres == "1" else UNITS[side]["m"]
    ways = {
        f"{one} {name} {rest}"
        for one in numbers_of_metres
        for name in names
        for rest in numbers.wholes(centimetres, side)
    }
    if piece.match["metres"]:
        ways |= {
            f"{one} {name}" for one in numbers.decimals(metres, centimetres, side) for name in (*UNITS[side]["m"], "m")
        }
    return [slot(ways, side)]


def fraction(piece: Piece, side: Side) -> list[Slot]:
    units, above, below = piece.match.group("units", "above", "below")
    if units:
        return [slot(coins.mixed(units, above, below, side), side)]
    ways = set(coins.fractions(above, below, side))
    if "0" in (above[0], below[0]) or max(int(above), int(below)) > 12:
        ways |= clock.dates(above, below, "", side) | (clock.dates(below, above, "", side) if side == "en" else set())
    return [slot(ways, side)]


def number_sign(piece: Piece, side: Side) -> list[Slot]:
    return [slot(("no", "nos", "number", "numbers") if side == "en" else ("no", "nos", "numéro", "numéros"), side)]


def negative(piece: Piece, side: Side) -> list[Slot]:
    return [slot(("minus", "negative") if side == "en" else ("moins",), side)]


def measure(piece: Piece, side: Side) -> list[Slot]:
    unit = piece.match["unit"]
    ways = UNITS[side][unit.replace(" ", "")]
    return [slot((*(ways[::2] if piece.before == "1" else ways), unit), side)]
