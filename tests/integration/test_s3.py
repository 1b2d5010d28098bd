"""Jobs whose audio goes to a bucket: what a browser then hears, and what it takes."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from tests.aftermath import record
from tests.integration.test_worker_start import GOOD, assert_one_line, run
from tests.s3_server import QUOTED, S3Server
from tests.service import Service, phrases
from tests.speech_server import SpeechServer, read_tag
from tests.watching import card_urls, queue_jobs, until

CARDS = ["card-1", "card-2"]


@pytest.fixture
async def running(service: Service, s3: S3Server) -> Service:
    """The service with its API and one worker, and a bucket that is public as docs/storage.md says."""
    await s3.make_public()
    service.environment |= s3.environment
    await service.start_api()
    await service.start_worker()
    service.add_deck("deck", CARDS)
    return service


async def heard(s3: S3Server, url: str) -> str:
    """The text that a browser hears there."""
    assert url.startswith(f"{s3.bucket_url}/")
    answer = await s3.get(url.removeprefix(f"{s3.bucket_url}/"))
    assert answer.status == 200
    assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == ("audio/mpeg", "no-cache")
    return str(read_tag(answer.body)["text"])


def waited_for(s3: S3Server) -> Counter[str]:
    """How many requests of each kind came, but for those that were given up: of a slow store a copy is asked anew after 1.5 s."""
    return Counter(one.method for one in s3.requests if not one.was_given_up)


async def test_every_card_can_be_heard_at_its_url(running: Service, s3: S3Server) -> None:
    job = await running.made("deck", phrases(CARDS))

    for phrase, entry in zip(phrases(CARDS), job["resultUrls"], strict=True):
        assert card_urls(running, phrase["cardId"]) == (entry["audioUrlEn"], entry["audioUrlFr"])
        assert await heard(s3, entry["audioUrlEn"]) == phrase["textEn"]
        assert await heard(s3, entry["audioUrlFr"]) == phrase["textFr"]
    assert not running.storage.exists()


async def test_the_cache_is_nobodys_business(running: Service, s3: S3Server) -> None:
    await running.made("deck", phrases(CARDS))

    hidden = [key for key in await s3.keys() if key.startswith(".")]
    assert len(hidden) == 5
    assert [(await s3.get(key)).status for key in hidden] == [403] * 5  # moto lets anybody list: that it cannot show


async def test_what_is_in_the_cache_is_copied_and_nothing_else(
    running: Service, s3: S3Server, upstream: SpeechServer
) -> None:
    await running.made("deck", phrases(CARDS))
    running.add_deck("other", ["other-1", "other-2"])
    same = [phrase | {"cardId": f"other-{number}"} for number, phrase in enumerate(phrases(CARDS), 1)]
    s3.requests.clear()

    job = await running.made("other", same)

    assert waited_for(s3) == {"COPY": 4, "HEAD": 4}
    assert len(upstream.requests) == 4
    assert record(running, job["id"], "clips_made", "clips_cached") == (0, 4)


async def test_an_unchanged_deck_costs_a_look_at_each_file(running: Service, s3: S3Server) -> None:
    await running.made("deck", phrases(CARDS))
    s3.requests.clear()

    await running.made("deck", phrases(CARDS))

    assert waited_for(s3) == {"HEAD": 4}


async def test_a_changed_text_is_heard_at_once_at_the_same_url(running: Service, s3: S3Server) -> None:
    before = await running.made("deck", phrases(CARDS))
    old = await s3.get("card-1_en.mp3")

    after = await running.made("deck", phrases(CARDS, "!"))

    assert after["resultUrls"] == before["resultUrls"]
    assert await heard(s3, after["resultUrls"][0]["audioUrlEn"]) == "The word is card-1!"
    assert (await s3.get("card-1_en.mp3")).headers["ETag"] != old.headers["ETag"]


async def test_a_side_that_becomes_blank_is_gone(running: Service, s3: S3Server) -> None:
    await running.made("deck", phrases(CARDS))

    await running.made("deck", [phrases(CARDS)[0] | {"textFr": ""}])

    assert card_urls(running, "card-1") == (f"{s3.bucket_url}/card-1_en.mp3", None)
    assert "card-1_fr.mp3" not in await s3.keys()


async def test_regenerating_makes_everything_anew_once(running: Service, s3: S3Server, upstream: SpeechServer) -> None:
    await running.made("deck", phrases(CARDS))

    await running.made("deck", phrases(CARDS), regenerate=True)

    assert len(upstream.requests) == 8
    assert read_tag((await s3.get("card-2_fr.mp3")).body)["serial"] > 4


async def test_a_base_url_of_ones_own_goes_before_the_buckets(running: Service) -> None:
    await running.stop(running.processes[-1])
    await running.start_worker(PUBLIC_BASE_URL="https://audio.example.org/")

    await running.made("deck", phrases(CARDS))

    assert card_urls(running, "card-1")[0] == "https://audio.example.org/card-1_en.mp3"


async def test_access_that_ends_in_the_middle_fails_the_job_and_can_be_mended(
    running: Service, s3: S3Server, upstream: SpeechServer
) -> None:
    await running.made("deck", phrases(CARDS[:1]))
    asked = len(upstream.requests)
    s3.fail("denied", method="COPY")

    job = await running.ended(await running.post("deck", phrases(CARDS)))

    assert job["status"] == "failed"
    assert "The audio storage cannot be used: AWS_ACCESS_KEY_ID: access to bucket" in job["errorMessage"]
    assert "docs/storage.md" in job["errorMessage"]
    assert await heard(s3, str(card_urls(running, "card-1")[0])) == "The word is card-1"
    await until(lambda: queue_jobs(running) == [])

    s3.heal()
    await running.made("deck", phrases(CARDS))  # by the same worker
    assert len(upstream.requests) == asked + 2  # what was made then was kept


async def test_nothing_is_bought_that_cannot_be_kept(running: Service, s3: S3Server, upstream: SpeechServer) -> None:
    s3.fail("denied", method="PUT")

    job = await running.ended(await running.post("deck", phrases(CARDS)))

    assert job["status"] == "failed"
    assert upstream.requests == []


async def test_a_store_in_trouble_for_a_moment_is_waited_for(running: Service, s3: S3Server) -> None:
    for kind in ("slow_down", "reset", "internal"):
        for method in ("PUT", "HEAD", "COPY"):
            s3.fail(kind, 1, method=method)

    job = await running.made("deck", phrases(CARDS))

    assert await heard(s3, job["resultUrls"][1]["audioUrlFr"]) == "Le mot est card-2"


async def test_copies_that_hang_send_the_job_back_and_it_ends_well(running: Service, s3: S3Server) -> None:
    """They are given up while the job is still locked, so that none can land on a later job's audio."""
    s3.fail("hang", 5, method="COPY")

    job = await running.made("deck", phrases(CARDS))

    assert await heard(s3, job["resultUrls"][0]["audioUrlEn"]) == "The word is card-1"
    assert "Traceback" not in running.log("worker")


