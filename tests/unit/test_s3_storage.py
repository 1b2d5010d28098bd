"""The bucket of audio: what lies in it, how it is replaced, and what is said when it cannot be used."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import LostRun, StorageFault
from shared.s3_storage import S3Storage
from shared.storage_settings import AudioWriterSettings
from tests.s3_server import QUOTED, S3Server
from tests.watching import Stopwatch, until

KEY, OTHER_KEY, NO_KEY = "a" * 64, "b" * 64, "c" * 64
Use = Callable[[S3Storage], Awaitable[object]]


def storage_at(s3: S3Server, **settings: str) -> S3Storage:
    given = {name.lower(): value for name, value in (s3.environment | settings).items()}
    return S3Storage(AudioWriterSettings.model_validate(given))


@pytest.fixture
async def storage(s3: S3Server) -> S3Storage:
    storage = storage_at(s3)
    await storage.prepare()
    await storage.put_clip(KEY, b"first")
    await storage.put_clip(OTHER_KEY, b"other one")
    s3.requests.clear()
    return storage


def soon(seconds: float = 60) -> float:
    return time.monotonic() + seconds


async def test_a_clip_is_found_and_read(storage: S3Storage) -> None:
    found = await storage.find_clips([KEY, NO_KEY])

    assert found.keys() == {KEY}
    assert found[KEY].bytes == 5
    assert await storage.read_clip(KEY) == b"first"


async def test_an_empty_clip_is_no_clip(storage: S3Storage) -> None:
    await storage.put_clip(KEY, b"")

    assert await storage.find_clips([KEY]) == {}


async def test_a_clip_says_when_it_was_made_to_less_than_a_second(storage: S3Storage) -> None:
    """A job that makes anew keeps what is no older than itself: S3's own whole seconds would look older."""
    before = datetime.now(UTC)
    await storage.put_clip(KEY, b"again")
    made_at = (await storage.find_clips([KEY]))[KEY].made_at

    assert before <= made_at <= datetime.now(UTC)


async def test_a_clip_of_somebody_else_counts_from_the_time_that_s3_has(storage: S3Storage, s3: S3Server) -> None:
    await s3.put(f".cache/cc/{NO_KEY}.mp3", b"theirs")

    made_at = (await storage.find_clips([NO_KEY]))[NO_KEY].made_at

    assert abs(made_at - datetime.now(UTC)) < timedelta(seconds=30)


async def test_a_cards_file_is_a_copy_that_the_store_makes(storage: S3Storage, s3: S3Server) -> None:
    await storage.link({"card_en.mp3": KEY, "card_fr.mp3": OTHER_KEY}, soon())

    assert await storage.sizes(["card_en.mp3", "card_fr.mp3", "no_en.mp3"]) == {"card_en.mp3": 5, "card_fr.mp3": 9}
    # Which of them: one that takes too long is tried again.
    copied = {one.path for one in s3.requests if one.method == "COPY"}
    assert copied == {f"/{s3.bucket}/card_en.mp3", f"/{s3.bucket}/card_fr.mp3"}
    assert s3.count("PUT") == s3.count("GET") == 0


async def test_a_cards_file_has_the_headers_that_a_browser_needs(storage: S3Storage, s3: S3Server) -> None:
    await s3.make_public()
    await storage.link({"card_en.mp3": KEY}, soon())
    first = await s3.get("card_en.mp3")
    await storage.link({"card_en.mp3": OTHER_KEY}, soon())
    second = await s3.get("card_en.mp3")

    for answer, audio in ((first, b"first"), (second, b"other one")):
        assert (answer.status, answer.body) == (200, audio)
        assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == ("audio/mpeg", "no-cache")
    assert first.headers["ETag"] != second.headers["ETag"]


async def test_what_is_gone_is_gone_and_what_never_was_is_no_fault(storage: S3Storage) -> None:
    await storage.link({"card_en.mp3": KEY}, soon())

    await storage.remove(["card_en.mp3", "never_there_en.mp3"], soon())

    assert await storage.sizes(["card_en.mp3"]) == {}


async def test_400_names_are_looked_up_in_one_go(storage: S3Storage, s3: S3Server) -> None:
    s3.fail("slow", method="HEAD", seconds=0.1)

    assert await storage.find_clips([KEY, *(f"{number:064}" for number in range(399))]) != {}

    assert s3.count("HEAD") == len(s3.requests) == 400
    assert s3.peak_in_flight > 4


