"""What `GET /api/tts/jobs/{jobId}` answers, in every state of a job."""

import time

from tests.aftermath import empty_the_queue
from tests.job_control import assert_adds_up, detail, outcomes
from tests.service import Service, phrases
from tests.shared_api import assert_problem, request
from tests.speech_server import SpeechServer
from tests.watching import until

CARDS = [f"card-{number}" for number in range(10)]
UNKNOWN = ("url", "bytes", "durationMs", "cached", "engine", "model", "voice", "error")


async def test_a_pending_job_has_a_row_for_each_clip_to_come(service: Service) -> None:
    service.add_deck("deck", CARDS)
    await service.start_api()
    wanted = [*phrases(CARDS[:1]), {"textEn": "<b>Good</b>  day", "textFr": " ", "cardId": "card-1"}]
    job_id = await service.post("deck", wanted, regenerate=True)

    job = await detail(service, job_id)

    assert job.pop("createdAt").endswith("Z")
    clips = job.pop("clips")
    assert job == {
        "id": job_id,
        "deckId": "deck",
        "status": "pending",
        "regenerate": True,
        "totalPhrases": 2,
        "processedCount": 0,
        "errorMessage": None,
        "startedAt": None,
        "completedAt": None,
        "phrases": wanted,
        "cost": {
            "clipsMade": 0,
            "clipsCached": 0,
            "charactersBilled": 0,
            "inputTokens": 0,
            "outputTextTokens": 0,
            "outputAudioTokens": 0,
            "usd": 0.0,
        },
    }
    told = [(clip["cardId"], clip["side"], clip["status"], clip["characters"], clip["checks"]) for clip in clips]
    assert told == [
        ("card-0", "en", "pending", len("The word is card-0"), []),
        ("card-0", "fr", "pending", len("Le mot est card-0"), []),
        ("card-1", "en", "pending", len("Good day"), []),
        ("card-1", "fr", "skipped", 0, []),
    ]
    assert all(clip[name] is None for clip in clips for name in UNKNOWN)


async def test_a_running_job_tells_what_is_done_so_far(running: Service, upstream: SpeechServer) -> None:
    upstream.fail("hang", text="card-1")
    running.add_deck("deck", CARDS)
    job_id = await running.post("deck", phrases(CARDS[:2]))
    await until(lambda: running.sql('SELECT "processedCount" FROM public."TtsJob"') == [(1,)])

    job = await detail(running, job_id)

    assert (job["status"], job["completedAt"]) == ("processing", None)
    assert job["startedAt"] >= job["createdAt"]
    assert [clip["status"] for clip in job["clips"]] == ["done", "done", "pending", "pending"]
    assert_adds_up(job)


async def test_a_completed_job_tells_what_each_clip_is(running: Service, upstream: SpeechServer) -> None:
    running.add_deck("deck", CARDS)
    of = [*phrases(CARDS[:1]), {"textEn": "The word is card-0", "textFr": "", "cardId": "card-1"}]
    job_id = str((await running.made("deck", of))["id"])

    job = await detail(running, job_id)

    english, french, again, blank = job["clips"]
    assert english == {
        "cardId": "card-0",
        "side": "en",
        "status": "done",
        "characters": 18,
        "url": "http://localhost/storage/tts/card-0_en.mp3",
        "bytes": (running.storage / "card-0_en.mp3").stat().st_size,
        "durationMs": english["durationMs"],
        "cached": False,
        "engine": "speech",
        "model": "gpt-4o-mini-tts",
        "voice": "marin",
        "checks": ["audio"],
        "error": None,
    }
    assert 1_000 < english["durationMs"] < 2_000
    assert (french["side"], french["cached"]) == ("fr", False)
    assert again == english | {"cardId": "card-1", "url": "http://localhost/storage/tts/card-1_en.mp3", "cached": True}
    assert (blank["status"], blank["characters"], blank["cached"]) == ("skipped", 0, None)
    assert_adds_up(job)
    assert job["cost"]["usd"] == round((18 + 17) * 15 / 1_000_000, 6)


