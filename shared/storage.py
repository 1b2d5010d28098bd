"""Where audio lives: every clip once in a hidden cache, and a copy of one under each card's name. Knows no table."""

import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.errors import LostRun
from shared.metrics import STORAGE_ERRORS
from shared.storage_settings import AudioWriterSettings
from shared.stored_files import StoredFile


@dataclass(frozen=True)
class StoredClip:
    """A clip that is in the cache, since `made_at`."""

    bytes: int
    made_at: datetime


class Storage(Protocol):
    """A place for audio. What is put there appears whole or not at all; every method raises `StorageFault` where it does not obey."""

    async def prepare(self) -> None:
        """Proves that all that is needed can be done; the fault says what to do, to whoever starts the program."""

    async def check(self) -> None:
        """Proves that audio can be kept, before money is spent on it."""

    async def find_clips(self, keys: Collection[str]) -> dict[str, StoredClip]:
        """Those of the clips that are in the cache."""

    async def read_clip(self, key: str) -> bytes:
        """A clip's audio."""

    async def put_clip(self, key: str, audio: bytes) -> None:
        """Keeps a clip for good: when this returns it survives a power cut."""

    async def sizes(self, names: Collection[str]) -> dict[str, int]:
        """The sizes in bytes of those card files that exist."""

    async def link(self, clips_by_name: Mapping[str, str], until: float) -> None:
        """Puts clips, by their keys, in cards' places, by their files' names. Afterwards all of them survive a power cut.

        Replaces nothing after `until` (of `time.monotonic`): then it raises `LostRun`.
        """

    async def remove(self, names: Collection[str], until: float) -> None:
        """Takes card files away, or what `files` found; one that is not there is gone already. `until` as in `link`."""

    def files(self) -> AsyncIterator[Sequence[StoredFile]]:
        """All that the service has put here, some at a time and in no order. What is put meanwhile may be missing."""


def open_storage(settings: AudioWriterSettings) -> Storage:
    """The storage that the settings name. Each is imported only where it is used."""
    STORAGE_ERRORS.labels(settings.storage_type)  # begins at 0
    if settings.storage_type == "s3":
        from shared.s3_storage import S3Storage

        return S3Storage(settings)
    from shared.local_storage import LocalStorage

    return LocalStorage(settings.storage_dir)


def check_time(until: float) -> None:
    """Raises `LostRun` after `until`, of `time.monotonic`."""
    if time.monotonic() > until:
        raise LostRun