async def test_at_most_16_replacements_are_under_way(storage: S3Storage, s3: S3Server) -> None:
    s3.fail("slow", method="COPY", seconds=0.1)

    await storage.link({f"card-{number}_en.mp3": KEY for number in range(40)}, soon())

    assert 4 < s3.peak_in_flight <= 16


async def test_a_probe_is_all_that_stays_beside_the_clips(storage: S3Storage, s3: S3Server) -> None:
    await storage.check()
    await storage.prepare()

    assert set(await s3.keys()) == {".cache/probe", *(f".cache/{key[:2]}/{key}.mp3" for key in (KEY, OTHER_KEY))}


# Too late


async def test_nothing_is_replaced_when_the_time_is_up(storage: S3Storage, s3: S3Server) -> None:
    await storage.link({"card_en.mp3": KEY}, soon())
    s3.requests.clear()

    with pytest.raises(LostRun):
        await storage.link({"card_en.mp3": OTHER_KEY}, soon(-1))
    with pytest.raises(LostRun):
        await storage.remove(["card_en.mp3"], soon(-1))

    assert s3.requests == []


async def test_a_try_that_comes_too_late_is_not_begun(storage: S3Storage, s3: S3Server) -> None:
    s3.fail("slow_down", method="COPY", seconds=1)  # so the third, or an earlier one, outlasts the time
    too_late = soon(3)

    with pytest.raises(LostRun):
        await storage.link({"card_en.mp3": KEY}, too_late)

    assert 1 <= s3.count("COPY") < 5
    assert max(request.at for request in s3.requests) < too_late + 2  # shared/runs.py holds the lock that much longer


async def test_a_copy_that_hangs_is_given_up_while_the_job_is_still_locked(storage: S3Storage, s3: S3Server) -> None:
    s3.fail("hang", method="COPY")

    async with Stopwatch() as waited:
        with pytest.raises(LostRun):
            await storage.link({"card_en.mp3": KEY}, soon(0.5))

    assert waited.seconds < 0.5 + 2  # shared/runs.py holds the lock that much longer
    await until(lambda: not s3.in_flight)  # nor does the store hear of it any more


async def test_one_that_fails_stops_the_others_and_none_is_under_way_afterwards(
    storage: S3Storage, s3: S3Server
) -> None:
    s3.fail("denied", 1, method="COPY")
    s3.fail("slow", method="COPY", seconds=0.2)

    with pytest.raises(StorageFault, match="denied"):
        await storage.link({f"card-{number}_en.mp3": KEY for number in range(200)}, soon())

    assert s3.in_flight == 0
    copies = s3.count("COPY")
    assert copies <= 2 * 16
    await asyncio.sleep(0.5)
    assert s3.count("COPY") == copies


async def test_who_is_cancelled_is_so_when_nothing_is_under_way_any_more(storage: S3Storage, s3: S3Server) -> None:
    """The job's lock is given back then: what lands later would be older audio over that of the next holder."""
    s3.fail("held", method="COPY")
    linking = asyncio.create_task(storage.link({f"card-{number}_en.mp3": KEY for number in range(200)}, soon()))
    await until(lambda: s3.in_flight)
    for _ in range(2):  # nor does it help to ask again
        linking.cancel()
        await asyncio.sleep(0)
    assert not linking.done()
    s3.heal()
    with pytest.raises(asyncio.CancelledError):
        await linking

    assert s3.in_flight == 0
    copies = s3.count("COPY")
    assert copies <= 16
    await asyncio.sleep(0.5)
    assert s3.count("COPY") == copies


# Faults that pass


@pytest.mark.parametrize("kind", ["slow_down", "internal", "reset", "lost_answer"])
async def test_what_passes_is_not_noticed(storage: S3Storage, s3: S3Server, kind: str) -> None:
    for method in ("HEAD", "GET", "PUT", "COPY", "DELETE"):
        s3.fail(kind, 2, method=method)

    assert (await storage.find_clips([KEY])).keys() == {KEY}
    assert await storage.read_clip(KEY) == b"first"
    await storage.put_clip(NO_KEY, b"new")
    await storage.link({"card_en.mp3": NO_KEY}, soon())
    assert await storage.sizes(["card_en.mp3"]) == {"card_en.mp3": 3}
    await storage.remove(["card_en.mp3"], soon())
    assert await storage.sizes(["card_en.mp3"]) == {}


