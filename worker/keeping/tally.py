"""What a sweep has cleared away, or would."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Freed:
    """So many rows, and files with so many bytes."""

    rows: int = 0
    files: int = 0
    bytes: int = 0

    def add(self, more: "Freed") -> None:
        self.rows += more.rows
        self.files += more.files
        self.bytes += more.bytes


@dataclass
class Tally:
    """By what it was. `on_change` is called whenever there is more to tell.

    `held_back` are cards' files that only a person may let go: nearly all of the storage would be. `waiting` are those that no
    card has any more, and that are kept for some days yet.
    """

    on_change: Callable[["Tally"], None] = lambda _: None
    freed: dict[str, Freed] = field(default_factory=lambda: defaultdict(Freed))
    files_seen: int = 0
    waiting: int = 0
    held_back: int = 0

    def add(self, what: str, rows: int = 0, files: int = 0, size: int = 0) -> None:
        self.freed[what].add(Freed(rows, files, size))
        self.on_change(self)

    def see(self, files: int) -> None:
        self.files_seen += files
        self.on_change(self)

    def total(self) -> Freed:
        total = Freed()
        for one in self.freed.values():
            total.add(one)
        return total
