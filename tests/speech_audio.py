"""MP3 files for the stand-in: valid, audible, as long as their text takes to say, and nearly free to make."""

import array
import json
import math
from functools import cache
from typing import Any

import lameenc

SAMPLE_RATE = 24_000
# MPEG-2 layer III at 64 kbit/s and 24 kHz: every frame is as long as the next, without padding.
FRAME_BYTES = 192
FRAME_MS = 24
MS_PER_CHARACTER = 70
SHORTEST_MS = 400
_LOOP_SECONDS = 10


def mp3_of(text: str, speed: float = 1.0, *, silent: bool = False, **tag: Any) -> bytes:
    """An MP3 that could be this text. Texts of equal length make files of equal size."""
    length_ms = max(SHORTEST_MS, len(text) * MS_PER_CHARACTER) / speed
    return _tag(text, tag) + _frames(max(1, math.ceil(length_ms / FRAME_MS)), silent)


def read_tag(audio: bytes) -> dict[str, Any]:
    """What `mp3_of` wrote into the file: its text, voice, model and serial. ValueError where there is no such tag."""
    if audio[:3] != b"ID3" or audio[10:14] != b"TXXX":
        raise ValueError("no tag of the stand-in")
    size = _synchsafe_value(audio[14:18])
    description, _, value = audio[21 : 20 + size].partition(b"\0")
    if description != b"speech":
        raise ValueError("no tag of the stand-in")
    tag: dict[str, Any] = json.loads(value)
    return tag


def pcm_of(text: str) -> "array.array[int]":
    """Samples that could be this text: mono, 24 kHz."""
    wanted = max(SHORTEST_MS, len(text) * MS_PER_CHARACTER) * SAMPLE_RATE // 1000
    return (_tone() * (wanted // len(_tone()) + 1))[:wanted]


def _frames(count: int, silent: bool) -> bytes:
    # A file may stop at any frame and start again at the first: only later frames lean on earlier ones.
    loop = _loop(silent)
    whole, rest = divmod(count * FRAME_BYTES, len(loop))
    return loop * whole + loop[:rest]


@cache
def _loop(silent: bool) -> bytes:
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_channels(1)
    encoder.set_in_sample_rate(SAMPLE_RATE)
    encoder.set_out_sample_rate(SAMPLE_RATE)
    encoder.set_bit_rate(64)
    encoder.set_quality(7)
    pcm = bytes(2 * SAMPLE_RATE * _LOOP_SECONDS) if silent else _tone().tobytes()
    loop = bytes(encoder.encode(pcm) + encoder.flush())
    if len(loop) % FRAME_BYTES:
        raise AssertionError("LAME no longer makes frames of equal size")
    return loop


@cache
def _tone() -> "array.array[int]":
    """A voice of sorts: a tone that sways in pitch and loudness."""
    samples = range(SAMPLE_RATE * _LOOP_SECONDS)
    return array.array(
        "h",
        (round(9000 * math.sin(i / 19 + 9 * math.sin(i / 2600)) * (0.6 + 0.4 * math.sin(i / 1900))) for i in samples),
    )


def _tag(text: str, tag: dict[str, Any]) -> bytes:
    value = json.dumps({"text": text, **tag}).encode()
    frame = b"\x03speech\0" + value
    # The longest that JSON makes of a code point is 12 bytes.
    room = 12 * len(text) + 600
    body = b"TXXX" + _synchsafe(len(frame)) + b"\0\0" + frame
    return b"ID3\x04\0\0" + _synchsafe(room) + body.ljust(room, b"\0")


def _synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def _synchsafe_value(four: bytes) -> int:
    return sum(byte << shift for byte, shift in zip(four, (21, 14, 7, 0), strict=True))
