"""Files of a storage folder, put into the bucket: what is there is skipped, and what the service put there is never replaced."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Literal

import obstore
from obstore.exceptions import AlreadyExistsError, PreconditionError

from shared.s3_bucket import CACHE, HEADERS, clip_headers, made_at, open_bucket
from shared.storage_settings import AudioWriterSettings

# Only this script writes it. The service's copies have the headers of their clip, and so never this one on a card's file.
DISK_SECOND = "disk-second"
_AT_ONCE = 16
_TIMEOUT_SECONDS, _RETRIES = 20.0, 6
Outcome = Literal["copied", "there", "newer"]


@dataclass(frozen=True)
class File:
    """A file of the folder, and what it is called in the bucket."""

    path: Path
    key: str

    @property
    def is_clip(self) -> bool:
        return self.key.startswith(f"{CACHE}/")


def files_in(folder: Path) -> list[File]:
    """Every clip, and then every card's file."""
    clips = sorted((folder / CACHE).glob("*/*.mp3"))
    cards = sorted(path for path in folder.glob("*.mp3") if path.is_file())
    return [File(path, path.relative_to(folder).as_posix()) for path in (*clips, *cards)]


class Upload:
    """Counts what became of each file. Raises `obstore`'s errors."""

    def __init__(self, target: AudioWriterSettings, is_dry: bool) -> None:
        self.copied = self.there = self.newer = self.bytes = 0
        self._is_dry = is_dry
        self._bucket = open_bucket(target, _TIMEOUT_SECONDS, _RETRIES)
        self._found: dict[str, tuple[int, str]] = {}

    def run(self, files: Iterable[File]) -> Iterator[int]:
        """Puts them, several at once, and yields how many are done."""
        self._found = {
            one["path"]: (one["size"], one["e_tag"] or "") for page in obstore.list(self._bucket) for one in page
        }
        hands, rest = ThreadPoolExecutor(_AT_ONCE), iter(files)
        under_way: set[Future[tuple[Outcome, int]]] = set()
        done_count = 0
        try:
            while under_way or not done_count:
                under_way |= {hands.submit(self._put, file) for file in islice(rest, 2 * _AT_ONCE - len(under_way))}
                if not under_way:
                    return
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                for one in done:
                    self._count(*one.result())
                done_count += len(done)
                yield done_count
        finally:
            hands.shutdown(cancel_futures=True)

    def _count(self, outcome: Outcome, size: int) -> None:
        setattr(self, outcome, getattr(self, outcome) + 1)
        self.bytes += size if outcome == "copied" else 0

    def _put(self, file: File) -> tuple[Outcome, int]:
        with file.path.open("rb") as stream:
            seconds, audio = os.fstat(stream.fileno()).st_mtime, stream.read()
        found = self._found.get(file.key)
        e_tag = f'"{hashlib.md5(audio, usedforsecurity=False).hexdigest()}"'
        if found == (len(audio), e_tag):
            return "there", 0
        if found and (known := self._look_closer(file, seconds, len(audio))):
            return known, 0
        if not self._is_dry:
            try:
                self._put_unless_changed(file, audio, seconds, found)
            except (AlreadyExistsError, PreconditionError):
                return "newer", 0  # by the service, in this moment
        return "copied", len(audio)

    def _put_unless_changed(self, file: File, audio: bytes, seconds: float, found: tuple[int, str] | None) -> None:
        made = datetime.fromtimestamp(seconds, UTC)
        headers = clip_headers(made) if file.is_clip else HEADERS | {DISK_SECOND: str(int(seconds))}
        mode = {"e_tag": found[1]} if found else "create"
        obstore.put(self._bucket, file.key, audio, attributes=headers, mode=mode, use_multipart=False)  # type: ignore[arg-type]

    def _look_closer(self, file: File, seconds: float, size: int) -> Outcome | None:
        """Something else lies there: an older copy of ours, which goes (None), or what the service put there."""
        there = obstore.get(self._bucket, file.key, options={"head": True})
        attributes = {str(name): value for name, value in there.attributes.items()}
        if file.is_clip:
            return "newer" if made_at(attributes, there.meta["last_modified"]).timestamp() >= seconds else None
        second = attributes.get(DISK_SECOND)
        if second is None:
            return "newer"
        # An encrypting store's ETag says nothing of the content.
        return "there" if (second, there.meta["size"]) == (str(int(seconds)), size) else None
