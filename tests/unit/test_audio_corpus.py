"""The limits of the audio gate on real speech, some 400 texts in two languages: no false alarm, and damage is noticed."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace

import miniaudio
import pytest

from shared.clips import Voice
from tests.speech_corpus import CORPUS
from worker.audio import accept
from worker.engines.espeak import EspeakEngine
from worker.engines.pcm import wav_of
from worker.errors import BadAudio

ENGLISH = Voice("en", "espeak", "", "espeak-ng", "en-us", "", 1.0, {})
VOICES = {"en": ENGLISH, "fr": replace(ENGLISH, language="fr", name="fr")}
RATE = 22_050
# What a card of one sentence holds, and is heard to lack when words are missing.
SENTENCE_LETTERS = 26


@pytest.fixture(scope="module")
def engine() -> Iterator[EspeakEngine]:
    engine = EspeakEngine(VOICES.values())
    yield engine
    asyncio.run(engine.close())


def wav(engine: EspeakEngine, text: str, language: str, speed: float = 1.0) -> bytes:
    return asyncio.run(engine.speak(text, replace(VOICES[language], speed=speed))).audio


def refusal(audio: bytes, text: str, speed: float = 1.0) -> str:
    """Why the audio is refused; nothing where it is accepted."""
    try:
        accept(audio, text, speed)
    except BadAudio as error:
        return str(error)
    return ""


@pytest.fixture(scope="module")
def spoken(engine: EspeakEngine) -> dict[str, bytes]:
    """Every text that is said at all, as samples."""
    texts = [(text, language) for language in CORPUS for text in CORPUS[language] if any(map(str.isalnum, text))]
    return {text: miniaudio.wav_read_s16(wav(engine, text, language)).samples.tobytes() for text, language in texts}


def caught(spoken: dict[str, bytes], damage: Callable[[bytes], bytes], fewest_letters: int = 1) -> float:
    """The part of the texts with that many letters whose audio, so damaged, is refused."""
    texts = [text for text in spoken if sum(map(str.isalnum, text)) >= fewest_letters]
    texts = texts if len(texts) < 50 else texts[::4]
    return sum(bool(refusal(wav_of(damage(spoken[text]), RATE), text)) for text in texts) / len(texts)


def silence(seconds: float) -> bytes:
    return bytes(2 * round(RATE * seconds))


def part(pcm: bytes, start: float, end: float) -> bytes:
    samples = len(pcm) // 2
    return pcm[2 * round(samples * start) : 2 * round(samples * end)]


@pytest.mark.parametrize("language", CORPUS)
@pytest.mark.parametrize("speed", [0.25, 0.5, 1.0, 2.0, 4.0])
def test_real_speech_is_never_refused(engine: EspeakEngine, language: str, speed: float) -> None:
    texts = CORPUS[language] if speed == 1.0 else CORPUS[language][::3]
    refused = {text: refusal(wav(engine, text, language, speed), text, speed) for text in texts}
    assert {text: why for text, why in refused.items() if why} == {}


def test_the_corpus_is_large_enough_to_say_so() -> None:
    assert all(len(set(texts)) > 180 for texts in CORPUS.values())


def test_the_mp3_that_speech_becomes_is_accepted_as_it_is(engine: EspeakEngine) -> None:
    """What is stored is judged again before it is used again."""
    for language, texts in CORPUS.items():
        for text in texts[::5]:
            made = accept(wav(engine, text, language), text)
            assert accept(made.mp3, text) == made


@pytest.mark.parametrize(
    ("damage", "fewest_letters", "fewest_caught"),
    [
        pytest.param(lambda pcm: silence(7) + pcm, 1, 1.0, id="seconds of silence before"),
        pytest.param(lambda pcm: pcm + silence(8), 1, 1.0, id="seconds of silence behind"),
        pytest.param(lambda pcm: part(pcm, 0, 0.5) + silence(6) + part(pcm, 0.5, 1), 1, 1.0, id="a hole of seconds"),
        pytest.param(lambda pcm: silence(2) + pcm, 1, 1.0, id="two seconds of silence before"),
        pytest.param(lambda pcm: pcm + silence(4), 1, 1.0, id="four seconds of silence behind"),
        pytest.param(lambda pcm: part(pcm, 0, 0.5) + silence(3) + part(pcm, 0.5, 1), 1, 0.9, id="a hole of three"),
        pytest.param(lambda pcm: part(pcm, 0, 0.25), SENTENCE_LETTERS, 0.9, id="a quarter of a sentence"),
        pytest.param(lambda pcm: part(pcm, 0, 1 / 3) + silence(2), SENTENCE_LETTERS, 0.8, id="a third, then silence"),
        pytest.param(lambda pcm: pcm * 10, 1, 0.9, id="said ten times"),
        pytest.param(lambda pcm: pcm * 12, SENTENCE_LETTERS, 1.0, id="a sentence said twelve times"),
        pytest.param(lambda pcm: bytes(len(pcm)), 1, 1.0, id="silence alone"),
        pytest.param(lambda pcm: pcm[: 2 * RATE // 10], SENTENCE_LETTERS, 1.0, id="a tenth of a second"),
    ],
)
def test_damaged_speech_is_refused(
    spoken: dict[str, bytes], damage: Callable[[bytes], bytes], fewest_letters: int, fewest_caught: float
) -> None:
    assert caught(spoken, damage, fewest_letters) >= fewest_caught


@pytest.mark.parametrize("text", ["a", "W", "7", "777", "1984", "10h30", "€5.99", "cat", "Bonjour !", "hippopotamus"])
def test_twenty_seconds_for_a_word_are_refused(spoken: dict[str, bytes], text: str) -> None:
    talk = b"".join(pcm for said, pcm in spoken.items() if len(said) > 60)[: 2 * RATE * 20]
    assert "too long for its text: 20000 ms" in refusal(wav_of(talk, RATE), text)
