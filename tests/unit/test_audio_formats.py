"""WAV, FLAC and Ogg from servers that ignore what they are asked for: made into MP3, and refused where they are cut short."""

import array
import struct
from collections.abc import Callable

import miniaudio
import pytest

from tests.audio_files import (
    UNKNOWN_SIZE,
    as_flac,
    as_mp3,
    as_opus,
    as_streamed_flac,
    as_vorbis,
    as_wav,
)
from tests.speech_audio import SAMPLE_RATE, pcm_of
from worker.audio import accept
from worker.engines.pcm import wav_of
from worker.errors import BadAudio

TEXT = "Where is the train station"
SAMPLES = pcm_of(TEXT)
PCM = SAMPLES.tobytes()
PCM_MS = len(SAMPLES) * 1000 / SAMPLE_RATE
# LAME fills its first and last frames up.
PADDING_MS = 160
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


def assert_mp3(audio: bytes, ms: float = PCM_MS) -> "array.array[int]":
    """Accepted, as a mono MP3 that is accepted in turn, sounds for as long, and is about as loud; gives its samples."""
    made = accept(audio, TEXT)
    decoded = miniaudio.mp3_read_s16(made.mp3)
    samples: array.array[int] = decoded.samples
    assert decoded.nchannels == 1
    assert accept(made.mp3, TEXT) == made
    assert ms <= made.duration_ms <= ms + PADDING_MS
    assert 6_000 < max(samples) < 14_000
    return samples


@pytest.mark.parametrize("form", FORMATS)
def test_other_formats_become_mp3(form: str) -> None:
    assert_mp3(FORMATS[form](PCM, SAMPLE_RATE))


def test_a_good_mp3_is_kept_byte_for_byte() -> None:
    for mp3 in (as_mp3(PCM, SAMPLE_RATE), as_mp3(PCM * 2, SAMPLE_RATE, channels=2)):
        assert accept(mp3, TEXT).mp3 == mp3


def test_what_an_engine_wraps_is_what_comes_out() -> None:
    samples = assert_mp3(wav_of(PCM, SAMPLE_RATE))
    delay = max(range(3_000), key=lambda lag: sum(SAMPLES[i] * samples[i + lag] for i in range(5_000, 15_000, 50)))
    noise = sum((a - b) ** 2 for a, b in zip(SAMPLES, samples[delay:], strict=False))
    assert sum(a * a for a in SAMPLES) > 100 * noise  # 20 dB


@pytest.mark.parametrize("rate", [8_001, 10_000, 20_000, 44_056, 47_999])
def test_a_sample_rate_that_mp3_does_not_have_becomes_one_that_it_has(rate: int) -> None:
    made = accept(as_wav(PCM, rate), TEXT, speed=0.25)
    assert made.duration_ms == pytest.approx(len(SAMPLES) * 1000 / rate, abs=PADDING_MS)


@pytest.mark.parametrize("form", ["wav", "flac", "vorbis"])
@pytest.mark.parametrize("rate", [8_000, 11_025, 12_000, 16_000, 22_050, 32_000, 44_100, 48_000])
def test_every_usual_sample_rate_is_kept(form: str, rate: int) -> None:
    text = "one two three"
    made = accept(FORMATS[form](PCM, rate), text if rate > SAMPLE_RATE else TEXT * 2)
    assert miniaudio.mp3_get_info(made.mp3).sample_rate == rate
    assert made.duration_ms == pytest.approx(len(SAMPLES) * 1000 / rate, abs=2 * PADDING_MS)


@pytest.mark.parametrize("rate", [8_000, 12_000, 16_000, 48_000])
def test_every_sample_rate_of_opus_is_read(rate: int) -> None:
    assert accept(as_opus(PCM, rate), "one two three" if rate > SAMPLE_RATE else TEXT * 2)


@pytest.mark.parametrize("rate", [0, 4_000, 96_000])
def test_a_sample_rate_that_no_speech_has_is_refused(rate: int) -> None:
    assert "sample rate" in refusal(as_wav(PCM, rate))


@pytest.mark.parametrize("form", ["wav", "flac", "vorbis", "opus"])
def test_stereo_is_mixed_down(form: str) -> None:
    both = b"".join(struct.pack("<hh", sample, sample) for sample in SAMPLES)
    makers: dict[str, Callable[[bytes, int, int], bytes]] = {
        "wav": as_wav,
        "flac": as_flac,
        "vorbis": as_vorbis,
        "opus": as_opus,
    }
    assert_mp3(makers[form](both, SAMPLE_RATE, 2))


@pytest.mark.parametrize(
    ("kind", "bits", "packed"),
    [
        (1, 8, lambda sample: struct.pack("B", (sample >> 8) + 128)),
        (1, 24, lambda sample: struct.pack("<i", sample << 8)[:3]),
        (1, 32, lambda sample: struct.pack("<i", sample << 16)),
        (3, 32, lambda sample: struct.pack("<f", sample / 32768)),
        (3, 64, lambda sample: struct.pack("<d", sample / 32768)),
    ],
)
def test_wav_of_every_sample_size_is_read(kind: int, bits: int, packed: Callable[[int], bytes]) -> None:
    assert_mp3(as_wav(b"".join(map(packed, SAMPLES)), SAMPLE_RATE, bits=bits, kind=kind))


def test_floats_beyond_full_scale_are_clipped_not_wrapped() -> None:
    loud = b"".join(struct.pack("<f", 2.0 if i % 200 < 100 else -2.0) for i in range(SAMPLE_RATE))
    decoded = miniaudio.mp3_read_s16(accept(as_wav(loud, SAMPLE_RATE, bits=32, kind=3), TEXT).mp3).samples
    middle = sorted(decoded[i] for i in range(SAMPLE_RATE // 200 * 100 + 50, SAMPLE_RATE // 200 * 100 + 2_050, 200))
    assert abs(middle[len(middle) // 2]) > 20_000


@pytest.mark.parametrize("size", [0, UNKNOWN_SIZE, 0x7FFFFFFF, 0x7FFFF000])
def test_wav_streamed_before_its_size_was_known_is_read_to_its_end(size: int) -> None:
    assert_mp3(as_wav(PCM, SAMPLE_RATE, size=size))


def test_wav_files_joined_sentence_by_sentence_are_all_read() -> None:
    half = len(PCM) // 4 * 2
    assert_mp3(as_wav(PCM[:half], SAMPLE_RATE) + as_wav(PCM[half:], SAMPLE_RATE))
    assert "do not fit" in refusal(as_wav(PCM[:half], SAMPLE_RATE) + as_wav(PCM[half:], 16_000))


def test_chunks_around_the_samples_are_passed_over() -> None:
    wav = as_wav(PCM, SAMPLE_RATE)
    assert_mp3(wav[:12] + b"LIST\5\0\0\0INFOx\0" + wav[12:] + b"id3 \4\0\0\0abcd")
