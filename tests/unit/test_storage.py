"""The folder of audio: what appears in it, how it is replaced, and what is said when it cannot be used."""

import asyncio
import math
import os
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from shared.errors import StorageFault
from shared.local_storage import LocalStorage
from shared.stored_files import clip_path

KEY, OTHER_KEY = "a" * 64, "b" * 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "audio"


@pytest.fixture
async def storage(folder: Path) -> LocalStorage:
    storage = LocalStorage(folder)
    await storage.prepare()
    await storage.put_clip(KEY, b"first")
    await storage.put_clip(OTHER_KEY, b"other")
    return storage


@pytest.fixture
def strict_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


def hidden_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.parent != folder)


async def test_a_clip_is_found_and_read(storage: LocalStorage) -> None:
    found = await storage.find_clips([KEY, "c" * 64])

    assert found.keys() == {KEY}
    assert found[KEY].bytes == 5
    assert await storage.read_clip(KEY) == b"first"


async def test_an_empty_clip_is_no_clip(storage: LocalStorage) -> None:
    await storage.put_clip(KEY, b"")

    assert await storage.find_clips([KEY]) == {}


async def test_a_cards_file_is_a_copy_of_its_own(storage: LocalStorage, folder: Path) -> None:
    await storage.link({"card_en.mp3": KEY}, math.inf)

    (folder / "card_en.mp3").write_bytes(b"spoiled")

    assert await storage.read_clip(KEY) == b"first"
    assert await storage.sizes(["card_en.mp3", "no_en.mp3"]) == {"card_en.mp3": 7}


async def test_every_replacement_has_a_later_second(storage: LocalStorage, folder: Path) -> None:
    seconds = []
    for key in (KEY, OTHER_KEY, KEY, OTHER_KEY):
        await storage.link({"card_en.mp3": key}, math.inf)
        seconds.append((folder / "card_en.mp3").stat().st_mtime)

    assert seconds == sorted(set(seconds))
    assert all(second.is_integer() for second in seconds)


async def test_a_file_is_readable_by_all_whatever_the_umask(strict_umask: None, folder: Path) -> None:
    storage = LocalStorage(folder)
    await storage.prepare()
    await storage.put_clip(KEY, b"first")
    await storage.link({"card_en.mp3": KEY}, math.inf)

    assert folder.stat().st_mode & 0o777 == 0o755
    assert (folder / "card_en.mp3").stat().st_mode & 0o777 == 0o644


async def test_a_reader_never_sees_a_part(storage: LocalStorage, folder: Path) -> None:
    clips = {KEY: b"a" * 2_000_000, OTHER_KEY: b"b" * 1_000_000}
    for key, audio in clips.items():
        await storage.put_clip(key, audio)
    await storage.link({"card_en.mp3": KEY}, math.inf)
    seen: set[bytes] = set()
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            seen.add((folder / "card_en.mp3").read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        await storage.link({"card_en.mp3": OTHER_KEY}, math.inf)
        await storage.link({"card_en.mp3": KEY}, math.inf)
    ended.set()
    reader.join()

    assert seen <= set(clips.values())


async def test_a_clip_that_is_read_in_pieces_is_copied_whole(storage: LocalStorage, folder: Path) -> None:
    """A disk that fails in the middle gives what is good first, and says so at the next read. A pipe gives 64 KiB, too."""
    clip = folder / clip_path("c" * 64)
    clip.parent.mkdir()
    os.mkfifo(clip)
    audio = os.urandom(300_000)

    await asyncio.gather(asyncio.to_thread(clip.write_bytes, audio), storage.link({"card_en.mp3": "c" * 64}, math.inf))

    assert (folder / "card_en.mp3").read_bytes() == audio


async def test_what_has_come_or_gone_stays_so_when_the_power_goes(storage: LocalStorage, folder: Path) -> None:
    flushed = flushes(folder, storage.put_clip("c" * 64, b"in a new folder"))
    assert (set(flushed), flushed[-1]) == ({"a file", ".cache", ".cache/cc"}, ".cache/cc")

    link = storage.link({"card_en.mp3": KEY, "card_fr.mp3": KEY}, math.inf)
    assert flushes(folder, link) == ["a file", "a file", "."]

    assert flushes(folder, storage.remove(["card_en.mp3", "card_fr.mp3"], math.inf)) == ["."]


def flushes(folder: Path, work: Coroutine[Any, Any, None]) -> list[str]:
    """What is flushed meanwhile, as the interpreter tells a profiler of every call. In new threads: it tells of no others."""
    flushed: list[str] = []

    def note(frame: FrameType, event: str, called: object) -> None:
        if event == "c_call" and called is os.fsync:
            path = Path(os.readlink(f"/proc/self/fd/{frame.f_locals['descriptor']}"))
            flushed.append(str(path.relative_to(folder)) if path.is_dir() else "a file")

    working = threading.Thread(target=asyncio.run, args=[work])
    threading.setprofile(note)
    try:
        working.start()
        working.join()
    finally:
        threading.setprofile(None)
    return flushed


async def test_nothing_is_left_behind(storage: LocalStorage, folder: Path) -> None:
    await storage.link({"card_en.mp3": KEY, "card_fr.mp3": OTHER_KEY}, math.inf)
    with pytest.raises(StorageFault):
        await storage.link({"card_en.mp3": "c" * 64}, math.inf)
    await storage.remove(["card_fr.mp3", "never_there_en.mp3"], math.inf)
    await LocalStorage(folder).prepare()

    assert hidden_files(folder) == [f"{KEY}.mp3", f"{OTHER_KEY}.mp3"]
    assert [path.name for path in folder.iterdir() if path.is_file()] == ["card_en.mp3"]


async def test_a_folder_that_is_gone_is_not_made_again(storage: LocalStorage, folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))

    for attempt in (storage.put_clip(KEY, b"first"), storage.link({"card_en.mp3": KEY}, math.inf)):
        with pytest.raises(StorageFault, match="a file or folder is missing"):
            await attempt
    assert not folder.exists()


async def test_a_folder_that_is_emptied_is_used_again(storage: LocalStorage, folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.mkdir()

    await storage.put_clip(KEY, b"first")
    await storage.link({"card_en.mp3": KEY}, math.inf)

    assert (folder / "card_en.mp3").read_bytes() == b"first"


async def test_a_folder_that_is_a_file_is_named(folder: Path) -> None:
    folder.touch()

    with pytest.raises(StorageFault, match=f"STORAGE_DIR: .*{folder}"):
        await LocalStorage(folder).prepare()
