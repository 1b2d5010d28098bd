"""How far something long has come: a bar, or plain lines where there is no terminal."""

from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_LINES = 10


def follow(what: str, total: int, counts: Iterator[int]) -> None:
    """Shows counts as they grow to `total`."""
    console = Console(highlight=False, soft_wrap=True)
    if console.is_terminal:
        _bar(console, what, total, counts)
    else:
        _lines(what, total, counts)


def _bar(console: Console, what: str, total: int, counts: Iterator[int]) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(what, total=total)
        for count in counts:
            progress.update(bar, completed=count)


def _lines(what: str, total: int, counts: Iterator[int]) -> None:
    shown = 0
    for count in counts:
        if count * _LINES // max(total, 1) > shown:
            shown = count * _LINES // max(total, 1)
            print(f"{what}: {count} of {total}", flush=True)
