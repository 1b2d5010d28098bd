"""Where audio lives: every clip once in a hidden cache, and a copy of one under each card's name. Knows no table."""

import asyncio
import errno
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from shared.errors import LostRun, StorageFault
from shared.settings import StorageSettings

_CACHE = ".cache"
_UNFINISHED = ".tmp"
_UNFINISHED_IS_LEFT_OVER_AFTER_SECONDS = 3_600
_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "it is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOENT: "a file or folder is missing",
}
_COPIES_AT_ONCE = 4
_PROBE_BYTES = 256 * 1024  # half a minute of speech
# For nginx, which is another user, whatever the umask.
_READABLE_FILE, _READABLE_FOLDER = 0o644, 0o755
Result = TypeVar("Result")


@dataclass(frozen=True)
class StoredClip:
    """A clip that is in the cache, since `made_at`."""

    bytes: int
    made_at: datetime


class LocalStorage:
    """Audio in one folder. A file appears whole or not at all; every method raises `StorageFault` where the disk does not obey."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

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
        return await _in_thread(lambda: {key: clip for key in keys if (clip := self._find(key))})

    async def read_clip(self, key: str) -> bytes:
        """A clip's audio."""
        return await _in_thread(self._cached(key).read_bytes)

    async def put_clip(self, key: str, audio: bytes) -> None:
        """Keeps a clip for good: when this returns it survives a power cut."""
        await _in_thread(lambda: self._put(key, audio))

    async def sizes(self, names: Collection[str]) -> dict[str, int]:
        """The sizes in bytes of those card files that exist."""
        return await _in_thread(lambda: {name: size for name in names if (size := _size(self._folder / name))})

    async def link(self, clips_by_name: Collection[tuple[str, str]], until: float) -> None:
        """Puts clips in cards' places: pairs of a card file's name and a clip's key. Afterwards all of them survive a power cut.

        Replaces nothing after `until` (of `time.monotonic`): then it raises `LostRun`.
        """
        await _in_thread(lambda: self._link(clips_by_name, until))

    async def remove(self, names: Collection[str], until: float) -> None:
        """Takes card files away; one that is not there is gone already. `until` as in `link`."""
        await _in_thread(lambda: self._remove(names, until))

    def _prepare(self) -> None:
        _make_readable_folder(self._folder)
        self._make_hidden_folders()
        for folder in (self._folder / _UNFINISHED, self._folder / _CACHE, self._folder):
            with _gone_afterwards(folder / f".{uuid4().hex}") as probe:
                probe.touch()
        for left_over in (self._folder / _UNFINISHED).iterdir():
            # Another worker may be writing there just now: only what no write takes so long for is left over.
            with suppress(FileNotFoundError):
                if time.time() - left_over.stat().st_mtime > _UNFINISHED_IS_LEFT_OVER_AFTER_SECONDS:
                    left_over.unlink()

    def _check(self) -> None:
        self._make_hidden_folders()
        with self._new_file() as probe:
            probe.write_bytes(bytes(_PROBE_BYTES))

    def _make_hidden_folders(self, *also: Path) -> None:
        # Never the folder itself: where it is gone a volume is not mounted, and what is written would be lost.
        for folder in (self._folder / _UNFINISHED, self._folder / _CACHE, *also):
            folder.mkdir(exist_ok=True)

    def _advice(self, error: OSError) -> str:
        if error.errno not in (errno.EACCES, errno.EPERM):
            return ""
        if not self._folder.is_dir():
            return "Name a folder that this user can make or write to."
        chown = f"chown -R {os.getuid()}:{os.getgid()} {self._folder}"
        return f"Run `{chown}` as root; in compose `docker compose run --rm --user root worker {chown}`."

    def _find(self, key: str) -> StoredClip | None:
        try:
            found = self._cached(key).stat()
        except FileNotFoundError:
            return None
        return StoredClip(found.st_size, datetime.fromtimestamp(found.st_mtime, UTC)) if found.st_size else None

    def _put(self, key: str, audio: bytes) -> None:
        target = self._cached(key)
        self._make_hidden_folders(target.parent)
        with self._new_file() as new:
            with new.open("xb") as file:
                file.write(audio)
                file.flush()
                os.fsync(file.fileno())
            new.rename(target)
        _flush_folder(target.parent)

    def _link(self, clips_by_name: Collection[tuple[str, str]], until: float) -> None:
        if not clips_by_name:
            return
        self._make_hidden_folders()
        # A copy mostly waits for the disk, which does several at once as fast as one.
        with ThreadPoolExecutor(_COPIES_AT_ONCE) as copying:
            for done in [
                copying.submit(self._copy, self._cached(key), self._folder / name, until) for name, key in clips_by_name
            ]:
                done.result()
        _flush_folder(self._folder)

    def _remove(self, names: Collection[str], until: float) -> None:
        for name in names:
            _check_time(until)
            (self._folder / name).unlink(missing_ok=True)

    def _copy(self, clip: Path, target: Path, until: float) -> None:
        with self._new_file() as new:
            with clip.open("rb") as source, new.open("xb") as file:
                shutil.copyfileobj(source, file)
                file.flush()
                os.fchmod(file.fileno(), _READABLE_FILE)
                # nginx makes its ETag of whole seconds and the size, and two short clips are often of one size: a changed
                # file gets another second than the one it replaces.
                second = max(int(time.time()), _second(target) + 1)
                os.utime(file.fileno(), (second, second))
                os.fsync(file.fileno())
            _check_time(until)
            new.rename(target)

    def _cached(self, key: str) -> Path:
        return self._folder / _CACHE / key[:2] / f"{key}.mp3"

    def _new_file(self) -> AbstractContextManager[Path]:
        return _gone_afterwards(self._folder / _UNFINISHED / uuid4().hex)


def open_storage(settings: StorageSettings) -> LocalStorage:
    """The storage that the settings name."""
    return LocalStorage(settings.storage_dir)


async def _in_thread(work: Callable[[], Result]) -> Result:
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise _fault(error) from error


def _fault(error: OSError) -> StorageFault:
    return StorageFault(f"The audio storage cannot be used: {_what(error)}.")


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


def _check_time(until: float) -> None:
    if time.monotonic() > until:
        raise LostRun


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
