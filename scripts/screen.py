"""What the person in front of the demo sees: steps, a progress bar, a table. Plain lines where there is no terminal."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from scripts.api_client import JobStatus
from scripts.job_report import JobReport
from shared.clips import SIDES
from shared.jobs import Phrase, ResultUrl

PLAIN_WIDTH = 120
LINES_PER_JOB = 4


class Screen:
    """Standard output, on any terminal and in a log of CI."""

    def __init__(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
        self._console = Console(highlight=False, soft_wrap=True)
        if not self._console.is_terminal:
            self._console.width = PLAIN_WIDTH

    def say(self, line: str) -> None:
        self._console.print(line, markup=False)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """A line once it is done, with the time that it took."""
        began = time.monotonic()
        with self._console.status(f"{what} …"):
            yield
        self.say(f"  {what}: {time.monotonic() - began:.1f} s")

    def follow(self, statuses: Iterator[JobStatus]) -> JobStatus:
        """Shows a job until it ends."""
        return self._bar(statuses) if self._console.is_terminal else self._lines(statuses)

    def show_cards(self, phrases: list[Phrase], urls: list[ResultUrl], report: JobReport) -> None:
        table = Table("Card", "Text", "Seconds", "Audio", box=SIMPLE, pad_edge=False)
        table.columns[2].justify = "right"
        table.columns[3].overflow = "fold"
        for phrase, entry in zip(phrases, urls, strict=True):
            for side, text, url in zip(SIDES, (phrase["textEn"], phrase["textFr"]), _urls(entry), strict=True):
                seconds = report.durations_ms.get((phrase["cardId"], side), 0) / 1000
                table.add_row(phrase["cardId"] if side == SIDES[0] else "", text, f"{seconds:.1f}", url)
        self._console.print(table, soft_wrap=False)

    def _bar(self, statuses: Iterator[JobStatus]) -> JobStatus:
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console) as progress:
            bar = progress.add_task("Speaking", total=None)
            for status in statuses:
                words = f"Speaking ({status.error_message})" if status.error_message else "Speaking"
                progress.update(bar, completed=status.processed_count, total=status.total_phrases, description=words)
        return status

    def _lines(self, statuses: Iterator[JobStatus]) -> JobStatus:
        shown: tuple[int, str | None] = (-1, None)
        for status in statuses:
            quarter = status.processed_count * LINES_PER_JOB // max(status.total_phrases, 1)
            if (quarter, status.error_message) != shown:
                shown = (quarter, status.error_message)
                reason = f" ({status.error_message})" if status.error_message else ""
                self.say(f"  Speaking: {status.processed_count} of {status.total_phrases} phrases{reason}")
        return status


def _urls(entry: ResultUrl) -> tuple[str, str]:
    return entry["audioUrlEn"] or "-", entry["audioUrlFr"] or "-"
