"""The ways to say a time of day or a date that is written in digits."""

from collections.abc import Iterable, Iterator
from itertools import product

from shared.clips import Side
from worker.spoken.names import MONTHS
from worker.spoken.numbers import cardinals, ordinals, wholes


def times(hour: str, minute: str, side: Side) -> frozenset[str]:
    """ "Ten thirty", "half past ten", "dix heures et demie". "14:30" is not "half past two": the card says fourteen."""
    if int(hour) > 24 or int(minute or 0) > 59:
        return frozenset(
            f"{one} {other}" for one, other in product(wholes(hour, side), wholes(minute, side) if minute else [""])
        )
    say = _english_times if side == "en" else _french_times
    return frozenset(say(int(hour), int(minute or 0)))


def dates(day: str, month: str, year: str, side: Side) -> frozenset[str]:
    """A date in digits, the day named as a day; empty where that is no day of a year."""
    if not (1 <= int(day) <= 31 and 1 <= int(month) <= 12):
        return frozenset()
    years = (f" {name}" for name in wholes(year, side)) if year else [""]
    name = MONTHS[side][int(month) - 1]
    return frozenset(day_month + of_year for of_year in years for day_month in _days(int(day), name, side))


def days_before_month(day: int, side: Side) -> Iterator[str]:
    """The day in "5 May" or "le 1 mai"."""
    yield from cardinals(day, side)
    if side == "fr":
        yield from ("premier",) if day == 1 else ()
        return
    for ordinal in ordinals(day, side):
        yield from (ordinal, f"{ordinal} of", f"the {ordinal}", f"the {ordinal} of")


def days_after_month(day: int) -> Iterator[str]:
    """The day in "May 5": English only."""
    yield from cardinals(day, "en")
    for ordinal in ordinals(day, "en"):
        yield from (ordinal, f"the {ordinal}")


def _days(day: int, month: str, side: Side) -> Iterator[str]:
    yield from (f"{name} {month}" for name in days_before_month(day, side))
    if side == "en":
        yield from (f"{month} {name}" for name in days_after_month(day))


def _english_times(hour: int, minute: int) -> Iterator[str]:
    names, following = _clock_names(hour), _clock_names((hour + 1) % 24)
    if minute == 0:
        endings = ("", "o'clock", "hundred", "hundred hours", "zero zero", "oh oh")
        yield from (f"{name} {ending}" for name in names for ending in endings)
        return
    minutes = {15: "quarter", 30: "half"}.get(minute % 30 or minute, "")
    count = _one(cardinals(minute, "en"))
    yield from (
        f"{name} {nought}{count}" for name in names for nought in (("oh ", "o ", "zero ") if minute < 10 else ("",))
    )
    if minute <= 30:
        yield from _relative(names, "past", count, minute, minutes)
    else:
        yield from _relative(following, "to", _one(cardinals(60 - minute, "en")), 60 - minute, minutes)


def _relative(hours: Iterable[str], word: str, count: str, minute: int, quarter_or_half: str) -> Iterator[str]:
    """ "Five past ten", "quarter to eleven"."""
    ways = [count, f"{count} {'minute' if minute == 1 else 'minutes'}"]
    if quarter_or_half:
        ways += [quarter_or_half, f"a {quarter_or_half}"]
    yield from (f"{way} {word} {hour}" for way in ways for hour in hours)


def _french_times(hour: int, minute: int) -> Iterator[str]:
    for name, one_of_twelve in _french_hours(hour):
        if minute == 0:
            yield from (name, f"{name} zéro zéro")
            continue
        for count in cardinals(minute, "fr"):
            yield from (
                f"{name} {count}",
                f"{name} {count} {'minute' if minute == 1 else 'minutes'}",
                f"{name} et {count} minutes",
            )
            yield from (f"{name} zéro {count}",) if minute < 10 else ()
        if one_of_twelve or minute in (15, 30):
            yield from (f"{name} {way}" for way in {15: ["et quart"], 30: ["et demi", "et demie"]}.get(minute, []))
    if minute > 30:
        less = ["le quart", "quart"] if minute == 45 else cardinals(60 - minute, "fr")
        yield from (f"{name} moins {count}" for name, _ in _french_hours((hour + 1) % 24) for count in less)


def _french_hours(hour: int) -> list[tuple[str, bool]]:
    """The hour's names, and whether quarters and halves are told of them."""
    names = [(f"{name} {'heure' if hour in (0, 1) else 'heures'}", True) for name in cardinals(hour, "fr")]
    return names + [(name, True) for name in {0: ["minuit", "zéro heures"], 12: ["midi"], 24: ["minuit"]}.get(hour, [])]


def _clock_names(hour: int) -> frozenset[str]:
    return cardinals(hour, "en") | {0: {"oh", "midnight"}, 12: {"noon"}}.get(hour, set())


def _one(names: Iterable[str]) -> str:
    return next(iter(names))