async def test_a_copy_that_fails_behind_a_200_is_tried_again(storage: S3Storage, s3: S3Server) -> None:
    """S3 answers before it has copied, and says only in the body how that went."""
    s3.fail("error_in_200", 1, method="COPY")

    await storage.link({"card_en.mp3": KEY}, soon())

    assert await storage.sizes(["card_en.mp3"]) == {"card_en.mp3": 5}
    assert s3.count("COPY") >= 2


# Faults that stay


USES: dict[str, Use] = {
    "find": lambda storage: storage.find_clips([KEY]),
    "read": lambda storage: storage.read_clip(KEY),
    "put": lambda storage: storage.put_clip(KEY, b"new"),
    "sizes": lambda storage: storage.sizes(["card_en.mp3"]),
    "link": lambda storage: storage.link({"card_en.mp3": KEY}, soon()),
    "remove": lambda storage: storage.remove(["card_en.mp3"], soon()),
    "check": lambda storage: storage.check(),
}


@pytest.mark.parametrize("use", USES)
async def test_access_denied_is_told_in_one_line(storage: S3Storage, s3: S3Server, use: str) -> None:
    s3.fail("denied")

    with pytest.raises(StorageFault) as fault:
        await USES[use](storage)

    assert str(fault.value).startswith("The audio storage cannot be used: AWS_ACCESS_KEY_ID: access to bucket")
    assert "\n" not in str(fault.value)
    assert QUOTED not in str(fault.value)


@pytest.mark.parametrize("use", ["put", "link"])
async def test_slowing_down_helps_for_a_while_and_then_the_job_is_told(
    storage: S3Storage, s3: S3Server, use: str
) -> None:
    s3.fail("slow_down")

    async with Stopwatch() as waited:
        with pytest.raises(StorageFault, match="asks to slow down"):
            await USES[use](storage)

    assert 3 < len(s3.requests) < 10
    assert waited.seconds < 40


async def test_a_clip_that_is_not_there_cannot_be_linked(storage: S3Storage) -> None:
    with pytest.raises(StorageFault, match="a clip is missing"):
        await storage.link({"card_en.mp3": NO_KEY}, math.inf)


# At start


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("denied", "AWS_ACCESS_KEY_ID: access to bucket "),
        ("unknown_key", "AWS_ACCESS_KEY_ID: http.* does not know it"),
        ("wrong_secret", "AWS_SECRET_ACCESS_KEY: it does not belong to AWS_ACCESS_KEY_ID"),
        ("expired", "AWS_ACCESS_KEY_ID: these temporary credentials have expired"),
        ("skewed", "the clock of this machine is wrong"),
        ("other_region", "AWS_REGION: bucket .* is in another region"),
        ("wrong_region", "AWS_REGION: bucket .* is in another region: eu-west-1"),
        ("slow_down", "http.* asks to slow down"),
        ("internal", "http.* is in trouble"),
        ("reset", "AWS_ENDPOINT_URL: http.* cannot be reached, or breaks the connection"),
    ],
)
async def test_a_storage_that_cannot_be_used_is_told_at_start(s3: S3Server, kind: str, said: str) -> None:
    s3.fail(kind)

    with pytest.raises(StorageFault, match=f"^{said}") as fault:
        await storage_at(s3).prepare()

    assert "\n" not in str(fault.value)
    assert QUOTED not in str(fault.value)


async def test_a_bucket_that_does_not_exist_is_named(s3: S3Server) -> None:
    with pytest.raises(StorageFault, match=r"^AWS_S3_BUCKET: there is no bucket no-such-bucket at http"):
        await storage_at(s3, AWS_S3_BUCKET="no-such-bucket").prepare()


async def test_a_store_that_nobody_answers_at_is_named(s3: S3Server) -> None:
    with pytest.raises(StorageFault, match=r"^AWS_ENDPOINT_URL: http://127.0.0.1:9 cannot be reached"):
        await storage_at(s3, AWS_ENDPOINT_URL="http://127.0.0.1:9").prepare()


@pytest.mark.parametrize("method", ["PUT", "HEAD", "COPY", "DELETE"])
async def test_every_right_that_the_worker_needs_is_tried_at_start(s3: S3Server, method: str) -> None:
    """HEAD: who may not list is refused what is not there."""
    s3.fail("denied", method=method)

    with pytest.raises(StorageFault, match=r"denied; docs/storage.md has the policy"):
        await storage_at(s3).prepare()
