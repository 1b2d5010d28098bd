"""Silence before, between and behind the words: how much of it, and at which texts, is still speech."""

import pytest

from tests.audio_files import as_mp3
from tests.speech_audio import SAMPLE_RATE, pcm_of
from worker.audio import accept
from worker.engines.pcm import wav_of
from worker.errors import BadAudio

TEXT = "Where is the train station"
WORDS = pcm_of(TEXT).tobytes()
HALF = len(WORDS) // 4 * 2


def silence(seconds: float) -> bytes:
    return bytes(2 * round(SAMPLE_RATE * seconds))


def refusal(pcm: bytes, text: str = TEXT, speed: float = 1.0) -> str:
    with pytest.raises(BadAudio) as caught:
        accept(as_mp3(pcm, SAMPLE_RATE), text, speed)
    return str(caught.value)


def accepted_ms(pcm: bytes, text: str = TEXT, speed: float = 1.0) -> int:
    return accept(as_mp3(pcm, SAMPLE_RATE), text, speed).duration_ms


def test_what_servers_pad_is_accepted() -> None:
    assert accepted_ms(silence(1) + WORDS + silence(2)) == pytest.approx(4_820, abs=100)


def test_seconds_of_silence_before_the_words_are_refused() -> None:
    assert "begins with silence: 2" in refusal(silence(2) + WORDS)


def test_seconds_of_silence_behind_the_words_are_refused() -> None:
    assert "ends with silence: 4" in refusal(WORDS + silence(4))


def test_a_hole_where_no_voice_would_pause_is_refused() -> None:
    assert "has a hole of silence: 1" in refusal(WORDS[:HALF] + silence(1.5) + WORDS[HALF:])


@pytest.mark.parametrize(
    "text",
    [
        "Where is it? The train station",
        "Where is, er, the train station",
        "Well… the train station is here",
        "Title\n\nThe train station",
        "Where is the ___ station",
    ],
)
def test_the_same_hole_is_a_pause_where_the_text_has_a_mark(text: str) -> None:
    assert accepted_ms(WORDS[:HALF] + silence(1.5) + WORDS[HALF:], text)


def test_an_ellipsis_may_take_its_time_but_not_for_ever() -> None:
    assert accepted_ms(WORDS[:HALF] + silence(3) + WORDS[HALF:], "Where is it... the station")
    assert "hole" in refusal(WORDS[:HALF] + silence(6) + WORDS[HALF:], "Where is it............. the station")


def test_apostrophes_and_hyphens_are_no_pauses() -> None:
    hole = WORDS[:HALF] + silence(1.5) + WORDS[HALF:]
    assert "hole" in refusal(hole, "Aujourd'hui l'arc-en-ciel brille")


def test_slow_speech_pauses_longer() -> None:
    hole = WORDS[:HALF] + silence(2) + WORDS[HALF:]
    assert "hole" in refusal(hole)
    assert accepted_ms(hole, speed=0.5)


def test_silence_does_not_stand_in_for_words() -> None:
    few = WORDS[: len(WORDS) // 20 * 2]
    assert "too short" in refusal(few + silence(1) + few)
    assert "too short" in refusal(silence(1) + few + silence(2))


def test_silence_alone_is_refused_where_there_is_something_to_say() -> None:
    for text in ("one second", "7", "日"):
        assert refusal(silence(1), text) == "The audio is silent."


def test_silence_alone_is_accepted_where_there_is_nothing_to_say() -> None:
    for text in ("…", "!?", "🎉"):
        assert accepted_ms(silence(1), text) == pytest.approx(1_000, abs=100)


def test_silence_is_heard_across_the_blocks_in_which_long_audio_is_decoded() -> None:
    text = "The train is late. " * 30
    words = pcm_of(text).tobytes()
    assert accept(wav_of(words, SAMPLE_RATE), text)
    at = 2 * SAMPLE_RATE * 9
    with pytest.raises(BadAudio, match="a hole of silence: 3000 ms"):
        accept(wav_of(words[:at] + silence(3) + words[at:], SAMPLE_RATE), text)
