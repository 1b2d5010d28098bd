"""`just storage-to-s3`: a service that runs moves its audio to a bucket, and nobody hears anything old."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.s3_server import S3Server
from tests.service import GIVE_UP_SECONDS, ROOT, Service, phrases
from tests.speech_server import SpeechServer, read_tag
from tests.watching import all_files, card_urls, until

CARDS = [f"card-{number}" for number in range(6)]
LOCAL = "http://localhost/storage/tts"


@pytest.fixture
async def local(service: Service, s3: S3Server) -> Service:
    """The service as it was: its audio in a folder, a deck made. The settings already name the bucket."""
    await s3.make_public()
    service.environment |= s3.environment | {"STORAGE_TYPE": "local"}
    await service.start_api()
    await service.start_worker()
    service.add_deck("deck", CARDS)
    await service.made("deck", phrases(CARDS))
    return service


def environment(service: Service, **more: str) -> dict[str, str]:
    basics = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DATABASE_URL": service.database_url}
    return basics | {"STORAGE_DIR": str(service.storage)} | service.environment | more


async def start(service: Service, *arguments: str, **more: str) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "scripts.storage_to_s3", *arguments]
    return await asyncio.create_subprocess_exec(
        *command,
        cwd=service.folder,
        env=environment(service, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


async def move(service: Service, *arguments: str, code: int = 0, **more: str) -> str:
    """Runs the command to its end, and returns what it said."""
    process = await start(service, *arguments, **more)
    said, _ = await process.communicate()
    assert process.returncode == code, said.decode()
    return said.decode()


async def switch(service: Service) -> None:
    """Restarts the worker with the bucket as its storage."""
    await service.stop(service.processes[-1])
    service.environment["STORAGE_TYPE"] = "s3"
    await service.start_worker()


async def text(s3: S3Server, name: str) -> str:
    return str(read_tag((await s3.get(name)).body)["text"])


async def test_a_running_service_moves_in_three_steps(local: Service, s3: S3Server, upstream: SpeechServer) -> None:
    said = await move(local)

    assert "24 of 24 files copied" in said
    assert "set STORAGE_TYPE=s3, restart the workers, and run this again" in said
    assert set(await s3.keys()) == all_files(local) | {".cache/probe"}
    assert card_urls(local, "card-0") == (f"{LOCAL}/card-0_en.mp3", f"{LOCAL}/card-0_fr.mp3")

    await switch(local)
    said = await move(local)

    assert "0 of 24 files copied (0.0 MB); 24 were there" in said
    assert f"6 cards and 1 jobs point to {s3.bucket_url} now" in said
    for phrase in phrases(CARDS):
        card = phrase["cardId"]
        assert card_urls(local, card) == (f"{s3.bucket_url}/{card}_en.mp3", f"{s3.bucket_url}/{card}_fr.mp3")
        assert (await text(s3, f"{card}_en.mp3"), await text(s3, f"{card}_fr.mp3")) == (
            phrase["textEn"],
            phrase["textFr"],
        )
    [[urls]] = local.sql('SELECT "resultUrls" FROM public."TtsJob"')
    assert urls[2]["audioUrlFr"] == f"{s3.bucket_url}/card-2_fr.mp3"
    assert [entry["cardId"] for entry in urls] == CARDS

    asked = len(upstream.requests)
    await local.made("deck", phrases(CARDS))
    assert len(upstream.requests) == asked
    answer = await s3.get("card-0_en.mp3")
    assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == ("audio/mpeg", "no-cache")


async def test_what_is_replaced_on_disk_before_the_switch_is_taken_along(local: Service, s3: S3Server) -> None:
    await move(local)
    await local.made("deck", phrases(CARDS[:2], "!"))  # 4 new clips, 4 new files

    await switch(local)
    said = await move(local)

    assert "8 of 28 files copied" in said
    assert (await text(s3, "card-0_en.mp3"), await text(s3, "card-5_en.mp3")) == (
        "The word is card-0!",
        "The word is card-5",
    )


async def test_what_the_workers_put_in_the_bucket_is_never_replaced(local: Service, s3: S3Server) -> None:
    await move(local)
    await switch(local)
    await local.made("deck", phrases(CARDS[:2], "!"))
    await local.made("deck", phrases(CARDS[2:4]), regenerate=True)
    before = await s3.keys()

    said = await move(local)

    assert await s3.keys() == before
    assert "0 of 24 files copied" in said
    assert "12 are newer in the bucket" in said  # 4 + 4 files of cards, and 4 clips


async def test_what_the_workers_put_in_a_new_bucket_is_never_replaced(local: Service, s3: S3Server) -> None:
    """Also where nothing was copied before the switch."""
    await switch(local)
    await local.made("deck", phrases(CARDS[:1], "!"))

    await move(local)

    assert await text(s3, "card-0_en.mp3") == "The word is card-0!"
    assert await text(s3, "card-1_en.mp3") == "The word is card-1"


async def test_a_file_that_a_job_has_taken_away_does_not_come_back(local: Service, s3: S3Server) -> None:
    await move(local)
    await switch(local)
    await local.made("deck", [phrases(CARDS)[0] | {"textFr": ""}])

    said = await move(local)

    assert "card-0_fr.mp3" not in await s3.keys()
    assert "1 belong to sides without audio" in said
    assert card_urls(local, "card-0") == (f"{s3.bucket_url}/card-0_en.mp3", None)


async def test_killed_in_the_middle_it_goes_on_where_it_was(local: Service, s3: S3Server) -> None:
    s3.fail("slow", method="PUT", times=13)  # only these come through
    s3.fail("held", method="PUT")
    s3.requests.clear()
    process = await start(local)
    await until(lambda: s3.count("PUT") > 13)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    await until(lambda: not s3.in_flight)
    s3.heal()
    there = len(await s3.keys()) - 1  # without the probe
    assert 0 < there < 24
    s3.requests.clear()

    said = await move(local)

    assert f"{24 - there} of 24 files copied" in said
    assert s3.count("PUT") == 24 - there + 1
    assert set(await s3.keys()) == all_files(local) | {".cache/probe"}


async def test_a_signal_ends_it_soon_and_without_a_traceback(local: Service, s3: S3Server) -> None:
    s3.fail("held", method="PUT", path="card-")
    process = await start(local)
    await until(lambda: s3.count("PUT", "card-") > 0)
    process.send_signal(signal.SIGTERM)
    s3.heal()  # what is under way is put
    async with asyncio.timeout(GIVE_UP_SECONDS):
        said, _ = await process.communicate()

    assert process.returncode == 128 + signal.SIGTERM
    assert b"Traceback" not in said


async def test_a_dry_run_says_it_all_and_does_nothing(local: Service, s3: S3Server) -> None:
    said = await move(local, "--dry-run", STORAGE_TYPE="s3")

    assert "24 of 24 files would be copied" in said
    assert "6 cards and 1 jobs would point to" in said
    assert await s3.keys() == {}
    assert card_urls(local, "card-0")[0] == f"{LOCAL}/card-0_en.mp3"


async def test_another_old_url_is_found_out(local: Service, s3: S3Server) -> None:
    local.sql(
        """UPDATE public."Card" SET "audioUrlEn" = replace("audioUrlEn", 'http://localhost', 'https://old.example')"""
    )

    said = await move(local, STORAGE_TYPE="s3")

    assert "Some cards' URLs begin otherwise; --old-url takes one at a time: https://old.example/storage/tts\n" in said
    await move(local, "--old-url", "https://old.example/storage/tts/", STORAGE_TYPE="s3")
    assert card_urls(local, "card-3") == (f"{s3.bucket_url}/card-3_en.mp3", f"{s3.bucket_url}/card-3_fr.mp3")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"AWS_S3_BUCKET": "no-such-bucket"}, "Stopped: AWS_S3_BUCKET: there is no bucket no-such-bucket"),
        ({"AWS_S3_BUCKET": ""}, "Cannot start: AWS_S3_BUCKET: missing"),
        ({"AWS_SECRET_ACCESS_KEY": ""}, "Cannot start: AWS_SECRET_ACCESS_KEY: goes together with AWS_ACCESS_KEY_ID"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "Stopped: AWS_ENDPOINT_URL: http://127.0.0.1:9 cannot be reached"),
        ({"DATABASE_URL": "postgresql://localhost:9/x"}, "Stopped: DATABASE_URL: "),
        ({"STORAGE_DIR": "/no/such/folder"}, "Stopped: STORAGE_DIR: there is no folder /no/such/folder"),
        ({"PUBLIC_BASE_URL": LOCAL, "STORAGE_TYPE": "s3"}, "Stopped: PUBLIC_BASE_URL: the workers still write"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
async def test_what_is_wrong_is_told_in_one_line(
    service: Service, s3: S3Server, change: dict[str, str], said: str
) -> None:
    service.storage.mkdir()
    service.environment |= s3.environment | {"STORAGE_TYPE": "local"}

    answer = await move(service, code=1, **change)

    assert said in answer.splitlines()[-1]
    assert "Traceback" not in answer


def test_the_command_is_in_the_justfile() -> None:
    assert "-m scripts.storage_to_s3" in (Path(ROOT) / "Justfile").read_text()
