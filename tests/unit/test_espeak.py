"""The offline engine, for real: espeak-ng and LAME. It speaks the same words the same way, though not to the byte."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.clips import Voice
from worker.audio import accept
from worker.engines.espeak import EspeakEngine
from worker.errors import EngineUnavailable

ENGLISH = Voice("en", "espeak", "", "espeak-ng", "en-us", "", 1.0, {})
FRENCH = replace(ENGLISH, language="fr", name="fr")
# espeak-ng's waveform keeps its state between calls: the same text differs by some samples, which can be one frame (26 ms).
SAME_MS = 60
ROOT = Path(__file__).parents[2]


@pytest.fixture
async def engine() -> AsyncIterator[EspeakEngine]:
    engine = EspeakEngine([ENGLISH, FRENCH])
    yield engine
    await engine.close()


async def spoken_ms(engine: EspeakEngine, text: str, voice: Voice = ENGLISH) -> int:
    return accept((await engine.speak(text, voice)).audio, text, voice.speed).duration_ms


async def test_the_same_text_sounds_the_same_whatever_was_spoken_before(engine: EspeakEngine) -> None:
    first = await spoken_ms(engine, "Where is the train station?")
    await spoken_ms(engine, "Bonjour à tous", replace(FRENCH, speed=2.0))
    assert abs(await spoken_ms(engine, "Where is the train station?") - first) <= SAME_MS


async def test_twenty_calls_at_once_each_get_their_own_words(engine: EspeakEngine) -> None:
    texts = [" ".join(["potato"] * count) for count in range(1, 21)]
    voices = [ENGLISH, FRENCH] * 10
    one_by_one = [await spoken_ms(engine, text, voice) for text, voice in zip(texts, voices, strict=True)]
    together = await asyncio.gather(*map(spoken_ms, [engine] * 20, texts, voices))
    assert all(abs(a - b) <= SAME_MS for a, b in zip(one_by_one, together, strict=True))
    assert all(b - a > 2 * SAME_MS for a, b in zip(one_by_one[::2], one_by_one[2::2], strict=False))


async def test_two_engines_in_one_process_do_not_mix_their_words(engine: EspeakEngine) -> None:
    other = EspeakEngine([FRENCH])
    alone = await spoken_ms(engine, "A rather long sentence, to be told from the other."), await spoken_ms(other, "Oui")
    for _ in range(5):
        long, short = await asyncio.gather(
            spoken_ms(engine, "A rather long sentence, to be told from the other."), spoken_ms(other, "Oui")
        )
        assert abs(long - alone[0]) <= SAME_MS
        assert abs(short - alone[1]) <= SAME_MS
    await other.close()


async def test_the_french_voice_reads_in_french(engine: EspeakEngine) -> None:
    assert abs(await spoken_ms(engine, "99") - await spoken_ms(engine, "99", FRENCH)) > SAME_MS


async def test_speed_is_kept_within_what_espeak_can_do(engine: EspeakEngine) -> None:
    text = "The quick brown fox jumps over the lazy dog."
    spoken = [await spoken_ms(engine, text, replace(ENGLISH, speed=speed)) for speed in (0.25, 0.5, 1, 2, 4)]
    assert spoken == sorted(spoken, reverse=True)
    assert spoken[0] > 2 * spoken[2] > 4 * spoken[4]


@pytest.mark.parametrize(
    ("markup", "if_interpreted"),
    [("[[h@l'oU]]", "hello"), ("the <break time='9s'/> end", "the end" + 10 * " and so on")],
)
async def test_markup_and_phonemes_are_read_out(engine: EspeakEngine, markup: str, if_interpreted: str) -> None:
    assert abs(await spoken_ms(engine, markup) - await spoken_ms(engine, if_interpreted)) > 300


@pytest.mark.parametrize("text", ["…", "!?", "🎉", "日本語", "a", "\ud800", "(", "Hi\0"])
async def test_any_text_gives_an_mp3(engine: EspeakEngine, text: str) -> None:
    assert await spoken_ms(engine, text) > 100


def test_an_unknown_voice_is_named_with_its_setting() -> None:
    with pytest.raises(EngineUnavailable) as caught:
        EspeakEngine([ENGLISH, replace(FRENCH, name="xx")])
    assert str(caught.value).startswith('TTS_VOICE_FR: espeak-ng knows no voice "xx"; ')
    assert "\n" not in str(caught.value)


def test_without_the_libraries_the_extra_is_named() -> None:
    """`-S` hides the installed packages: this is what a production install has."""
    program = "from worker.engines.espeak import EspeakEngine; EspeakEngine([])"
    run = subprocess.run([sys.executable, "-S", "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "EngineUnavailable: TTS_ENGINE: espeak needs the extra `espeak`" in run.stderr


async def test_several_processes_speak_at_once() -> None:
    program = (
        "import asyncio\nfrom tests.unit.test_espeak import *\n"
        "async def main():\n engine = EspeakEngine([ENGLISH])\n print(await spoken_ms(engine, 'One of three'))\n"
        "asyncio.run(main())"
    )
    runs = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=ROOT, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    said = [(await run.communicate())[0] for run in runs]
    assert len(set(said)) == 1
    assert int(said[0]) > 500
