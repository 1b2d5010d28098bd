"""OpenAI's shutdown of its speech models: who is warned, when, and what a missing model means afterwards."""

import asyncio
from collections.abc import MutableMapping
from datetime import date, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.clips import Voice
from tests.speech_server import SpeechServer
from worker.engines.shutdown import ModelShutdown, ends
from worker.engines.speech import SpeechEngine
from worker.errors import ClipRefused, ModelNotFound

OPENAI = "https://api.openai.com/v1"
VOICE = Voice("en", "speech", OPENAI, "gpt-4o-mini-tts", "marin", "", 1.0, {})


def warnings_of(days: list[date], base_url: str = OPENAI, model: str = VOICE.model) -> list[MutableMapping[str, Any]]:
    """What a worker that lives through these moments says."""
    moments = iter(days)
    shutdown = ModelShutdown(base_url, model, today=lambda: next(moments))
    with capture_logs() as logs:
        for _ in days:
            shutdown.run_once()
    return list(logs)


@pytest.mark.parametrize("model", ["tts-1", "tts-1-hd", "tts-1-1106", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15"])
def test_every_speech_model_of_openai_ends(model: str) -> None:
    assert ends(OPENAI, model)
    assert ends("https://eu.api.openai.com/v1", model)


@pytest.mark.parametrize(
    ("base_url", "model"),
    [
        (OPENAI, "gpt-realtime-2.1-mini"),
        (OPENAI, "tts-2"),
        (OPENAI, "tts-10"),
        ("http://127.0.0.1:8880/v1", "tts-1"),
        ("https://api.openai.com.example.org/v1", "tts-1"),
        ("https://notapi.openai.com/v1", "tts-1"),
        ("https://openrouter.ai/api/v1", "gpt-4o-mini-tts"),
        ("not a URL", "tts-1"),
    ],
)
def test_nothing_else_does(base_url: str, model: str) -> None:
    assert not ends(base_url, model)


def test_long_before_it_warns_once() -> None:
    logs = warnings_of([date(2026, 11, 23), date(2026, 11, 23), date(2026, 11, 24), date(2026, 12, 5)])
    assert [(entry["log_level"], entry["days_left"]) for entry in logs] == [("warning", 44)]
    assert "2027-01-06" in logs[0]["event"]
    assert "TTS_ENGINE=realtime" in logs[0]["event"]


def test_from_a_month_before_it_warns_once_a_day_however_often_it_looks() -> None:
    days = [date(2026, 12, 4) + timedelta(days=day // 24) for day in range(24 * 6)]
    assert [entry["days_left"] for entry in warnings_of(days)] == [33, 31, 30, 29, 28]


def test_a_worker_that_starts_in_the_last_month_warns_once_on_its_first_day() -> None:
    assert len(warnings_of([date(2026, 12, 20)] * 3)) == 1


def test_afterwards_it_says_that_it_has_happened() -> None:
    (entry,) = warnings_of([date(2027, 1, 7)])
    assert entry["event"].startswith("OpenAI has shut this speech model down on 2027-01-06")
    assert entry["days_left"] == 0


async def test_it_looks_at_the_calendar_by_itself() -> None:
    days = iter([date(2026, 12, 10), date(2026, 12, 10), date(2026, 12, 11)])
    shutdown = ModelShutdown(OPENAI, today=lambda: next(days), check_seconds=0.001)
    with capture_logs() as logs, pytest.raises(RuntimeError, match="StopIteration"):
        await shutdown.run()
    assert [entry["days_left"] for entry in logs] == [27, 26]


async def test_there_is_nothing_to_warn_of_elsewhere() -> None:
    with capture_logs() as logs:
        await ModelShutdown("http://127.0.0.1:8880/v1").run()
    assert logs == []


async def test_the_engine_warns_from_its_start_to_its_end() -> None:
    before = asyncio.all_tasks()  # a service that other tests use may have some
    with capture_logs() as logs:
        engines = [SpeechEngine("a-key", url, 5, 1) for url in (OPENAI, "http://127.0.0.1:8880/v1")]
        await asyncio.sleep(0)
    assert [(entry["log_level"], entry["base_url"]) for entry in logs] == [("warning", OPENAI)]
    for engine in engines:
        await engine.close()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before


async def missing_model(today: date, base_url: str = OPENAI, model: str = VOICE.model) -> ModelNotFound:
    """The error of an engine to which the stand-in stands for `base_url`, and says that it knows no such model."""
    async with SpeechServer() as server:
        server.fail("model_not_found")
        shutdown = ModelShutdown(base_url, model, today=lambda: today)
        engine = SpeechEngine("a-key", server.url, 5, 1, shutdown=shutdown)
        with pytest.raises(ModelNotFound) as caught:
            await engine.speak("Hello", Voice("en", "speech", base_url, model, "marin", "", 1.0, {}))
        await engine.close()
        return caught.value


@pytest.mark.parametrize("day", [date(2027, 1, 6), date(2028, 1, 1)])
async def test_after_the_day_a_missing_model_says_what_to_set(day: date) -> None:
    error = await missing_model(day)
    assert type(error) is ModelNotFound
    assert "gpt-4o-mini-tts down on 2027-01-06: set TTS_ENGINE=realtime" in str(error)
    assert "Audio that is already made stays" in str(error)


@pytest.mark.parametrize(
    ("day", "base_url", "model"),
    [
        (date(2027, 1, 5), OPENAI, VOICE.model),
        (date(2027, 1, 6), OPENAI, "gpt-5-tts"),
        (date(2027, 1, 6), "http://127.0.0.1:8880/v1", VOICE.model),
    ],
)
async def test_any_other_missing_model_is_what_it_always_was(day: date, base_url: str, model: str) -> None:
    assert "set TTS_MODEL" in str(await missing_model(day, base_url, model))


async def test_after_the_day_other_refusals_stay_what_they_are() -> None:
    async with SpeechServer() as server:
        server.fail("refused")
        shutdown = ModelShutdown(OPENAI, today=lambda: date(2027, 1, 6))
        engine = SpeechEngine("a-key", server.url, 5, 1, shutdown=shutdown)
        with pytest.raises(ClipRefused):
            await engine.speak("Hello", VOICE)
        await engine.close()
