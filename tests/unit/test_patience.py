"""A server that loads its model for the first request, or never answers at all, on real sockets."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from shared.clips import Voice
from tests.speech_server import SpeechServer, read_tag
from tests.watching import until
from worker.engines.patience import Patience
from worker.engines.speech import SpeechEngine
from worker.errors import UpstreamFault, UpstreamGone, UpstreamSilent

VOICE = Voice("en", "speech", "", "kokoro", "af_heart", "", 1.0, {})
# Longer than any test may take: who waits for it has failed.
FOREVER = 1_000.0


@pytest.fixture
async def server() -> AsyncIterator[SpeechServer]:
    async with SpeechServer() as running:
        yield running


def engine_with(patience: Patience, server: SpeechServer) -> SpeechEngine:
    return SpeechEngine("a-key", server.url, FOREVER, 8, patience)


async def test_the_first_answers_may_take_longer_also_those_that_wait_side_by_side(server: SpeechServer) -> None:
    server.fail("held")
    engine = engine_with(Patience(usual_seconds=2, first_seconds=FOREVER), server)
    speaking = asyncio.gather(*(engine.speak(f"Text {number}", VOICE) for number in range(8)))
    await until(lambda: server.in_flight == 8)
    await asyncio.sleep(2.1)
    server.heal()
    await speaking
    await engine.close()
    assert [request.outcome for request in server.requests] == ["held"] * 8


async def test_a_server_that_says_200_first_and_loads_its_model_then_is_waited_for(server: SpeechServer) -> None:
    async def load(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: 5\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(1.2)
        writer.write(b"audio")
        await writer.drain()

    async with await asyncio.start_server(load, "127.0.0.1", 0) as loading:
        url = f"http://127.0.0.1:{loading.sockets[0].getsockname()[1]}/v1"
        engine = SpeechEngine("a-key", url, 1, 1)  # five times that for the first
        assert (await engine.speak("Hello", VOICE)).audio == b"audio"
        await engine.close()


async def test_a_server_at_work_has_the_usual_time(server: SpeechServer) -> None:
    engine = engine_with(Patience(usual_seconds=0.3, first_seconds=FOREVER), server)
    await engine.speak("Hello", VOICE)
    server.fail("hang")
    with pytest.raises(UpstreamSilent, match="in time"):
        await engine.speak("Hello again", VOICE)
    await engine.close()


async def test_a_request_that_is_lost_is_given_up_once_its_neighbour_was_answered(server: SpeechServer) -> None:
    server.fail("hang", text="lost")
    server.fail("slow", text="found", seconds=0.5)
    engine = engine_with(Patience(usual_seconds=0.3, first_seconds=FOREVER), server)
    lost, found = await asyncio.gather(
        engine.speak("lost", VOICE), engine.speak("found", VOICE), return_exceptions=True
    )
    await engine.close()
    assert type(lost) is UpstreamSilent
    assert not isinstance(found, BaseException)
    assert read_tag(found.audio)["text"] == "found"


async def test_a_server_that_was_idle_may_load_its_model_again(server: SpeechServer) -> None:
    engine = engine_with(Patience(usual_seconds=0.3, first_seconds=FOREVER, warm_seconds=0), server)
    await engine.speak("Hello", VOICE)
    server.fail("slow", seconds=0.8)
    await engine.speak("Hello again", VOICE)
    await engine.close()


async def test_a_server_that_never_answers_is_found_out(server: SpeechServer) -> None:
    server.fail("hang")
    engine = engine_with(Patience(usual_seconds=0.1, first_seconds=0.5), server)
    faults = await asyncio.gather(*(engine.speak("Hello", VOICE) for _ in range(8)), return_exceptions=True)
    await engine.close()
    assert {type(fault) for fault in faults} == {UpstreamSilent}
    waited = re.search(r"did not answer in time \(within ([\d.]+) s\)", str(faults[0]))
    assert waited
    assert float(waited[1]) >= 0.5


async def test_nobody_waits_for_a_server_that_refuses_connections(server: SpeechServer) -> None:
    engine = engine_with(Patience(usual_seconds=FOREVER, first_seconds=FOREVER), server)
    await server.stop()
    with pytest.raises(UpstreamGone):
        await engine.speak("Hello", VOICE)
    await engine.close()


async def test_an_answer_without_audio_does_not_make_a_server_ready(server: SpeechServer) -> None:
    engine = engine_with(Patience(usual_seconds=0.3, first_seconds=FOREVER), server)
    server.fail("unavailable", times=1)
    with pytest.raises(UpstreamFault):
        await engine.speak("Hello", VOICE)
    server.fail("slow", times=1, seconds=0.8)
    await engine.speak("Hello again", VOICE)
    await engine.close()


async def test_who_is_cancelled_while_a_model_loads_stays_cancelled(server: SpeechServer) -> None:
    server.fail("hang")
    engine = engine_with(Patience(usual_seconds=FOREVER, first_seconds=FOREVER), server)
    call = asyncio.create_task(engine.speak("Hello", VOICE))
    while not server.in_flight:
        await asyncio.sleep(0.01)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await engine.close()