async def test_a_second_job_finds_what_the_first_one_made(running: Service, upstream: SpeechServer) -> None:
    running.add_deck("deck", CARDS)
    first = await running.made("deck", phrases(CARDS[:2]))
    second = await running.made("deck", phrases(CARDS[:3]))

    full = await detail(running, second["id"])

    assert [clip["cached"] for clip in full["clips"]] == [True] * 4 + [False] * 2
    assert_adds_up(full)
    assert_adds_up(await detail(running, first["id"]))


async def test_a_job_that_failed_in_part_names_each_clip_s_error(running: Service, upstream: SpeechServer) -> None:
    upstream.fail("refused", text="mot est card-1")
    running.add_deck("deck", CARDS)
    job_id = await running.post("deck", phrases(CARDS[:2]))
    await running.ended(job_id)

    job = await detail(running, job_id)

    assert job["status"] == "failed"
    assert [clip["status"] for clip in job["clips"]] == ["done", "done", "done", "failed"]
    failed = job["clips"][3]
    assert "refused" in failed["error"]
    assert all(failed[name] is None for name in UNKNOWN if name != "error")
    assert_adds_up(job)


async def test_a_job_whose_storage_fails_names_it_on_every_clip(running: Service) -> None:
    running.add_deck("deck", CARDS)
    running.storage.rename(running.storage.with_name("away"))
    job_id = await running.post("deck", phrases(CARDS[:2]))
    await running.ended(job_id)

    job = await detail(running, job_id)

    assert outcomes(job) == {"failed": 4}
    assert all("storage" in clip["error"] for clip in job["clips"])


async def test_a_job_that_killed_its_workers_has_failed_clips(service: Service) -> None:
    """Nobody was there to tell of each."""
    service.add_deck("deck", CARDS)
    await service.start_api()
    job_id = await service.post("deck", phrases(CARDS[:2]))
    empty_the_queue(service)
    service.sql(
        """UPDATE public."TtsJob" SET "status" = 'failed', "errorMessage" = 'died', "completedAt" = now(), "processedCount" = 2"""
    )
    service.sql("UPDATE tts.job SET ended_at = now()")

    job = await detail(service, job_id)

    assert outcomes(job) == {"failed": 4}
    assert {clip["error"] for clip in job["clips"]} == {"died"}


async def test_another_s_job_and_one_that_is_not_there_are_a_404(service: Service) -> None:
    service.add_deck("deck", CARDS)
    await service.start_api()
    job_id = await service.post("deck", phrases(CARDS[:1]))

    unknown = assert_problem(await request(service, "GET", "/api/tts/jobs/not-there"), 404)
    assert assert_problem(await request(service, "GET", f"/api/tts/jobs/{job_id}", user="bob"), 404) == unknown
    for odd in ("%00", "a%00b", "x" * 5_000, "%FF", "%ED%A0%80", "%F0%9F%98%80", "%20", "{job_id:str}"):
        assert_problem(await request(service, "GET", f"/api/tts/jobs/{odd}"), 404)
    assert_problem(await request(service, "GET", f"/api/tts/jobs/{job_id}", user=None), 401)
    assert "error of ours" not in service.log("api")


async def test_two_hundred_phrases_are_told_in_order(running: Service, upstream: SpeechServer) -> None:
    cards = [f"card-{number}" for number in range(200)]
    running.add_deck("deck", cards)
    job_id = str((await running.made("deck", phrases(cards)))["id"])

    job = await detail(running, job_id)
    times = []
    for _ in range(20):
        began_at = time.perf_counter()
        await detail(running, job_id)
        times.append((time.perf_counter() - began_at) * 1000)
    print(f"200 phrases in full: {sorted(times)[10]:.1f} ms (median), {max(times):.1f} ms at most")

    assert [clip["cardId"] for clip in job["clips"]] == [card for card in cards for _ in "ab"]
    assert [clip["side"] for clip in job["clips"]] == ["en", "fr"] * 200
    assert outcomes(job) == {"done": 400}
    assert_adds_up(job)
