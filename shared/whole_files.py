"""Files that appear whole or not at all, and stay when the power goes. Blocking: for a thread.

Many at once cost little more than one: all are written before the first is flushed, and a disk takes the others along.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

# Each is open until all are flushed, and a process may have a thousand open.
_AT_ONCE = 50
_READ_BYTES = 1024 * 1024


@dataclass(frozen=True)
class NewFile:
    """What is to stand at `path`: these bytes, or a copy of that file. `mode`, and the `second` of its last change, where given."""

    path: Path
    content: bytes | Path
    mode: int | None = None
    second: int | None = None


def put_in_place(files: list[NewFile], beside: Path, before_each: Callable[[], None] = lambda: None) -> None:
    """Writes files in the folder `beside`, flushes them, and moves them to their places.

    `before_each` is called right before a file appears, and may raise to stop that. Raises `OSError` too; what is not in its
    place by then leaves nothing behind.
    """
    for start in range(0, len(files), _AT_ONCE):
        _put_in_place(files[start : start + _AT_ONCE], beside, before_each)
    for folder in {file.path.parent for file in files}:
        flush_folder(folder)


def flush_folder(folder: Path) -> None:
    """What has appeared in a folder, or gone, stays so."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put_in_place(files: list[NewFile], beside: Path, before_each: Callable[[], None]) -> None:
    batch = uuid4().hex[:24]
    unfinished: dict[Path, int] = {}
    try:
        for number, file in enumerate(files):
            name = beside / f"{batch}{number:08x}"
            unfinished[name] = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            _write(unfinished[name], file)
        for descriptor in unfinished.values():
            os.fsync(descriptor)
        for file, name in zip(files, list(unfinished), strict=True):
            before_each()
            name.rename(file.path)
            os.close(unfinished.pop(name))
    finally:
        for name, descriptor in unfinished.items():
            os.close(descriptor)
            with suppress(OSError):
                name.unlink()


# Without file objects: theirs are twice as many system calls, and at each one the interpreter's lock may go to another thread.
def _write(descriptor: int, file: NewFile) -> None:
    left = memoryview(file.content if isinstance(file.content, bytes) else _read(file.content))
    while left:
        left = left[os.write(descriptor, left) :]
    if file.mode is not None:
        os.fchmod(descriptor, file.mode)
    if file.second is not None:
        os.utime(descriptor, (file.second, file.second))


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        # Less than was asked for is not the end: a failing disk gives what is good first, and says so at the next read.
        return b"".join(iter(lambda: os.read(descriptor, _READ_BYTES), b""))
    finally:
        os.close(descriptor)
