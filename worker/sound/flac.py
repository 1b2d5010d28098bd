"""What a FLAC says of itself: its rate, its length, and, where it does not know its length, whether its last frame is whole."""

from dataclasses import dataclass

from worker.errors import BadAudio

# "fLaC", then the head of the block that every FLAC begins with: kind 0 (with the flag of a last block or without), 34 bytes long.
_INFO_AT = 8
_INFO_BYTES = 34
_CRC_POLYNOMIAL = 0x8005
# Frames hold some 4,096 samples, 16 kB at most for speech.
_LONGEST_FRAME_BYTES = 64 * 1024


@dataclass(frozen=True)
class FlacInfo:
    """`frames` is None where the encoder streamed and could not know."""

    sample_rate: int
    channels: int
    frames: int | None


def read_info(body: bytes) -> FlacInfo:
    """Raises BadAudio where the FLAC is cut short, as far as its bytes can tell, or another follows it."""
    info = body[_INFO_AT : _INFO_AT + _INFO_BYTES]
    if len(info) < _INFO_BYTES or not _starts_at(body, 0):
        raise BadAudio("The FLAC is cut short: its header is incomplete.")
    if _starts_at(body, body.find(b"fLaC", 4)):
        raise BadAudio("The FLAC holds more than one stream.")  # a decoder would play the first, and leave words out
    packed = int.from_bytes(info[10:18], "big")  # 20 bits of rate, 3 of channels, 5 of sample size, 36 of length
    frames = packed & (1 << 36) - 1
    if not frames and not _ends_with_a_frame(body):
        raise BadAudio("The FLAC is cut short: its last frame is incomplete.")
    return FlacInfo(packed >> 44, (packed >> 41 & 7) + 1, frames or None)


def _starts_at(body: bytes, at: int) -> bool:
    return at >= 0 and body[at : at + 4] == b"fLaC" and body[at + 5 : at + _INFO_AT] == b"\0\0\x22"


def _ends_with_a_frame(body: bytes) -> bool:
    """A frame's own checksum over all of it is 0: that of the last one is looked for from the end."""
    earliest = max(len(body) - _LONGEST_FRAME_BYTES, 0)
    at = len(body)
    while (at := max(body.rfind(b"\xff\xf8", earliest, at), body.rfind(b"\xff\xf9", earliest, at))) >= 0:
        if _crc16(body[at:]) == 0:
            return True
    return False


def _crc16(frame: bytes) -> int:
    crc = 0
    for byte in frame:
        crc = crc << 8 & 0xFFFF ^ _CRC_TABLE[crc >> 8 ^ byte]
    return crc


def _crc_entry(byte: int) -> int:
    crc = byte << 8
    for _ in range(8):
        crc = crc << 1 ^ (_CRC_POLYNOMIAL if crc & 0x8000 else 0)
    return crc & 0xFFFF


_CRC_TABLE = tuple(_crc_entry(byte) for byte in range(256))
