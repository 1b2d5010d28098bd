"""WAV, FLAC and Ogg that are cut short, joined, broken or of something else: refused, as far as their bytes can tell."""

import random
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.audio_files import UNKNOWN_SIZE, as_flac, as_opus, as_streamed_flac, as_vorbis, as_wav
from tests.speech_audio import SAMPLE_RATE, pcm_of
from worker.audio import accept
from worker.errors import BadAudio

TEXT = "Where is the train station"
PCM = pcm_of(TEXT).tobytes()
FORMATS: dict[str, Callable[[bytes, int], bytes]] = {
    "wav": as_wav,
    "flac": as_flac,
    "streamed flac": as_streamed_flac,
    "vorbis": as_vorbis,
    "opus": as_opus,
}


def refusal(audio: bytes, text: str = TEXT) -> str:
    with pytest.raises(BadAudio) as caught:
        accept(audio, text)
    return str(caught.value)


@pytest.mark.parametrize("cut", [1, 2, 100, 30_000, len(PCM) - 2])
def test_a_wav_cut_short_is_refused(cut: int) -> None:
    assert "cut short" in refusal(as_wav(PCM, SAMPLE_RATE)[:-cut])


def test_a_streamed_wav_cut_within_a_sample_is_refused() -> None:
    assert "last sample is incomplete" in refusal(as_wav(PCM, SAMPLE_RATE, size=UNKNOWN_SIZE)[:-1])


@pytest.mark.parametrize("size", [0, UNKNOWN_SIZE])
def test_a_wav_without_samples_is_refused(size: int) -> None:
    assert refusal(as_wav(b"", SAMPLE_RATE, size=size)) == "The WAV holds no audio."
    assert refusal(as_wav(PCM, SAMPLE_RATE)[:12]) == "The WAV holds no audio."


def test_a_wav_of_something_else_is_refused() -> None:
    assert "unknown kind" in refusal(as_wav(PCM, SAMPLE_RATE, bits=12))
    assert "does not decode" in refusal(as_wav(PCM, SAMPLE_RATE, kind=0x1234))
    wav = as_wav(PCM, SAMPLE_RATE)
    assert "does not say" in refusal(wav[:12] + wav[36:])
    assert "broken" in refusal(wav + b"\xf0\xf1\xf2\xf3\0\0\0\0")


@pytest.mark.parametrize("form", ["flac", "streamed flac", "vorbis", "opus"])
def test_flac_and_ogg_cut_anywhere_are_refused(form: str) -> None:
    whole = FORMATS[form](PCM, SAMPLE_RATE)
    for at in [len(whole) - 1, len(whole) - 30, *random.Random(3).sample(range(4, len(whole)), 30)]:
        assert "The " in refusal(whole[:at])


def test_an_ogg_cut_between_pages_is_refused() -> None:
    whole = as_vorbis(PCM * 3, SAMPLE_RATE)
    last = whole.rfind(b"OggS")
    assert "last page is missing" in refusal(whole[:last], TEXT * 3)
    before = whole.rfind(b"OggS", 0, last)
    assert "a page is missing" in refusal(whole[:before] + whole[last:], TEXT * 3)


@pytest.mark.parametrize("form", ["flac", "vorbis", "opus"])
def test_files_joined_where_a_decoder_would_play_only_the_first_are_refused(form: str) -> None:
    assert "more than one stream" in refusal(FORMATS[form](PCM, SAMPLE_RATE) * 2)


@pytest.mark.parametrize("form", FORMATS)
def test_other_formats_are_judged_like_mp3(form: str) -> None:
    make = FORMATS[form]
    assert "silent" in refusal(make(bytes(len(PCM)), SAMPLE_RATE))
    assert "too short" in refusal(make(PCM[:4_800], SAMPLE_RATE))
    assert "too long" in refusal(make(PCM * 20, SAMPLE_RATE))


@pytest.mark.parametrize("form", FORMATS)
def test_broken_bytes_are_refused_or_heard_and_nothing_else_happens(form: str) -> None:
    chance, whole = random.Random(5), FORMATS[form](PCM[:40_000], SAMPLE_RATE)
    for _ in range(40):
        broken = bytearray(whole)
        for at in chance.sample(range(4, len(whole)), 5):
            broken[at] = chance.randrange(256)
        with suppress(BadAudio):
            accept(bytes(broken), "a few words")
