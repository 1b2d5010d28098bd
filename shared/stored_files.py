"""What lies in a storage, by its path: cards' files, clips of the cache, and what a program left half done. Pure but for `walk`."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

Kind = Literal["card", "clip", "left over"]
_HEX_NAME = r"\.?[0-9a-f]{32}"
_KINDS: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"(?P<card_id>[A-Za-z0-9_-][A-Za-z0-9._-]*)_(?P<side>en|fr)\.mp3"), "card"),
    (re.compile(r"\.cache/[0-9a-f]{2}/(?P<key>[0-9a-f]{64})\.mp3"), "clip"),
    # Unfinished files, and probes of a worker that died at its start.
    (re.compile(rf"(\.tmp/|\.cache/)?{_HEX_NAME}|\.probe"), "left over"),
)


@dataclass(frozen=True)
class StoredFile:
    """A file or an object. `path` begins in the storage's root; `parts` are `card_id` and `side`, or `key`."""

    path: str
    kind: Kind
    parts: dict[str, str]
    bytes: int
    changed_at: datetime


def clip_path(key: str) -> str:
    """Where a clip lies, by its key."""
    return f".cache/{key[:2]}/{key}.mp3"


def stored_file(path: str, size: int, changed_at: datetime) -> StoredFile | None:
    """What it is; None where the service has no such names, and somebody else put it there."""
    for pattern, kind in _KINDS:
        if found := pattern.fullmatch(path):
            return StoredFile(path, kind, found.groupdict(), size, changed_at)
    return None


def walk(folder: Path, below: str = "") -> Iterator[StoredFile]:
    """All that the service has put in a folder. Raises `OSError` where the folder itself cannot be read."""
    with os.scandir(folder / below) as entries:
        for entry in entries:
            path = f"{below}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if path in (".tmp", ".cache") or below == ".cache/":
                    yield from walk(folder, f"{path}/")
            elif known := _look_at(entry, path):
                yield known


def _look_at(entry: os.DirEntry[str], path: str) -> StoredFile | None:
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:  # a moment ago it was there
        return None
    return stored_file(path, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))
