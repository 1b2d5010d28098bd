"""The storage: whether audio can be put there, for how long yet, and whether the world hears it, and no more than that."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx2

from shared.errors import StorageFault
from shared.job_lock import HOLD_SECONDS
from shared.storage import Storage, open_storage
from shared.storage_settings import AudioWriterSettings
from shared.stored_files import clip_path
from worker.doctor.checkup import Problem, Skipped
from worker.doctor.installation import Installation

_FETCH_SECONDS = 10.0
_LEAST_INODES = 1_000
_HERE = ("localhost", "127.0.0.1", "[::1]")


class AudioChecks:
    """`public_url` is where to look for audio, where that is not PUBLIC_BASE_URL."""

    def __init__(self, installation: Installation, public_url: str | None, least_free_mb: float) -> None:
        self._installation = installation
        self._public_url = public_url
        self._least_free_mb = least_free_mb

    async def storage(self) -> str:
        """Whether a worker could begin."""
        settings = self._settings("public_base_url")
        folder = settings.storage_dir
        if settings.storage_type == "local" and not await asyncio.to_thread(folder.is_dir):
            raise Problem(
                f"STORAGE_DIR: there is no folder {folder}: mount the volume, or start a worker, which makes it"
            )
        _leave_to_its_owner(settings)
        await open_storage(settings).prepare()
        await open_storage(settings).check()
        return f"{folder if settings.storage_type == 'local' else settings.aws_s3_bucket} can be written"

    async def disk(self) -> str:
        """Whether there is room."""
        settings = self._settings("public_base_url")
        if settings.storage_type != "local":
            raise Skipped("audio is in a bucket")
        try:
            found = await asyncio.to_thread(os.statvfs, settings.storage_dir)
        except OSError:
            raise Skipped("needs the storage: see its line") from None
        free_mb = found.f_bavail * found.f_frsize / 1e6
        if free_mb < self._least_free_mb:
            raise Problem(
                f"STORAGE_DIR: {free_mb:,.0f} MB are free: make room, or keep less (`just gc --dry-run`; CLIPS_KEPT_DAYS, JOBS_KEPT_DAYS)"
            )
        if found.f_files and found.f_favail < _LEAST_INODES:
            raise Problem(f"STORAGE_DIR: the disk takes only {found.f_favail} more files: it needs more inodes")
        return f"{free_mb:,.0f} MB are free"

    async def public(self) -> str:
        """Whether what the storage holds is served as it should be. Puts a file there, and takes it away again."""
        settings = self._settings(*(("public_base_url",) if self._public_url else ()))
        if settings.storage_type == "local" and not await asyncio.to_thread(settings.storage_dir.is_dir):
            raise Skipped("needs the storage: see its line")
        _leave_to_its_owner(settings)
        base_url = self._public_url or settings.public_base_url
        try:
            async with _probe(open_storage(settings)) as (name, key, content), _http() as http:
                await _check_served(http, base_url, name, content)
                await _check_hidden(http, f"{base_url}/{clip_path(key)}")
        except StorageFault:
            raise Skipped("needs the storage: see its line") from None
        return f"{_shown(base_url)} serves what the storage holds, and hides its cache"

    def _settings(self, *spared: str) -> AudioWriterSettings:
        return self._installation.storage(*spared)


def _leave_to_its_owner(settings: AudioWriterSettings) -> None:
    """Raises `Skipped` for root, in a storage that is another's: what root makes there, workers cannot write to."""
    if settings.storage_type != "local" or os.geteuid() != 0:
        return
    owner = settings.storage_dir.stat().st_uid
    if owner != 0:
        raise Skipped(f"root would leave folders there that workers cannot write to: run this as user {owner}")


def _shown(url: str) -> str:
    """A URL for people to see: without a password."""
    return str(httpx2.URL(url).copy_with(userinfo=b""))


@asynccontextmanager
async def _probe(storage: Storage) -> AsyncIterator[tuple[str, str, bytes]]:
    """A file as a card has one, and its clip in the cache: name, key and content."""
    key = uuid4().hex * 2
    name, content = f"doctor-{key[:12]}_en.mp3", key.encode()
    try:
        await storage.put_clip(key, content)
        await storage.link({name: key}, time.monotonic() + HOLD_SECONDS)
        yield name, key, content
    finally:
        await storage.remove([name, clip_path(key)], time.monotonic() + HOLD_SECONDS)


def _http() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(timeout=_FETCH_SECONDS, follow_redirects=True)


async def _check_served(http: httpx2.AsyncClient, base_url: str, name: str, content: bytes) -> None:
    shown = _shown(base_url)
    try:
        answer = await http.get(f"{base_url}/{name}")
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        inside = " (inside a container that is the container: say `--url http://nginx:8080/storage/tts`)"
        where = inside if httpx2.URL(base_url).host in _HERE else ""
        raise Problem(
            f"PUBLIC_BASE_URL: {shown} cannot be reached{where}: {type(error).__name__}: start nginx, or set its address"
        ) from None
    if answer.status_code != httpx2.codes.OK:
        raise Problem(
            f"PUBLIC_BASE_URL: {shown} answers {answer.status_code} for a file that is in the storage:"
            " nginx must mount the folder (or the bucket be public) that workers write to"
        )
    if answer.content != content:
        raise Problem(f"PUBLIC_BASE_URL: {shown} serves something else than the storage holds: it is another server's")
    if "no-cache" not in answer.headers.get("Cache-Control", ""):
        raise Problem(
            f"PUBLIC_BASE_URL: {shown} sends no `Cache-Control: no-cache`: changed audio would be heard late;"
            " take nginx/templates/default.conf.template, or set it where the CDN is set up"
        )


async def _check_hidden(http: httpx2.AsyncClient, url: str) -> None:
    if (await http.get(url)).status_code == httpx2.codes.OK:
        raise Problem(
            "PUBLIC_BASE_URL: the cache can be read by anybody: serve names in the root only, as"
            " nginx/templates/default.conf.template and the policy of docs/storage.md do"
        )
