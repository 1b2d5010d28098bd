"""The folder that `just demo` and `just dev` keep everything in, and the lock that gives it to one of them at a time."""

import fcntl
import os
import time
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent
# What a killed run has left behind needs a moment to end: at most the worker's.
LOCK_PATIENCE_SECONDS = 30
LOCK_POLL_SECONDS = 0.1


class HomeInUse(Exception):
    """Somebody else runs in this folder."""


class Home:
    """The folder's parts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = folder / "postgres"
        self.audio = folder / "audio"
        self.logs = folder / "logs"
        self.jwt_secret = folder / "jwt-secret"
        # Programs run in here: they find no .env, and read no settings but ours.
        self.workplace = folder / "workplace"

    def lock(self, name: str) -> int:
        """Takes the folder for `name` until this process, and all who keep the descriptor open, have ended. Raises `HomeInUse`."""
        for folder in (self.audio, self.logs, self.workplace):
            folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
        while not _is_locked(descriptor):
            name_there, _, process = os.pread(descriptor, 200, 0).decode().partition("\n")
            if _is_alive(process) or time.monotonic() > deadline:
                raise HomeInUse(f"{name_there} (process {process}) is at work in {self.folder}: end it first")
            time.sleep(LOCK_POLL_SECONDS)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{name}\n{os.getpid()}".encode(), 0)
        return descriptor


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except PermissionError:
        return True
    except (ProcessLookupError, ValueError):
        return False
    return True
