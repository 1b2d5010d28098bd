"""The same sound in every kind of file that a speech server may send, whether it was asked to or not."""

import io
import struct
from collections.abc import Callable

import lameenc

UNKNOWN_SIZE = 0xFFFFFFFF


def as_mp3(pcm: bytes, sample_rate: int, channels: int = 1) -> bytes:
    """As LAME makes it, without an Info frame."""
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_channels(channels)
    encoder.set_in_sample_rate(sample_rate)
    encoder.set_bit_rate(64)
    return bytes(encoder.encode(pcm) + encoder.flush())


def as_wav(
    samples: bytes, sample_rate: int, channels: int = 1, bits: int = 16, kind: int = 1, size: int | None = None
) -> bytes:
    """`kind` is 1 for whole numbers, 3 for floats, 6 and 7 for telephony; `size` is what the header says instead of the truth."""
    frame_bytes = channels * bits // 8
    form = struct.pack("<HHIIHH", kind, channels, sample_rate, sample_rate * frame_bytes, frame_bytes, bits)
    told = (len(samples), 36 + len(samples)) if size is None else (size, size)
    head = b"RIFF" + struct.pack("<I", told[1]) + b"WAVEfmt " + struct.pack("<I", 16) + form
    return head + b"data" + struct.pack("<I", told[0]) + samples


def as_flac(pcm: bytes, sample_rate: int, channels: int = 1) -> bytes:
    """Lossless."""
    return _by_libsndfile(pcm, sample_rate, channels, "FLAC", "PCM_16")


def as_streamed_flac(pcm: bytes, sample_rate: int) -> bytes:
    """Made by an encoder that could not go back to fill in the length."""
    flac = bytearray(as_flac(pcm, sample_rate))
    flac[21] &= 0xF0
    flac[22:26] = bytes(4)
    return bytes(flac)


def as_vorbis(pcm: bytes, sample_rate: int, channels: int = 1) -> bytes:
    """Ogg Vorbis."""
    return _by_libsndfile(pcm, sample_rate, channels, "OGG", "VORBIS")


def as_opus(pcm: bytes, sample_rate: int, channels: int = 1) -> bytes:
    """Ogg Opus, which knows 8, 12, 16, 24 and 48 kHz only."""
    return _by_libsndfile(pcm, sample_rate, channels, "OGG", "OPUS")


def _streamed_wav(pcm: bytes, sample_rate: int) -> bytes:
    return as_wav(pcm, sample_rate, size=UNKNOWN_SIZE)


def _cut_wav(pcm: bytes, sample_rate: int) -> bytes:
    return as_wav(pcm, sample_rate)[: -len(pcm) // 3]


def _m4a(pcm: bytes, _: int) -> bytes:
    return b"\0\0\0\x20ftypM4A \0\0\2\0" + pcm


def _bare_pcm(pcm: bytes, _: int) -> bytes:
    return pcm


def _by_libsndfile(pcm: bytes, sample_rate: int, channels: int, kind: str, subtype: str) -> bytes:
    # Not at the top: the stand-in server, which imports this, mostly answers MP3.
    import numpy as np
    import soundfile

    file = io.BytesIO()
    samples = np.frombuffer(pcm, dtype=np.int16).reshape(-1, channels)
    with soundfile.SoundFile(file, "w", sample_rate, channels, format=kind, subtype=subtype) as out:
        for start in range(0, len(samples), sample_rate):  # libsndfile's Vorbis crashes on an hour at once
            out.write(samples[start : start + sample_rate])
    return file.getvalue()


# What the stand-in server answers instead of MP3, by the name of the fault.
ANSWERS: dict[str, Callable[[bytes, int], bytes]] = {
    "wav": as_wav,
    "streamed_wav": _streamed_wav,
    "cut_wav": _cut_wav,
    "flac": as_flac,
    "vorbis": as_vorbis,
    "opus": as_opus,
    "m4a": _m4a,
    "pcm": _bare_pcm,
}
