"""WAV as servers send it: with sizes nobody knew when the header was written, in parts, or cut short. Rewrites it as it should be."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from worker.errors import BadAudio
from worker.sound.thresholds import LARGEST_BODY_BYTES

_HEADER_BYTES = 12  # "RIFF", a size, "WAVE"
_FORMAT = struct.Struct("<HHIIHH")
_EXTENSIBLE = 0xFFFE


@dataclass(frozen=True)
class WavFormat:
    """What a `fmt ` chunk says."""

    chunk: bytes
    channels: int
    sample_rate: int
    frame_bytes: int


def repaired(body: bytes) -> tuple[bytes, WavFormat, int]:
    """The WAV with right sizes, its format, and its frames. Raises BadAudio where it is cut short or makes no sense."""
    formats: list[WavFormat] = []
    pieces: list[bytes] = []
    for name, content in _chunks(body):
        if name == b"fmt ":
            formats.append(_format(content))
        elif name == b"data" and not formats:
            raise BadAudio("The WAV does not say what its samples are.")
        elif name == b"data":
            pieces.append(content)
    if not pieces or not any(pieces):
        raise BadAudio("The WAV holds no audio.")
    if any(other.chunk != formats[0].chunk for other in formats):
        raise BadAudio("The WAV is made of parts that do not fit together.")
    samples = b"".join(pieces)
    frames, rest = divmod(len(samples), formats[0].frame_bytes)
    if rest:
        raise BadAudio("The WAV is cut short: its last sample is incomplete.")
    return _wav(formats[0].chunk, samples), formats[0], frames


def _chunks(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Every chunk, also those of files that follow: some servers join whole files, sentence by sentence."""
    at = 0
    while at + 8 <= len(body):
        name, size = body[at : at + 4], int.from_bytes(body[at + 4 : at + 8], "little")
        if name == b"RIFF":
            at += _HEADER_BYTES
            continue
        if not (name.isascii() and name.decode().isprintable()):
            raise BadAudio(f"The WAV is broken at byte {at}.")
        # Who streams writes the size before it is known: 0, the largest number, or some other that cannot be.
        if name == b"data" and (size == 0 or size > LARGEST_BODY_BYTES):
            size = len(body) - at - 8
        if at + 8 + size > len(body):
            raise BadAudio("The WAV is cut short: it announces more than it holds.")
        yield name, body[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _format(chunk: bytes) -> WavFormat:
    if len(chunk) < _FORMAT.size:
        raise BadAudio("The WAV is broken: its format is incomplete.")
    kind, channels, sample_rate, _, frame_bytes, bits = _FORMAT.unpack_from(chunk)
    if kind == _EXTENSIBLE and len(chunk) < 40:
        raise BadAudio("The WAV is broken: its format is incomplete.")
    if not channels or not bits or bits % 8 or frame_bytes != channels * bits // 8:
        raise BadAudio("The WAV holds samples of an unknown kind.")
    return WavFormat(chunk, channels, sample_rate, frame_bytes)


def _wav(format_chunk: bytes, samples: bytes) -> bytes:
    chunks = b"fmt " + len(format_chunk).to_bytes(4, "little") + format_chunk
    chunks += b"data" + len(samples).to_bytes(4, "little")
    return b"RIFF" + (4 + len(chunks) + len(samples)).to_bytes(4, "little") + b"WAVE" + chunks + samples
