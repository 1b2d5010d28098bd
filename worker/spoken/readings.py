"""Every way to say a writing, piece by piece: the slots that `meeting` compares."""

import re
from collections.abc import Callable, Iterable, Iterator

from shared.clips import Side
from worker.spoken import figures, words
from worker.spoken.meeting import Slot
from worker.spoken.pieces import Piece, pieces, slot
from worker.spoken.script import plain
from worker.spoken.symbols import MAY_BE_SAID, RANGE, RECKONING, SAID, names_alone

# Unsaid, these make another sum; "10-12", "24/7" and "3:2" are often said without.
_SAID_BESIDE_A_NUMBER = frozenset("+ − = ≠ × ÷ ≈ ± ^".split())
_SAID_BETWEEN_NUMBERS = frozenset("* < > ^2 ^3".split())
# "10 a.m.–6 p.m.", "8h-12h", "€5-€10": a number with its unit on both sides.
_AMOUNT_BEFORE = re.compile(r"[0-9][\w.°%€$£ ]{0,7}\Z")
_AMOUNT_AFTER = re.compile(r" ?[€$£]?[0-9]")
# Of signs in a row that may be said or not, so many are; each more would double the ways.
_OPTIONAL_IN_A_ROW = 8


def readings(writing: str, side: Side) -> list[Slot]:
    """The slots of a writing. A symbol is named only where there is nothing else to say."""
    script = plain(writing)
    if any(map(str.isalnum, script)):
        slots = (each for piece in pieces(script, side) for each in _READ[piece.match.lastgroup or ""](piece, side))
    else:
        slots = (slot(names_alone(symbol, side), side) for symbol in re.findall(r"\.{3}|\S", script))
    return list(_few_optional(slots))


def _few_optional(slots: Iterable[Slot]) -> Iterator[Slot]:
    in_a_row = 0
    for each in slots:
        in_a_row = in_a_row + 1 if "" in each else 0
        if in_a_row <= _OPTIONAL_IN_A_ROW:
            yield each


def _word(piece: Piece, side: Side) -> list[Slot]:
    return words.said(piece.match[0], piece.before, piece.after, side)


def _short(piece: Piece, side: Side) -> list[Slot]:
    return [words.spelled_out(piece.match[0], side)]


def _attached(piece: Piece, side: Side) -> list[Slot]:
    """ "Ami(e)": with, without, or both, one after the other."""
    whole = re.sub(r"[()]", "", piece.match[0])
    bare = re.sub(r"\(.*?\)", "", piece.match[0])
    joint = "or" if side == "en" else "ou"
    return [slot((whole, bare, f"{bare} {whole}", f"{bare} {joint} {whole}", f"{whole} {joint} {bare}"), side)]


def _gap(piece: Piece, side: Side) -> list[Slot]:
    names = MAY_BE_SAID[side]["_" if "_" in piece.match[0] else "..."]
    rows = [" ".join([name] * count) for name in names for count in {1, min(piece.match[0].count("_"), 5)}]
    return [slot(("", *rows), side)]


def _symbol(piece: Piece, side: Side) -> list[Slot]:
    symbol = piece.match[0]
    if symbol in SAID[side]:
        return [slot(SAID[side][symbol], side)]
    if symbol in RECKONING[side] and _is_reckoned(piece, symbol):
        is_said = symbol in _SAID_BESIDE_A_NUMBER or symbol in _SAID_BETWEEN_NUMBERS or _is_spaced(piece.match)
        return [slot((*RECKONING[side][symbol], *(() if is_said else ("",))), side)]
    if _is_range(piece.match):
        return [slot(("", *RANGE[side]), side)]
    names = (_is_inner(piece.match) and MAY_BE_SAID[side].get(f"_{symbol}")) or MAY_BE_SAID[side].get(symbol)
    return [slot(("", *names), side)] if names else []


def _is_reckoned(piece: Piece, symbol: str) -> bool:
    is_after, is_before = piece.before[-1:].isdecimal(), piece.after[:1].isdecimal()
    if symbol in ("^2", "^3"):
        return True
    return (is_after or is_before) if symbol in _SAID_BESIDE_A_NUMBER else (is_after and is_before)


def _is_range(match: re.Match[str]) -> bool:
    before, after = match.string[: match.start()], match.string[match.end() :]
    if match[0] == "–" and before[-1:].strip() and after[:1].isalnum():  # "Mon.–Fri."
        return True
    return match[0] in "-–" and bool(_AMOUNT_BEFORE.search(before[-9:]) and _AMOUNT_AFTER.match(after))


def _is_spaced(match: re.Match[str]) -> bool:
    return match.string[match.start() - 1 : match.start()] == " " and match[0] in "-–"


def _is_inner(match: re.Match[str]) -> bool:
    return (
        match.string[match.start() - 1 : match.start()].isalnum()
        and match.string[match.end() : match.end() + 1].isalnum()
    )


_READ: dict[str, Callable[[Piece, Side], list[Slot]]] = {
    "attached": _attached,
    "number_sign": figures.number_sign,
    "date": figures.date,
    "decade": figures.decade,
    "fraction": figures.fraction,
    "gap": _gap,
    "height": figures.height,
    "measure": figures.measure,
    "money": figures.money,
    "negative": figures.negative,
    "nth": figures.nth,
    "number": figures.number,
    "short": _short,
    "symbol": _symbol,
    "time": figures.time,
    "word": _word,
}
