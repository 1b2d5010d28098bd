"""Programs that end when we do, however we end. Knows nothing of what they are."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO

KEEPER = Path(__file__).parent / "keeper.py"
POLL_SECONDS = 0.02
LAST_LINES = 12


class ProgramFailed(Exception):
    """A program that is needed has ended."""


class Program:
    """A program under a keeper of its own, which ends it when this object, or this process, is gone."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path | None = None,
        env: Mapping[str, str] | None = None,
        folder: Path | None = None,
        owner: tuple[int, int] = (-1, -1),
        stop_signal: signal.Signals = signal.SIGTERM,
        grace_seconds: float = 10,
        kept_open: Sequence[int] = (),
    ) -> None:
        """Starts it. Without a `log` it writes where we write. `owner` is a user id and a group id, for root only."""
        self.name = name
        self._log = log
        keeper: list[str | Path] = [
            sys.executable,
            "-I",
            "-S",
            KEEPER,
            str(int(stop_signal)),
            str(grace_seconds),
            *map(str, owner),
        ]
        output: IO[bytes] | None = log.open("wb") if log else None
        with output or nullcontext():
            # A session of its own: Ctrl-C reaches us alone, and we end our programs in their order.
            self._keeper = subprocess.Popen(
                [*keeper, *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=env,
                cwd=folder,
                start_new_session=True,
                pass_fds=kept_open,
            )

    @property
    def lifeline(self) -> int:
        """A file descriptor: the program ends when all copies of it are closed."""
        assert self._keeper.stdin is not None
        return self._keeper.stdin.fileno()

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._keeper.poll()

    def wait(self) -> None:
        """Until it has done its work. Raises `ProgramFailed`."""
        while self.exit_code is None:
            time.sleep(POLL_SECONDS)
        if self.exit_code:
            raise self.failure()

    def wait_until(self, is_ready: Callable[[], bool], seconds: float = 60) -> None:
        """Until it can be used. Raises `ProgramFailed`."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            self.check()
            if time.monotonic() > deadline:
                raise ProgramFailed(f"{self.name} is not ready after {seconds:.0f} seconds{self._last_words()}")
            time.sleep(POLL_SECONDS)

    def check(self) -> None:
        """Raises `ProgramFailed` when it has ended."""
        if self.exit_code is not None:
            raise self.failure()

    def failure(self) -> ProgramFailed:
        return ProgramFailed(f"{self.name} has ended (exit code {self.exit_code}){self._last_words()}")

    def begin_to_stop(self) -> None:
        """Asks it to end. More than once does no harm."""
        if self._keeper.stdin is not None:
            self._keeper.stdin.close()

    def stop(self) -> None:
        """Ends it, and returns when it is gone: its keeper gives it no more than its grace."""
        self.begin_to_stop()
        self._keeper.wait()

    def _last_words(self) -> str:
        if self._log is None:
            return ""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
        return "\n  ".join([f"; the end of {self._log}:", *lines])


class Programs:
    """All that we have started. `uninterrupted` is held where a signal must not come between."""

    def __init__(self, uninterrupted: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        self._uninterrupted = uninterrupted
        self._started: list[Program] = []

    def start(self, make: Callable[[], Program]) -> Program:
        """Keeps in mind what `make` starts."""
        with self._uninterrupted():
            program = make()
            self._started.append(program)
        return program

    def stop(self) -> None:
        """Ends all that still run, the last first: nobody loses what it needs before its own end."""
        with self._uninterrupted():
            while self._started:
                self._started[-1].stop()
                self._started.pop()


def is_root() -> bool:
    return os.geteuid() == 0
