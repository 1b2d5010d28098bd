"""The realtime engine against a real server on real WebSockets: what it asks for, what it makes of answers, how it keeps connections."""

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from shared.clips import Voice
from shared.usage import NO_USAGE
from tests.realtime_server import RealtimeServer
from tests.tempting_phrases import TEMPTING
from tests.watching import until
from worker.engines.realtime import RealtimeEngine
from worker.engines.realtime_connection import Times
from worker.errors import BadAudio, ClipFailed, ClipRefused, KeyRejected, RateLimited, UpstreamFault

KEY = "sk-test-0123456789abcdef"
VOICE = Voice("en", "realtime", "", "gpt-realtime-2.1-mini", "marin", "Speak plainly.", 1.0, {})
FRENCH = replace(VOICE, language="fr", instructions="Parle clairement.")


@pytest.fixture
async def server() -> AsyncIterator[RealtimeServer]:
    async with RealtimeServer() as running:
        yield running


@pytest.fixture
async def engine(server: RealtimeServer) -> AsyncIterator[RealtimeEngine]:
    speaking = RealtimeEngine(KEY, server.url, 5, 8)
    yield speaking
    await speaking.close()
    async with asyncio.timeout(30):
        while server.sessions:
            await asyncio.sleep(0.01)


async def until_closed(server: RealtimeServer, connections: int = 0) -> None:
    async with asyncio.timeout(30):
        while len(server.sessions) > connections:
            await asyncio.sleep(0.01)


async def test_a_text_comes_back_as_audio_with_its_words_and_its_cost(
    server: RealtimeServer, engine: RealtimeEngine
) -> None:
    speech = await engine.speak("What time is it?", VOICE)
    with wave.open(io.BytesIO(speech.audio)) as audio:
        assert (audio.getnchannels(), audio.getsampwidth(), audio.getframerate()) == (1, 2, 24_000)
        assert audio.getnframes() == 16 * 70 * 24
    assert speech.transcript == "What time is it?"
    assert speech.usage.output_audio_tokens == 22
    assert speech.usage.output_text_tokens == 6
    assert speech.usage.input_tokens > 100
    assert engine.upstream == f"realtime {server.url}"
    assert (server.requests[0].api_key, server.requests[0].model) == (KEY, "gpt-realtime-2.1-mini")


async def test_the_session_speaks_as_it_is_set(server: RealtimeServer, engine: RealtimeEngine) -> None:
    await engine.speak("Hi", replace(VOICE, name="cedar", speed=1.25, extra_body={"reasoning": {"effort": "minimal"}}))
    request = server.requests[0]
    assert (request.voice, request.speed) == ("cedar", 1.25)
    assert request.session["reasoning"] == {"effort": "minimal"}


async def test_texts_that_tempt_are_asked_for_as_they_are_and_answers_are_told_as_they_are(
    server: RealtimeServer, engine: RealtimeEngine
) -> None:
    server.fail("answers")
    for side, text, answer in TEMPTING[:3] + TEMPTING[-3:]:
        speech = await engine.speak(text, VOICE if side == "en" else FRENCH)
        assert speech.transcript == answer
    assert server.texts == [text for _, text, _ in TEMPTING[:3] + TEMPTING[-3:]]


# Connections


async def test_one_connection_serves_many_clips_of_both_languages(
    server: RealtimeServer, engine: RealtimeEngine
) -> None:
    for number in range(10):
        await engine.speak(f"Text {number}", VOICE if number % 2 else FRENCH)
    assert {request.connection for request in server.requests} == {1}
    assert server.requests[0].instructions.endswith("Parle clairement.")
    assert server.requests[1].instructions.endswith("Speak plainly.")


