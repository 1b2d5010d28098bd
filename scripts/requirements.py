"""`python -m scripts.requirements LOCK`: installs requirements/LOCK.txt, unless this environment has it. Standard library only."""

import hashlib
import os
import runpy
import sys
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "requirements"
STAMP = Path(sys.prefix) / ".requirements"
# Each is part of the next.
LOCKS = ["production", "local", "dev"]
OLDEST_PYTHON = (3, 11)


def main() -> None:
    lock = sys.argv[1]
    if sys.version_info < OLDEST_PYTHON:
        sys.exit(f"Cannot start: Python {sys.version.split()[0]} made .venv; 3.11 or newer is needed")
    if not is_installed(lock):
        leave_to_its_owner()
        STAMP.unlink(missing_ok=True)
        print(f"Installing requirements/{lock}.txt into .venv: a minute or so, this once", flush=True)
        install(lock)
        STAMP.write_text(mark(lock))


def leave_to_its_owner() -> None:
    """As root (`sudo just doctor`) nothing is installed for another user, who could not change it any more."""
    owner = os.stat(sys.prefix).st_uid
    if os.geteuid() == 0 and owner != 0:
        sys.exit(
            f"Cannot start: {sys.prefix} belongs to user {owner}, and something is to be installed: run this as that user"
        )


def is_installed(lock: str) -> bool:
    """Whether this lock, or one that contains it, was installed as it is now."""
    installed = STAMP.read_text() if STAMP.exists() else ""
    return installed in {mark(larger) for larger in LOCKS[LOCKS.index(lock) :]}


def mark(lock: str) -> str:
    """Names a lock's content, and the Python that it was installed for."""
    return f"{lock} {sys.version_info[:2]} {hashlib.sha256((FOLDER / f'{lock}.txt').read_bytes()).hexdigest()}"


def install(lock: str) -> None:
    """Runs pip inside this process: a signal that ends this one leaves no pip behind."""
    file = str(FOLDER / f"{lock}.txt")
    sys.argv = ["pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--requirement", file]
    try:
        runpy.run_module("pip", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code:
            raise
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
