"""What a measurement found, and the page that all of them make together. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """One line of the table. `met` says whether the target was reached; None where there is none."""

    name: str
    value: str
    target: str = ""
    met: bool | None = None

    @property
    def verdict(self) -> str:
        return {True: "yes", False: "no", None: ""}[self.met]


@dataclass(frozen=True)
class Bars:
    """One panel of the plot: names and values, in one unit."""

    title: str
    unit: str
    values: Sequence[tuple[str, float]]


@dataclass(frozen=True)
class Measured:
    """All that one measurement has to say."""

    title: str
    figures: Sequence[Figure]
    bars: Sequence[Bars] = field(default=())


def at_most(name: str, value: float, limit: float, unit: str, digits: int = 0) -> Figure:
    return Figure(name, f"{value:,.{digits}f} {unit}", f"≤ {limit:g} {unit}", value <= limit)


def table(figures: Iterable[Figure]) -> str:
    """Markdown that reads as well in a terminal."""
    rows = [("Figure", "Measured", "Target", "Met"), *((f.name, f.value, f.target, f.verdict) for f in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def page(measured: Sequence[Measured], machine: str) -> str:
    """docs/benchmark.md."""
    parts = [
        "# Benchmark",
        "Made by `just bench`, in one run on one machine, against a stand-in for the speech API in a process of its own."
        " Ratios are the message: absolute times belong to the machine, which these processes, Postgres and the stand-in share.",
        f"{machine}.",
        "![Clips per second, and CPU per clip](benchmark.svg)",
    ]
    for found in measured:
        parts += [f"## {found.title}", table(found.figures)]
    return "\n\n".join(parts) + "\n"
