"""A piece of a writing, with what stands around it."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from shared.clips import Side
from worker.spoken.meeting import Slot
from worker.spoken.script import PIECES, TELEPHONE
from worker.spoken.spellings import letters


class Piece(NamedTuple):
    """One piece with what stands around it: numbers are said by the company that they keep."""

    match: re.Match[str]
    before: str
    after: str
    in_telephone: bool


def pieces(script: str, side: Side) -> Iterable[Piece]:
    """The pieces of a writing in its plain form, in order."""
    matches = list(PIECES[side].finditer(script))
    telephone = {at for number in TELEPHONE.finditer(script) for at in range(*number.span())}
    spoken = [match[0].strip(" .") for match in matches]
    for match, before, after in zip(matches, ["", *spoken], [*spoken[1:], ""], strict=False):
        yield Piece(match, before, after, match.start() in telephone)


def slot(phrases: Iterable[str], side: Side) -> Slot:
    """The phrases as the letters that are compared."""
    return frozenset(letters(phrase, side) for phrase in phrases)
