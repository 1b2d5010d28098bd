"""Audio in a bucket: a clip is put once, and a card's file is a copy that the store makes itself. Knows no table.

obstore's blocking calls in threads of our own: its asynchronous ones abort the process, now and then, where it ends soon after.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar
from uuid import uuid4

import obstore
from obstore.exceptions import GenericError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from shared.errors import LostRun, StorageFault
from shared.metrics import STORAGE_ERRORS
from shared.s3_bucket import CACHE, clip_headers, made_at, open_bucket
from shared.s3_faults import S3_ERRORS, explain
from shared.storage import StoredClip, check_time
from shared.storage_settings import AudioWriterSettings
from shared.stored_files import StoredFile, clip_path, stored_file
from shared.to_its_end import to_its_end

_LOOKS_AT_ONCE, _REPLACEMENTS_AT_ONCE = 32, 16
_TIMEOUT_SECONDS, _RETRIES = 20.0, 6
# The job stays locked for 2 s after the last moment at which a replacement may begin: by then it has landed or is given up.
_REPLACEMENT_SECONDS, _REPLACEMENT_TRIES = 1.5, 5
_PROBE, _VISIBLE_PROBE = f"{CACHE}/probe", ".probe"
Result = TypeVar("Result")


class S3Storage:
    """Audio in a bucket of S3, or of a store that speaks its language."""

    def __init__(self, settings: AudioWriterSettings) -> None:
        self._settings = settings
        self._looking = ThreadPoolExecutor(_LOOKS_AT_ONCE, "s3")
        self._replacing = ThreadPoolExecutor(_REPLACEMENTS_AT_ONCE, "s3-replace")
        with self._faults():
            self._bucket = open_bucket(settings, _TIMEOUT_SECONDS, _RETRIES)
            # Tries again here, where a try that comes too late is not begun.
            self._hasty_bucket = open_bucket(settings, _REPLACEMENT_SECONDS, retries=0)

    async def prepare(self) -> None:
        """Does once all that the worker will do; the fault says what to do, to whoever starts the program."""
        await asyncio.to_thread(self.check_access)

    def check_access(self) -> None:
        """What `prepare` does, blocking."""
        with self._faults():
            obstore.put(self._bucket, _PROBE, b"probe")
            # Who may not list a bucket is refused what is not there, too: a clip that is to be made would look like a fault.
            self._size(f"{CACHE}/{uuid4().hex}")
            obstore.copy(self._bucket, _PROBE, _VISIBLE_PROBE)
            obstore.delete(self._bucket, _VISIBLE_PROBE)

    async def check(self) -> None:
        """Proves that audio can be put, before money is spent on it."""
        with self._faults("The audio storage cannot be used: "):
            await asyncio.to_thread(obstore.put, self._bucket, _PROBE, b"probe")

    async def find_clips(self, keys: Collection[str]) -> dict[str, StoredClip]:
        """Those of the clips that are in the cache."""
        found = await self._look(self._find, keys)
        return {key: clip for key, clip in found.items() if clip and clip.bytes}

    async def read_clip(self, key: str) -> bytes:
        """A clip's audio."""
        return (await self._look(self._read, [key]))[key]

    async def put_clip(self, key: str, audio: bytes) -> None:
        """Keeps a clip for good: when this returns S3 has it in several places."""
        await self._look(partial(self._put, audio), [key])

    async def sizes(self, names: Collection[str]) -> dict[str, int]:
        """The sizes in bytes of those card files that exist."""
        found = await self._look(self._size, names)
        return {name: size for name, size in found.items() if size is not None}

    async def link(self, clips_by_name: Mapping[str, str], until: float) -> None:
        """Puts clips, by their keys, in cards' places, by their files' names.

        Begins no copy after `until` (of `time.monotonic`): then it raises `LostRun`.
        """
        await self._replace(
            lambda name: obstore.copy(self._hasty_bucket, clip_path(clips_by_name[name]), name), clips_by_name, until
        )

    async def remove(self, names: Collection[str], until: float) -> None:
        """Takes card files away, or what `files` found; one that is not there is gone already. `until` as in `link`."""
        await self._replace(lambda name: obstore.delete(self._hasty_bucket, name), names, until)

    async def files(self) -> AsyncIterator[Sequence[StoredFile]]:
        """All that the service has put here, a page at a time."""
        loop = asyncio.get_running_loop()
        pages = iter(obstore.list(self._bucket))
        with self._faults("The audio storage cannot be listed: "):
            while (page := await loop.run_in_executor(self._looking, next, pages, None)) is not None:
                known = (stored_file(one["path"], one["size"], one["last_modified"]) for one in page)
                yield [file for file in known if file]

    def _find(self, key: str) -> StoredClip | None:
        try:
            found = obstore.get(self._bucket, clip_path(key), options={"head": True})
        except FileNotFoundError:
            return None
        return StoredClip(found.meta["size"], made_at(found.attributes, found.meta["last_modified"]))

    def _read(self, key: str) -> bytes:
        return obstore.get(self._bucket, clip_path(key)).bytes().to_bytes()

    def _put(self, audio: bytes, key: str) -> None:
        obstore.put(
            self._bucket, clip_path(key), audio, attributes=clip_headers(datetime.now(UTC)), use_multipart=False
        )

    def _size(self, name: str) -> int | None:
        try:
            return obstore.head(self._bucket, name)["size"]
        except FileNotFoundError:
            return None

    async def _look(self, work: Callable[[str], Result], items: Iterable[str]) -> dict[str, Result]:
        loop = asyncio.get_running_loop()
        names = list(items)
        with self._faults("The audio storage cannot be used: "):
            results = await asyncio.gather(*(loop.run_in_executor(self._looking, work, name) for name in names))
        return dict(zip(names, results, strict=True))

    async def _replace(self, work: Callable[[str], None], names: Iterable[str], until: float) -> None:
        """Returns, or raises, when nothing is under way any more: the caller holds the job only so long."""
        loop = asyncio.get_running_loop()
        fence = _Fence(until)
        with self._faults("The audio storage cannot be used: "):
            replacing = asyncio.gather(
                *(loop.run_in_executor(self._replacing, fence.pass_through, work, name) for name in names),
                return_exceptions=True,
            )
            try:
                done = await asyncio.shield(replacing)
            except asyncio.CancelledError:
                fence.close()
                await to_its_end(replacing)  # nothing stops a thread
                raise
            # What stopped the others goes before what they say of it.
            for error in sorted(filter(None, done), key=lambda error: isinstance(error, LostRun)):
                raise error

    @contextmanager
    def _faults(self, before: str = "") -> Iterator[None]:
        try:
            yield
        except S3_ERRORS as error:
            STORAGE_ERRORS.labels("s3").inc()
            raise StorageFault(f"{before}{explain(error, self._settings)}.") from error


class _Fence:
    """Lets replacements begin until it is too late, one of them failed, or nobody wants them any more."""

    def __init__(self, until: float) -> None:
        self._until = until
        self._closed = False

    def close(self) -> None:
        self._closed = True

    def pass_through(self, work: Callable[[str], None], name: str) -> None:
        """Does the work, and again where it fails by what may pass."""
        tries = Retrying(
            before=lambda _: self._check(),
            retry=retry_if_exception_type(GenericError),
            stop=stop_after_attempt(_REPLACEMENT_TRIES),
            wait=wait_random_exponential(multiplier=0.1, max=1),
            reraise=True,
        )
        try:
            tries(work, name)
        except BaseException:
            self.close()
            raise

    def _check(self) -> None:
        if self._closed:
            raise LostRun
        check_time(self._until)
