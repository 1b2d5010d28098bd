"""A storage that does not obey: the job says so, the worker stays, and later all goes on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.service import Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import card_files, card_urls, queue_jobs, spoken, until

CARDS = ["card-1", "card-2"]


def lose_the_folder(storage: Path) -> None:
    storage.rename(storage.with_name("unmounted"))


def spoil_the_cache(storage: Path) -> None:
    (storage / ".cache").rename(storage / ".unmounted")
    (storage / ".cache").touch()


def mend(storage: Path) -> None:
    """Undoes either."""
    if not storage.exists():
        storage.with_name("unmounted").rename(storage)
    else:
        (storage / ".cache").unlink()
        (storage / ".unmounted").rename(storage / ".cache")


@pytest.mark.parametrize(
    ("spoil", "reason"), [(lose_the_folder, "a file or folder is missing"), (spoil_the_cache, "Not a directory")]
)
async def test_a_job_tells_of_a_storage_that_fails_and_can_run_again(
    running: Service, upstream: SpeechServer, spoil: Callable[[Path], None], reason: str
) -> None:
    running.add_deck("deck", CARDS)
    spoil(running.storage)

    job = await running.ended(await running.post("deck", phrases(CARDS)))

    assert job["status"] == "failed"
    assert f"The audio storage cannot be used: {reason}" in job["errorMessage"]
    assert [(entry["audioUrlEn"], entry["audioUrlFr"]) for entry in job["resultUrls"]] == [(None, None)] * 2
    assert card_urls(running, "card-1") == (None, None)
    await until(lambda: queue_jobs(running) == [])

    mend(running.storage)
    await running.made("deck", phrases(CARDS))  # by the same worker
    assert len(card_files(running)) == 4


async def test_a_storage_that_fails_takes_no_good_audio_away(running: Service) -> None:
    running.add_deck("deck", CARDS)
    await running.made("deck", phrases(CARDS))
    urls, files = card_urls(running, "card-1"), card_files(running)
    spoil_the_cache(running.storage)

    job = await running.ended(await running.post("deck", phrases(CARDS), regenerate=True))

    assert job["status"] == "failed"
    assert (card_urls(running, "card-1"), card_files(running)) == (urls, files)


async def test_a_changed_text_loses_its_old_audio_when_the_storage_fails(running: Service) -> None:
    running.add_deck("deck", CARDS)
    await running.made("deck", phrases(CARDS))
    spoil_the_cache(running.storage)

    changed = phrases(["card-1"], " indeed") + phrases(["card-2"])
    job = await running.ended(await running.post("deck", changed))

    assert job["status"] == "failed"
    assert card_urls(running, "card-1") == (None, None)
    assert None not in card_urls(running, "card-2")

    mend(running.storage)
    await running.made("deck", changed)
    assert spoken(running, "card-1_en.mp3") == "The word is card-1 indeed"
    assert None not in card_urls(running, "card-1")