async def test_as_many_connections_as_clips_under_way_and_one_answer_at_a_time_on_each() -> None:
    async with RealtimeServer() as server:
        server.fail("held")
        engine = RealtimeEngine(KEY, server.url, 30, 20)
        speaking = asyncio.gather(*(engine.speak(f"Text {number}", VOICE) for number in range(60)))
        await until(lambda: server.in_flight >= 20)
        server.heal()
        await speaking
        await engine.close()
    assert server.peak_in_flight == server.peak_connections == server.handshakes == 20
    assert {request.outcome for request in server.requests} == {"held", "ok"}


async def test_voices_take_turns_when_there_are_fewer_connections_than_voices() -> None:
    async with RealtimeServer() as server:
        engine = RealtimeEngine(KEY, server.url, 30, 2)
        names = ["marin", "cedar", "ash", "sage"]
        voices = [replace(VOICE, name=name) for name in names * 10]
        await asyncio.gather(*(engine.speak(f"Text {number}", voice) for number, voice in enumerate(voices)))
        await engine.close()
    assert server.peak_connections <= 2
    assert sorted(request.voice for request in server.requests if request.ok) == sorted(names * 10)


async def test_each_voice_keeps_its_connection_while_there_is_room(
    server: RealtimeServer, engine: RealtimeEngine
) -> None:
    for name in ["marin", "cedar"] * 3:
        await engine.speak("Hello", replace(VOICE, name=name))
    assert [request.connection for request in server.requests] == [1, 2] * 3


async def test_an_idle_connection_is_closed_after_a_while(server: RealtimeServer) -> None:
    engine = RealtimeEngine(KEY, server.url, 5, 2, Times(idle=0.05))
    await engine.speak("one", VOICE)
    await until_closed(server)
    await engine.speak("two", VOICE)
    assert [request.connection for request in server.requests] == [1, 2]
    await engine.close()


async def test_a_connection_that_was_closed_while_idle_is_replaced_and_nothing_is_asked_twice(
    server: RealtimeServer, engine: RealtimeEngine
) -> None:
    await asyncio.gather(*(engine.speak(f"Text {number}", VOICE) for number in range(4)))
    server.cut_all()
    await until_closed(server)
    await asyncio.gather(*(engine.speak(f"More {number}", VOICE) for number in range(4)))
    assert len(server.requests) == 8
    assert all(request.ok for request in server.requests)


async def test_a_kept_connection_that_breaks_before_it_has_heard_the_clip_costs_the_clip_nothing(
    server: RealtimeServer, engine: RealtimeEngine
) -> None:
    await engine.speak("first", VOICE)
    server.fail("cut_early", times=1)
    assert (await engine.speak("second", VOICE)).transcript == "second"
    assert [(request.connection, request.outcome) for request in server.requests] == [
        (1, "ok"),
        (1, "cut_early"),
        (2, "ok"),
    ]


async def test_a_new_connection_that_breaks_at_once_is_the_upstreams_fault_and_not_asked_again(
    server: RealtimeServer, engine: RealtimeEngine
) -> None:
    server.fail("cut_early")
    with pytest.raises(UpstreamFault, match="could not be reached"):
        await engine.speak("Hello", VOICE)
    assert len(server.requests) == 1


@pytest.mark.parametrize("kind", ["cut", "expire"])
async def test_a_connection_lost_in_the_middle_of_an_answer_fails_that_try_alone(
    server: RealtimeServer, engine: RealtimeEngine, kind: str
) -> None:
    await engine.speak("first", VOICE)
    server.fail(kind, times=1)
    with pytest.raises(UpstreamFault):
        await engine.speak("second", VOICE)
    await engine.speak("second", VOICE)
    assert [request.connection for request in server.requests] == [1, 1, 2]


async def test_sessions_that_expire_between_clips_fail_none() -> None:
    async with RealtimeServer(session_responses=3) as server:
        engine = RealtimeEngine(KEY, server.url, 5, 2)
        for number in range(10):
            await engine.speak(f"Text {number}", VOICE)
        await engine.close()
    assert [request.outcome for request in server.requests].count("ok") == 10
    assert server.handshakes == 4


