"""`POST /api/tts/estimate`: what a job would cost, and then does."""

from typing import Any

import pytest

from tests.job_control import JSON, assert_adds_up, detail, estimate
from tests.service import Service, phrases
from tests.shared_api import assert_problem, body_of, nothing_queued, request
from tests.speech_server import SpeechServer

CARDS = [f"card-{number}" for number in range(10)]
PRICE = 15 / 1_000_000


async def assert_exact(service: Service, of: list[Any], **more: Any) -> dict[str, Any]:
    """That the job costs what was said before. Returns what was said."""
    said = await estimate(service, of, **more)
    jobs = service.sql('SELECT count(*) FROM public."TtsJob"')
    assert await estimate(service, of, **more) == said
    assert service.sql('SELECT count(*) FROM public."TtsJob"') == jobs
    job = await service.made("deck", of, **more)
    full = await detail(service, job["id"])
    assert_adds_up(full)
    cost = full["cost"]
    assert (said["clips"] - said["cached"], said["characters"]) == (cost["clipsMade"], cost["charactersBilled"])
    assert said["cached"] == cost["clipsCached"]
    assert said["estimatedCostUsd"] == cost["usd"] == round(said["characters"] * PRICE, 6)
    return said


async def test_an_empty_cache_a_warm_one_and_one_in_between(running: Service, upstream: SpeechServer) -> None:
    running.add_deck("deck", CARDS)

    empty = await assert_exact(running, phrases(CARDS[:4]))
    warm = await assert_exact(running, phrases(CARDS[:4]))
    partly = await assert_exact(running, phrases(CARDS[2:8]))

    characters = len("The word is card-0") + len("Le mot est card-0")
    assert (empty["clips"], empty["cached"], empty["characters"]) == (8, 0, 4 * characters)
    assert empty["estimatedSeconds"] > 0
    assert warm == {"clips": 8, "cached": 8, "characters": 0, "estimatedCostUsd": 0.0, "estimatedSeconds": 0.0}
    assert (partly["clips"], partly["cached"], partly["characters"]) == (12, 4, 4 * characters)
    assert len(upstream.requests) == 16


async def test_the_same_text_twice_is_made_once(running: Service) -> None:
    running.add_deck("deck", CARDS)
    same = [{"textEn": "Hello", "textFr": "Bonjour", "cardId": card} for card in CARDS[:5]]

    said = await assert_exact(running, [*same, {"textEn": "<b>Hello</b> ", "textFr": "Hello", "cardId": "card-9"}])

    assert (said["clips"], said["cached"], said["characters"]) == (12, 9, len("HelloBonjourHello"))


async def test_text_of_other_cards_is_in_the_cache(running: Service) -> None:
    running.add_deck("deck", CARDS)
    same = [{"textEn": "Hello", "textFr": "Bonjour", "cardId": card} for card in CARDS]
    await running.made("deck", same[:1])

    assert (await assert_exact(running, same))["cached"] == 20


async def test_blank_sides_and_markup_cost_nothing(running: Service) -> None:
    running.add_deck("deck", CARDS)
    of = [
        {"textEn": "", "textFr": "Bonjour", "cardId": "card-0"},
        {"textEn": "Good  <i>morning</i>&nbsp;!", "textFr": "<br>", "cardId": "card-1"},
        {"textEn": "e\u0301te\u0301 😀", "textFr": "\u200b \n", "cardId": "card-2"},
    ]

    said = await assert_exact(running, of)

    assert (said["clips"], said["cached"]) == (3, 0)
    assert said["characters"] == len("Bonjour") + len("Good morning !") + len("été 😀")


async def test_what_is_made_anew_is_paid_for_anew(running: Service) -> None:
    running.add_deck("deck", CARDS)
    same = [{"textEn": "Hello", "textFr": "Bonjour", "cardId": card} for card in CARDS[:3]]
    await running.made("deck", same)

    said = await assert_exact(running, same, regenerate=True)

    assert (said["clips"], said["cached"], said["characters"]) == (6, 4, len("HelloBonjour"))


async def test_a_text_that_changes_and_changes_back_is_in_the_cache(running: Service) -> None:
    running.add_deck("deck", CARDS)
    for tag, cached in (("", 0), (" new", 0), ("", 2), (" new", 2)):
        assert (await assert_exact(running, phrases(CARDS[:1], tag)))["cached"] == cached


async def test_audio_in_an_older_voice_is_kept_and_costs_nothing(service: Service) -> None:
    service.add_deck("deck", CARDS)
    await service.start_api()
    worker = await service.start_worker()
    await service.made("deck", phrases(CARDS[:2]))
    await service.stop(worker)
    service.environment["TTS_VOICE_EN"] = "cedar"
    await service.start_api()
    await service.start_worker()

    assert (await assert_exact(service, phrases(CARDS[:2])))["cached"] == 4
    assert (await assert_exact(service, phrases(CARDS[:3])))["cached"] == 4


async def test_errors_are_those_of_generate_and_nothing_is_queued(service: Service) -> None:
    service.add_deck("deck", CARDS)
    service.add_deck("deck-of-bob", ["card-of-bob"], "bob")
    await service.start_api()
    bodies = [
        body_of(phrases(CARDS), "no-deck"),
        body_of(phrases(CARDS), "deck-of-bob"),
        body_of(phrases(["nobody", "card-0", "card-0"]), "deck"),
        body_of([{"textEn": "", "textFr": " ", "cardId": "card-0"}], "deck"),
        body_of([], "deck"),
        body_of(phrases(CARDS), "deck", regenerate="yes"),
        b"{",
        b"",
        b"[" * 100_000,
        b" " * (20 * 1024 * 1024 + 1),
    ]
    with nothing_queued(service):
        for body in bodies:
            answers = [
                await request(service, "POST", f"/api/tts/{route}", body, **JSON) for route in ("generate", "estimate")
            ]
            assert_problem(answers[0], answers[0].status)
            assert answers[0].status >= 400
            assert answers[0].body == answers[1].body
        for headers in ({"Content-Type": "text/plain"}, {}):
            assert_problem(
                await request(service, "POST", "/api/tts/estimate", body_of(phrases(CARDS), "deck"), **headers), 415
            )
        assert_problem(
            await request(service, "POST", "/api/tts/estimate", body_of(phrases(CARDS), "deck"), None, **JSON), 401
        )
        assert (await estimate(service, phrases(CARDS)))["clips"] == 20
    assert "error of ours" not in service.log("api")


async def test_an_estimate_takes_no_room_and_waits_for_no_job(service: Service) -> None:
    service.add_deck("deck", CARDS)
    await service.start_api(MAX_ACTIVE_JOBS_PER_USER="1")
    await service.post("deck", phrases(CARDS))

    assert (await estimate(service, phrases(CARDS)))["clips"] == 20


@pytest.mark.parametrize("pace", ["0", "500"])
async def test_the_time_is_the_pace_s_or_the_upstream_s(service: Service, pace: str) -> None:
    service.add_deck("deck", CARDS)
    await service.start_api(TTS_REQUEST_INTERVAL_MS=pace, TTS_MAX_IN_FLIGHT="8")

    seconds = (await estimate(service, phrases(CARDS)))["estimatedSeconds"]

    assert seconds == (pytest.approx(19 * 2 / 8 + 2, abs=0.1) if pace == "0" else pytest.approx(19 * 0.5 + 2, abs=0.1))
