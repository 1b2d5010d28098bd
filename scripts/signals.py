"""Ctrl-C and the other polite ways to end a program, as one exception that comes once."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PARENT_CHECK_SECONDS = 0.5


class Stopped(BaseException):
    """A signal asks us to end. Not an `Exception`: nobody is to catch it on the way."""


class Signals:
    """Raises `Stopped` in the main thread at the first signal after `release`. Later ones change nothing: the end is under way."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._is_raised = False
        self._is_held = True
        for number in SIGNALS:
            # Under nohup, the end of the terminal is nothing to us.
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._receive)

    @property
    def exit_code(self) -> int | None:
        """As a shell tells it; None when there was no signal."""
        return None if self._number is None else 128 + self._number

    def release(self) -> None:
        """From now on, where somebody is there to catch it; a signal that came before comes now."""
        self._is_held = False
        self._raise_once()

    @contextmanager
    def held(self) -> Iterator[None]:
        """What is begun inside is finished: `Stopped` comes at the end of it."""
        self._is_held = True
        try:
            yield
        finally:
            self.release()

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        self._number = self._number or number
        if not self._is_held:
            self._raise_once()

    def _raise_once(self) -> None:
        if self._number and not self._is_raised:
            self._is_raised = True
            raise Stopped(self._number)


def end_with_parent() -> None:
    """Sends us SIGTERM when the process that started us is gone: it may have been killed without a word to us."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_CHECK_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=watch, daemon=True).start()