async def test_a_session_is_replaced_before_it_expires() -> None:
    async with RealtimeServer(session_seconds=30) as server:
        engine = RealtimeEngine(KEY, server.url, 5, 2, Times(before_expiry=30))
        for number in range(3):
            await engine.speak(f"Text {number}", VOICE)
        await engine.close()
    assert [(request.connection, request.outcome) for request in server.requests] == [(1, "ok"), (2, "ok"), (3, "ok")]


async def test_an_hour_is_the_longest_session_even_if_the_upstream_says_nothing() -> None:
    async with RealtimeServer() as server:
        engine = RealtimeEngine(KEY, server.url, 5, 2, Times(session=120, before_expiry=120))
        for number in range(2):
            await engine.speak(f"Text {number}", VOICE)
        await engine.close()
    assert server.handshakes == 2


async def test_a_cancelled_clip_ends_its_connection_and_leaves_its_place(server: RealtimeServer) -> None:
    engine = RealtimeEngine(KEY, server.url, 5, 1)
    server.fail("hang", times=1)
    call = asyncio.create_task(engine.speak("Hello", VOICE))
    while not server.in_flight:
        await asyncio.sleep(0.01)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (await engine.speak("Again", VOICE)).transcript == "Again"
    assert [(request.connection, request.outcome) for request in server.requests] == [(1, "cut off"), (2, "ok")]
    await engine.close()


# Answers that are not what they should be


@pytest.mark.parametrize("kind", ["foreign", "unknown", "lone_error", "item_transcript"])
async def test_what_is_not_about_this_answer_changes_nothing(
    server: RealtimeServer, engine: RealtimeEngine, kind: str
) -> None:
    plain = await engine.speak("Good morning", VOICE)
    server.fail(kind, times=1)
    assert await engine.speak("Good morning", VOICE) == plain
    await engine.speak("Good night", VOICE)
    assert server.handshakes == 1


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("incomplete", "far longer than its text"),
        ("content_filter", "content filter"),
        ("empty", "without any audio"),
        ("odd", "in the middle of a sample"),
        ("no_transcript", "which words it spoke"),
    ],
)
async def test_a_bad_answer_says_what_it_cost_and_leaves_its_connection_as_good_as_before(
    server: RealtimeServer, engine: RealtimeEngine, kind: str, words: str
) -> None:
    server.fail(kind, times=1)
    with pytest.raises(BadAudio, match=words) as caught:
        await engine.speak("Hello there", VOICE)
    assert caught.value.usage == (await engine.speak("Hello there", VOICE)).usage
    assert server.handshakes == 1


async def test_wrong_words_are_not_the_engines_to_judge(server: RealtimeServer, engine: RealtimeEngine) -> None:
    server.fail("wrong_words")
    assert (await engine.speak("Hello", VOICE)).transcript == "Something else entirely"


@pytest.mark.parametrize(
    ("kind", "fault", "words"),
    [
        ("cancelled", UpstreamFault, "broke its answer off"),
        ("bad_base64", BadAudio, "cannot be decoded"),
        ("garbage", UpstreamFault, "no event of the Realtime API"),
        ("garbage_later", UpstreamFault, "no event of the Realtime API"),
    ],
)
async def test_an_answer_that_breaks_off_fails_the_try_and_the_next_one_is_made(
    server: RealtimeServer, engine: RealtimeEngine, kind: str, fault: type[ClipFailed], words: str
) -> None:
    await engine.speak("Before", VOICE)
    server.fail(kind, times=1)
    with pytest.raises(fault, match=words) as caught:
        await engine.speak("Hello", VOICE)
    assert (caught.value.usage == NO_USAGE) == (kind != "cancelled")
    assert (await engine.speak("Hello", VOICE)).transcript == "Hello"
    assert server.texts == ["Before", "Hello", "Hello"]


