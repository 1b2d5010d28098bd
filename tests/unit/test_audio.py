"""What is accepted as an MP3 of a text, on clips that espeak-ng and LAME really made."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clips import Voice
from tests.audio_files import as_mp3
from worker.audio import accept
from worker.engines.espeak import EspeakEngine
from worker.errors import BadAudio

ENGLISH = Voice("en", "espeak", "", "espeak-ng", "en-us", "", 1.0, {})


@dataclass(frozen=True)
class Clip:
    text: str
    speed: float
    audio: bytes


@pytest.fixture(scope="module")
def engine() -> Iterator[EspeakEngine]:
    engine = EspeakEngine([ENGLISH])
    yield engine
    asyncio.run(engine.close())


def speak(engine: EspeakEngine, text: str, speed: float = 1.0) -> Clip:
    wav = asyncio.run(engine.speak(text, replace(ENGLISH, speed=speed))).audio
    return Clip(text, speed, accept(wav, text, speed).mp3)


LONG = "The committee has not yet decided whether the proposal should be accepted, rejected, or sent back for further work."


@pytest.fixture(scope="module")
def clip(engine: EspeakEngine) -> Clip:
    return speak(engine, LONG)


def refusal(audio: bytes, text: str = LONG, speed: float = 1.0) -> str:
    with pytest.raises(BadAudio) as caught:
        accept(audio, text, speed)
    return str(caught.value)


def frame_starts(audio: bytes) -> list[int]:
    """The starts of LAME's frames at 64 kbit/s and 22,050 Hz: 208 bytes, or 209 where padded."""
    starts = [0]
    while starts[-1] < len(audio):
        starts.append(starts[-1] + 208 + (audio[starts[-1] + 2] >> 1 & 1))
    return starts[:-1]


def info_frame(announced: int) -> bytes:
    """A frame of silence at 64 kbit/s and 22,050 Hz whose Info header announces so many frames."""
    return (b"\xff\xf3\x80\xc4".ljust(13, b"\0") + b"Info\0\0\0\1" + announced.to_bytes(4, "big")).ljust(208, b"\0")


def test_the_longest_text_is_accepted(engine: EspeakEngine) -> None:
    clip = speak(engine, (LONG + " ") * 35)
    assert len(clip.text) > 4_000
    assert accept(clip.audio, clip.text).duration_ms > 200_000


def test_speech_cut_at_any_byte_is_refused(clip: Clip) -> None:
    edges = set(frame_starts(clip.audio))
    for at in random.Random(7).sample(sorted(set(range(1, len(clip.audio))) - edges), 300):
        assert "MP3" in refusal(clip.audio[:at])


def test_speech_cut_between_frames_is_refused_where_a_header_announces_more(clip: Clip) -> None:
    starts = frame_starts(clip.audio)
    whole = info_frame(len(starts)) + clip.audio
    assert accept(whole, LONG).duration_ms > 5_000
    assert "announces" in refusal(whole[: 208 + starts[-2]])
    assert accept((info_frame(0) + clip.audio)[: 208 + starts[-2]], LONG)  # a streaming encoder announces nothing


def test_speech_cut_between_frames_is_refused_where_too_few_words_are_left(clip: Clip) -> None:
    starts = frame_starts(clip.audio)
    assert "too short" in refusal(clip.audio[: starts[len(starts) // 6]])


def test_tags_before_between_and_behind_are_passed_over(clip: Clip) -> None:
    id3v2 = b"ID3\4\0\0\0\0\1\0" + bytes(128)
    apev2 = b"APETAGEX\xd0\7\0\0\x28\0\0\0" + bytes(7) + b"\x80" + bytes(8)
    apev2 += bytes(8) + apev2
    id3v1 = b"TAG".ljust(128, b"\0")
    bare = accept(clip.audio, LONG)
    for tagged in (id3v2 + clip.audio, clip.audio + id3v1, clip.audio + apev2, id3v2 + clip.audio + apev2 + id3v1):
        # Before an APEv2 tag the decoder leaves out the last frame: 26 ms of padding.
        assert accept(tagged, LONG).duration_ms == pytest.approx(bare.duration_ms, abs=30)
    assert accept((id3v2 + clip.audio) * 2, LONG + LONG).duration_ms > 1.9 * bare.duration_ms
    assert "cut short" in refusal(clip.audio + id3v2[:50])


def test_stereo_is_accepted() -> None:
    noise = random.Random(1).randbytes(2 * 2 * 24_000)
    assert accept(as_mp3(noise, 24_000, channels=2), "one second").duration_ms == pytest.approx(1_000, abs=100)


@pytest.mark.parametrize(
    ("audio", "named"),
    [
        (b"\xff\xfb\xff\xff" * 100, "Not an MP3"),
        (b"\xff\xfd\x40\xc4" * 100, "Not an MP3"),  # layer II
        (b"ID3", "MP3"),
        (b"ID3\4\0\0\0\0\0\0", "no audio"),
    ],
)
def test_what_only_begins_like_an_mp3_is_refused(audio: bytes, named: str) -> None:
    assert named in refusal(audio)


def test_frames_that_do_not_decode_are_refused(clip: Clip) -> None:
    starts = frame_starts(clip.audio)
    broken = b"".join(clip.audio[at : at + 4] + b"\xff" * (end - at - 4) for at, end in pairwise(starts))
    refusal(broken)


def test_audio_of_another_length_of_text_is_refused(engine: EspeakEngine, clip: Clip) -> None:
    repeated = speak(engine, (LONG + " ") * 3)
    for short in ("Hi", "bonjour", "Where is it?"):
        assert "too long" in refusal(repeated.audio, short)
        assert "too short" in refusal(speak(engine, short).audio)


@given(st.binary(max_size=600))
def test_any_bytes_are_refused_and_nothing_else_happens(body: bytes) -> None:
    refusal(body)


@given(st.binary(min_size=1, max_size=400))
def test_any_body_of_a_frame_is_judged_and_nothing_else_happens(body: bytes) -> None:
    frame = b"\xff\xf3\x80\xc4" + body.ljust(204, b"\0")[:204]
    refusal(frame * 3, "some words that take a second")
