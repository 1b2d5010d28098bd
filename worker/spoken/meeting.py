"""Can two rows of slots be said with the same letters? Knows no language."""

from collections.abc import Iterable, Sequence

Slot = frozenset[str]
# How many half-compared ways are followed at once. Sentences need one to five, dates some forty. A text made to be ambiguous
# ("a(a) a(a) a(a)") would need the square of its length, and is refused for want of the right way rather than followed to the end.
MOST_WAYS = 64

# Slots taken of the text and of what was said, and the letters by which the one or the other is ahead.
_Way = tuple[int, int, str, str]


def meet(text: Sequence[Slot], said: Sequence[Slot]) -> bool:
    """Whether some way to say `text` is also a way to say `said`."""
    return text == said or compare(text, said)[0]


def compare(text: Sequence[Slot], said: Sequence[Slot]) -> tuple[bool, int]:
    """`meet`, and how many steps it took: for each slot of either at most MOST_WAYS times the ways to say that slot."""
    ways: Iterable[_Way] = [(0, 0, "", "")]
    steps = 0
    for _ in range(len(text) + len(said)):
        longer: set[_Way] = set()
        for way in ways:
            slot, following = _one_slot_on(way, text, said)
            steps += len(slot)
            longer.update(following)
        ways = longer if len(longer) <= MOST_WAYS else sorted(longer)[-MOST_WAYS:]
    return (len(text), len(said), "", "") in ways, steps


def _one_slot_on(way: _Way, text: Sequence[Slot], said: Sequence[Slot]) -> tuple[Slot, list[_Way]]:
    """A slot of the side that is behind, and the ways that follow with it."""
    at, heard, text_ahead, said_ahead = way
    if text_ahead or (at == len(text) and not said_ahead):
        slot = said[heard] if heard < len(said) else frozenset[str]()
        return slot, [(at, heard + 1, *rest) for letters in slot for rest in _rests(text_ahead, letters)]
    slot = text[at] if at < len(text) else frozenset[str]()
    return slot, [(at + 1, heard, *rest) for letters in slot for rest in _rests(letters, said_ahead)]


def _rests(text: str, said: str) -> list[tuple[str, str]]:
    """What is left of the longer one; nothing where they differ."""
    if text.startswith(said):
        return [(text[len(said) :], "")]
    return [("", said[len(text) :])] if said.startswith(text) else []