@pytest.mark.parametrize("kind", ["hang", "silent"])
async def test_a_connection_that_falls_silent_is_a_fault_and_thrown_away(server: RealtimeServer, kind: str) -> None:
    engine = RealtimeEngine(KEY, server.url, 30, 1, Times(silence=4))
    await engine.speak("Before", VOICE)
    server.fail(kind, times=1)
    with pytest.raises(UpstreamFault, match="fell silent"):
        await engine.speak("Hello", VOICE)
    assert (await engine.speak("Hello", VOICE)).transcript == "Hello"
    assert [request.connection for request in server.requests] == [1, 1, 2]
    await engine.close()


async def test_an_upstream_that_drips_is_a_fault_after_the_timeout(server: RealtimeServer) -> None:
    server.fail("drip", times=1)
    engine = RealtimeEngine(KEY, server.url, 3, 1)
    with pytest.raises(UpstreamFault, match="in time"):
        await engine.speak("Hello", VOICE)
    await engine.speak("Hello", VOICE)
    assert server.handshakes == 2
    await engine.close()


# Rate limits


async def test_a_limit_that_is_spent_for_a_moment_is_waited_for(server: RealtimeServer, engine: RealtimeEngine) -> None:
    server.fail("rate_limits", times=1, seconds=0.3)
    await engine.speak("one", VOICE)
    await engine.speak("two", VOICE)
    assert server.requests[1].started_at - server.requests[0].started_at >= 0.3


async def test_a_limit_that_is_spent_for_long_is_told_and_nothing_is_sent(
    server: RealtimeServer, engine: RealtimeEngine
) -> None:
    server.fail("rate_limits", times=1, seconds=30)
    await engine.speak("one", VOICE)
    with pytest.raises(RateLimited) as caught:
        await engine.speak("two", VOICE)
    assert caught.value.retry_after_seconds
    assert 20 < caught.value.retry_after_seconds <= 30
    assert len(server.requests) == 1


async def test_a_refusal_for_the_rate_says_how_long_when_the_limits_were_told(
    server: RealtimeServer, engine: RealtimeEngine
) -> None:
    server.fail("rate_limit_exceeded", seconds=30)
    with pytest.raises(RateLimited) as caught:
        await engine.speak("one", VOICE)
    assert caught.value.retry_after_seconds
    assert 20 < caught.value.retry_after_seconds <= 30


# Keys and texts


async def test_an_upstream_that_echoes_the_key_does_not_get_it_into_the_message() -> None:
    async with RealtimeServer(api_key="another") as server:
        engine = RealtimeEngine(KEY, server.url, 5, 1)
        with pytest.raises(KeyRejected) as caught:
            await engine.speak("Hello", VOICE)
        await engine.close()
    assert KEY not in str(caught.value)
    assert "OPENAI_API_KEY" in str(caught.value)
    assert "Incorrect API key provided: ***" in str(caught.value)


@pytest.mark.parametrize("key", ["line\nbreak-key", "clé-secrète", " padded-key ", "nul\0-key-value"])
async def test_a_key_that_no_header_can_carry_is_rejected_unsent(server: RealtimeServer, key: str) -> None:
    engine = RealtimeEngine(key, server.url, 5, 1)
    with pytest.raises(KeyRejected) as caught:
        await engine.speak("Hello", VOICE)
    assert key.strip() not in str(caught.value)
    assert server.handshakes == 0
    await engine.close()


async def test_a_text_that_is_no_unicode_is_refused_and_never_sent(
    server: RealtimeServer, engine: RealtimeEngine
) -> None:
    with pytest.raises(ClipRefused):
        await engine.speak("half \ud83d emoji", VOICE)
    assert server.requests == []


async def test_no_log_holds_a_key_or_a_text_at_any_level(
    server: RealtimeServer, engine: RealtimeEngine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await engine.speak("A secret text", VOICE)
    server.fail("server_error", times=1, message="no answer to: A secret text")
    with pytest.raises(UpstreamFault):
        await engine.speak("A secret text", VOICE)
    assert "A secret text" not in caplog.text
    assert KEY not in caplog.text
