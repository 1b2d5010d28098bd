"""Bare PCM, as engines give it, made into a file that says what it is: the gate in `worker.audio` trusts bytes, not promises."""

import struct

_SAMPLE_BYTES = 2
_PCM = 1
_MONO = 1


def wav_of(pcm: bytes, sample_rate: int) -> bytes:
    """A WAV file of `pcm`: mono, 16 bits a sample, little-endian."""
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + len(pcm), b"WAVE"),
        *(b"fmt ", 16, _PCM, _MONO, sample_rate, sample_rate * _SAMPLE_BYTES, _SAMPLE_BYTES, 8 * _SAMPLE_BYTES),
        *(b"data", len(pcm)),
    )
    return header + pcm
