"""The folder that `just demo` and `just dev` keep everything in, and the lock that gives it to one of them at a time."""

import fcntl
import os
import time
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent
# What a killed run has left behind needs a moment to end.
LOCK_PATIENCE_SECONDS = 3


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
            if time.monotonic() > deadline:
                holder = os.read(descriptor, 200).decode(errors="replace")
                raise HomeInUse(f"{holder or 'another process'} is at work in {self.folder}: end it first")
            time.sleep(0.1)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{name} (process {os.getpid()})".encode(), 0)
        return descriptor


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