# At start


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"AWS_S3_BUCKET": "no-such-bucket"}, "AWS_S3_BUCKET: there is no bucket no-such-bucket at "),
        ({"AWS_S3_BUCKET": ""}, "AWS_S3_BUCKET: missing"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "AWS_ENDPOINT_URL: http://127.0.0.1:9 cannot be reached"),
        (
            # Empty, as compose hands over what is not set; and nobody at the address of the instance's role.
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_METADATA_ENDPOINT": "http://127.0.0.1:9"},
            "AWS_ACCESS_KEY_ID: there are no credentials",
        ),
    ],
    ids=["no bucket", "none named", "nobody there", "no keys"],
)
async def test_a_worker_that_cannot_use_the_bucket_says_so_in_one_line_and_ends(
    s3: S3Server, tmp_path: Path, change: dict[str, str], said: str
) -> None:
    assert_one_line(await asyncio.to_thread(run, "worker", tmp_path, **GOOD | s3.environment | change), said)


@pytest.mark.parametrize(("kind", "said"), [("denied", "AWS_ACCESS_KEY_ID: "), ("wrong_region", "AWS_REGION: ")])
async def test_a_worker_that_the_bucket_refuses_says_so_in_one_line_and_ends(
    s3: S3Server, tmp_path: Path, kind: str, said: str
) -> None:
    s3.fail(kind)
    end = await asyncio.to_thread(run, "worker", tmp_path, **GOOD | s3.environment)

    assert_one_line(end, said)
    assert QUOTED not in end[1]


async def test_the_api_needs_no_key_and_no_bucket(service: Service, s3: S3Server) -> None:
    await service.start_api(STORAGE_TYPE="s3", PUBLIC_BASE_URL="https://audio.example.org")

    assert (await service.get("/ready")).status == 200
    assert s3.requests == []
