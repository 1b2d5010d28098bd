"""Audio in a folder, for nginx to serve. Knows no table."""

import asyncio
import errno
import itertools
import os
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from shared.errors import StorageFault
from shared.metrics import STORAGE_ERRORS
from shared.rounds import Rounds
from shared.storage import StoredClip, check_time
from shared.stored_files import StoredFile, clip_path, walk
from shared.to_its_end import to_its_end
from shared.whole_files import NewFile, flush_folder, put_in_place

_CACHE = ".cache"
_UNFINISHED = ".tmp"
_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "it is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOENT: "a file or folder is missing",
}
_FILES_AT_ONCE = 1_000
_PROBE_BYTES = 256 * 1024  # half a minute of speech
# For nginx, which is another user, whatever the umask.
_READABLE_FILE, _READABLE_FOLDER = 0o644, 0o755
Result = TypeVar("Result")


class LocalStorage:
    """Audio in one folder. A file appears whole or not at all; every method raises `StorageFault` where the disk does not obey."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._looks = Rounds(self._look)
        self._puts = Rounds(self._put)

    async def prepare(self) -> None:
        """Makes the folders, and proves that files can be written; the fault says what to do, to whoever starts the program."""
        try:
            await asyncio.to_thread(self._prepare)
        except OSError as error:
            raise StorageFault(f"STORAGE_DIR: {_what(error)}. {self._advice(error)}".rstrip()) from error

    async def check(self) -> None:
        """Proves that there is room for audio, before money is spent on it."""
        await _in_thread(self._check)

    async def find_clips(self, keys: Collection[str]) -> dict[str, StoredClip]:
        """Those of the clips that are in the cache."""
        with _storage_faults():
            return await self._looks.join(keys)

    async def read_clip(self, key: str) -> bytes:
        """A clip's audio."""
        return await _in_thread(self._cached(key).read_bytes)

    async def put_clip(self, key: str, audio: bytes) -> None:
        """Keeps a clip for good: when this returns it survives a power cut."""
        with _storage_faults():
            await self._puts.join((key, audio))

    async def sizes(self, names: Collection[str]) -> dict[str, int]:
        """The sizes in bytes of those card files that exist."""
        return await _in_thread(lambda: {name: size for name in names if (size := _size(self._folder / name))})

    async def link(self, clips_by_name: Mapping[str, str], until: float) -> None:
        """Puts clips, by their keys, in cards' places, by their files' names. Afterwards all of them survive a power cut.

        Replaces nothing after `until` (of `time.monotonic`): then it raises `LostRun`.
        """
        await _in_thread(lambda: self._link(clips_by_name, until))

    async def remove(self, names: Collection[str], until: float) -> None:
        """Takes card files away, or what `files` found; one that is not there is gone already. `until` as in `link`."""
        await _in_thread(lambda: self._remove(names, until))

    async def files(self) -> AsyncIterator[Sequence[StoredFile]]:
        """All that the service has put here, some at a time and in no order."""
        found = walk(self._folder)
        while some := await _in_thread(lambda: list(itertools.islice(found, _FILES_AT_ONCE))):
            yield some

    def _prepare(self) -> None:
        _make_readable_folder(self._folder)
        self._make_hidden_folders()
        for folder in (self._folder / _UNFINISHED, self._folder / _CACHE, self._folder):
            with _gone_afterwards(folder / f".{uuid4().hex}") as probe:
                probe.touch()

    def _check(self) -> None:
        self._make_hidden_folders()
        with _gone_afterwards(self._folder / _UNFINISHED / uuid4().hex) as probe:
            probe.write_bytes(bytes(_PROBE_BYTES))

    def _make_hidden_folders(self, *also: Path) -> None:
        # Never the folder itself: where it is gone a volume is not mounted, and what is written would be lost.
        for folder in (self._folder / _UNFINISHED, self._folder / _CACHE, *also):
            if not folder.is_dir():
                folder.mkdir(exist_ok=True)
                flush_folder(folder.parent)

    def _advice(self, error: OSError) -> str:
        if error.errno not in (errno.EACCES, errno.EPERM):
            return ""
        if not self._folder.is_dir():
            return "Name a folder that this user can make or write to."
        chown = f"chown -R {os.getuid()}:{os.getgid()} {self._folder}"
        return f"Run `{chown}` as root; in compose `docker compose run --rm --user root worker {chown}`."

    def _look(self, wanted: list[Collection[str]]) -> list[dict[str, StoredClip]]:
        return [{key: clip for key in keys if (clip := self._find(key))} for keys in wanted]

    def _find(self, key: str) -> StoredClip | None:
        try:
            found = self._cached(key).stat()
        except FileNotFoundError:
            return None
        return StoredClip(found.st_size, datetime.fromtimestamp(found.st_mtime, UTC)) if found.st_size else None

    def _put(self, clips: list[tuple[str, bytes]]) -> list[None]:
        self._put_in_place([NewFile(self._cached(key), audio) for key, audio in clips])
        return [None] * len(clips)

    def _link(self, clips_by_name: Mapping[str, str], until: float) -> None:
        copies = [self._copy_of(self._cached(key), self._folder / name) for name, key in clips_by_name.items()]
        self._put_in_place(copies, partial(check_time, until))

    def _put_in_place(self, files: list[NewFile], before_each: Callable[[], None] = lambda: None) -> None:
        try:
            put_in_place(files, self._folder / _UNFINISHED, before_each)
        except FileNotFoundError:
            self._make_hidden_folders(*{file.path.parent for file in files} - {self._folder})
            put_in_place(files, self._folder / _UNFINISHED, before_each)

    def _copy_of(self, clip: Path, target: Path) -> NewFile:
        # nginx makes its ETag of whole seconds and the size, and two short clips are often of one size: a changed file gets
        # another second than the one it replaces.
        second = max(int(time.time()), _second(target) + 1)
        return NewFile(target, clip, _READABLE_FILE, second)

    def _remove(self, names: Collection[str], until: float) -> None:
        for name in names:
            check_time(until)
            (self._folder / name).unlink(missing_ok=True)
        # A card's old audio stays away when the power goes; a clip that comes back is found again by the next sweep.
        with suppress(FileNotFoundError):
            flush_folder(self._folder)

    def _cached(self, key: str) -> Path:
        return self._folder / clip_path(key)


async def _in_thread(work: Callable[[], Result]) -> Result:
    with _storage_faults():
        # Nothing stops a thread: who holds a job's row holds it until no file is replaced any more.
        return await to_its_end(asyncio.to_thread(work))


@contextmanager
def _storage_faults() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        STORAGE_ERRORS.labels("local").inc()
        raise StorageFault(f"The audio storage cannot be used: {_what(error)}.") from error


def _what(error: OSError) -> str:
    reason = _REASONS.get(error.errno or 0, error.strerror or type(error).__name__)
    return f"{reason} ({error.filename})" if error.filename else reason


def _make_readable_folder(folder: Path) -> None:
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(_READABLE_FOLDER)


@contextmanager
def _gone_afterwards(path: Path) -> Iterator[Path]:
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _second(path: Path) -> int:
    try:
        return int(path.stat().st_mtime)
    except FileNotFoundError:
        return 0
