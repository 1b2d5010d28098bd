"""Full disks, lost volumes, files that a power cut left short: told on the job, never heard, mended by posting again."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.aftermath import assert_spoken, assert_whole, record
from tests.keeping import DAY_SECONDS, gc
from tests.mid_job import held_up_in_a_job
from tests.service import ROOT, Service, phrases
from tests.speech_server import SpeechServer
from tests.system_parts import require_small_disk
from tests.watching import all_files, cached_clips, card_files, card_urls, queue_jobs, spoken, until

CARDS = [f"card-{number}" for number in range(40)]
CLIPS = 80


@pytest.fixture
def small_disk(service: Service) -> Iterator[Path]:
    """The service's storage on a disk with room for some dozens of clips."""
    service.storage.mkdir()
    require_small_disk(service.storage, "1m")
    yield service.storage
    subprocess.run(["umount", "--lazy", service.storage], check=True)


async def test_a_disk_that_fills_up_fails_the_job_and_shows_no_half_file(
    service: Service, upstream: SpeechServer, small_disk: Path
) -> None:
    service.add_deck("deck", CARDS)
    worker = await service.start_worker()

    job = await service.ended(await service.post("deck", phrases(CARDS)))

    assert job["status"] == "failed"
    assert "The audio storage cannot be used: the disk is full" in job["errorMessage"]
    assert [entry["cardId"] for entry in job["resultUrls"]] == CARDS
    assert_whole(service)
    assert not [name for name in all_files(service) if name.startswith(".tmp/")]
    assert {url for card in CARDS for url in card_urls(service, card) if url} <= {
        f"http://localhost/storage/tts/{name}" for name in card_files(service)
    }
    await until(lambda: queue_jobs(service) == [])
    asked = len(upstream.requests)
    assert asked - len(cached_clips(service)) <= 8
    service.add_deck("other", ["other"])
    other = await service.ended(await service.post("other", phrases(["other"])))
    assert "the disk is full" in other["errorMessage"]
    assert len(upstream.requests) == asked  # no money is spent on what cannot be kept

    kept = len(cached_clips(service))
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    await service.made("deck", phrases(CARDS))
    assert worker.returncode is None
    assert len(upstream.requests) == asked + CLIPS - kept
    assert_spoken(service, phrases(CARDS))


async def test_a_storage_that_goes_away_in_the_middle_of_a_job_fails_it(
    service: Service, upstream: SpeechServer
) -> None:
    _, job_id = await held_up_in_a_job(service, upstream, CARDS)

    away = service.storage.with_name("unmounted")
    service.storage.rename(away)
    upstream.heal()
    job = await service.ended(job_id)

    assert job["status"] == "failed"
    assert "The audio storage cannot be used: a file or folder is missing" in job["errorMessage"]
    assert len(job["resultUrls"]) == len(CARDS)
    assert not service.storage.exists()  # nothing is written where nobody would find it
    away.rename(service.storage)
    assert_whole(service)
    await service.made("deck", phrases(CARDS))
    assert_spoken(service, phrases(CARDS))


async def test_a_slow_disk_takes_its_time_and_no_job_back(service: Service) -> None:
    """More files than it can flush in the time for which a job is sure to be held."""
    cards, others = CARDS[:20], [f"other-{number}" for number in range(20)]
    service.add_deck("deck", cards)
    service.add_deck("other", others)
    await service.start_worker(PYTHONPATH=f"{slow_disk(service)}:{ROOT}")
    await service.made("deck", phrases(cards))

    (service.folder / "slow").touch()
    await service.made(
        "other", [phrase | {"cardId": card} for phrase, card in zip(phrases(cards), others, strict=True)]
    )

    assert len(card_files(service)) == 80
    assert "back to the queue" not in service.log("worker")


def slow_disk(service: Service) -> Path:
    """What a worker has to load to find its disk slow, as long as there is a file `slow` in the service's folder."""
    folder = service.folder / "slow-disk"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        f"""
import os, time

fsync = os.fsync

def slow_fsync(descriptor):
    if os.path.exists({str(service.folder / "slow")!r}):
        time.sleep(0.25)
    fsync(descriptor)

os.fsync = slow_fsync
"""
    )
    return folder


async def test_a_lost_volume_is_filled_again(service: Service, upstream: SpeechServer) -> None:
    cards = CARDS[:4]
    service.add_deck("deck", cards)
    await service.start_worker()
    await service.made("deck", phrases(cards))
    for path in service.storage.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    job = await service.made("deck", phrases(cards))

    assert record(service, job["id"], "clips_made", "clips_cached") == (8, 0)
    assert_spoken(service, phrases(cards))


async def test_a_lost_cache_takes_no_card_its_audio(service: Service, upstream: SpeechServer) -> None:
    service.add_deck("deck", CARDS[:2])
    await service.start_worker()
    await service.made("deck", phrases(CARDS[:1]))
    shutil.rmtree(service.storage / ".cache")

    await service.made("deck", phrases(CARDS[:2]))

    assert len(upstream.requests) == 4
    assert_spoken(service, phrases(CARDS[:2]))


async def test_a_clip_that_a_power_cut_left_short_is_made_anew(service: Service, upstream: SpeechServer) -> None:
    """On the record or not: a clip is stored first, and told after."""
    service.add_deck("deck", CARDS)
    await service.start_worker()
    for number, keep in enumerate((0, 700, -300)):
        before = set((service.storage / ".cache").rglob("*.mp3"))
        same = [phrase | {"cardId": f"card-{2 * number}"} for phrase in phrases([f"word {number}"])]
        await service.made("deck", same)
        recorded, unrecorded = set((service.storage / ".cache").rglob("*.mp3")) - before
        service.sql("DELETE FROM tts.clip WHERE key = %s", unrecorded.stem)
        for path in (recorded, unrecorded):
            path.write_bytes(path.read_bytes()[:keep])

        again = f"card-{2 * number + 1}"
        await service.made("deck", [phrase | {"cardId": again} for phrase in same])

        assert len(upstream.requests) == 4 * (number + 1)
        assert spoken(service, f"{again}_en.mp3") == same[0]["textEn"]
        assert_whole(service)


async def test_what_a_dead_worker_left_half_written_is_never_served_and_tidied_away(service: Service) -> None:
    unfinished = service.storage / ".tmp"
    unfinished.mkdir(parents=True)
    old, new = unfinished / uuid4().hex, unfinished / uuid4().hex
    for path in (old, new):
        path.write_bytes(b"half a clip")
    os.utime(old, (time.time() - 2 * DAY_SECONDS,) * 2)
    service.add_deck("deck", CARDS[:1])

    await service.start_worker()
    await service.made("deck", phrases(CARDS[:1]))
    await gc(service)

    assert (old.exists(), new.exists()) == (False, True)  # another worker may be writing the new one
    assert_spoken(service, phrases(CARDS[:1]))
