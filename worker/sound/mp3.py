"""The frames of an MP3, read from their headers alone: is it one, and is it all there? Knows nothing of what it says."""

from dataclasses import dataclass
from functools import lru_cache

from worker.errors import BadAudio

_BITRATES_MPEG1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITRATES_MPEG2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MPEG1, _MPEG2, _MPEG25 = 3, 2, 0
_SAMPLE_RATES = {
    _MPEG1: (44_100, 48_000, 32_000),
    _MPEG2: (22_050, 24_000, 16_000),
    _MPEG25: (11_025, 12_000, 8_000),
}
_LAYER_3 = 1
_MONO = 3
_NO_FRAME = (0, 0, 0)


@dataclass(frozen=True)
class Length:
    """How long an MP3 is: samples per channel, padding and all, and how many of them make a second."""

    samples: int
    sample_rate: int

    @property
    def ms(self) -> int:
        return round(self.samples * 1000 / self.sample_rate)


def measure(body: bytes) -> Length:
    """The length of a complete MP3. Raises BadAudio where a frame is invalid, cut short or missing."""
    at, end = 0, _end_of_frames(body)
    frames = announced = samples = first_at = 0
    while at < end:
        if body.startswith(b"ID3", at):  # not only at the start: some servers join whole files, sentence by sentence
            at += _id3v2_bytes(body, at)
            continue
        first_at = first_at if frames else at
        frame_bytes, frame_samples, info_at = _frame(body[at : at + 4])
        if not frame_bytes:
            raise BadAudio(
                "Not an MP3: it begins with no valid frame." if at == 0 else f"The MP3 is broken at byte {at}."
            )
        announced += _announced_frames(body, at + info_at)
        frames, samples, at = frames + 1, samples + frame_samples, at + frame_bytes
    if at != end:
        raise BadAudio("The MP3 is cut short: its last frame is incomplete.")
    if not frames:
        raise BadAudio("The MP3 holds no audio.")
    if frames < announced:
        raise BadAudio(f"The MP3 is cut short: it announces {announced} frames and holds {frames}.")
    return Length(samples, _sample_rate(body, first_at))


def _sample_rate(body: bytes, at: int) -> int:
    return _SAMPLE_RATES[body[at + 1] >> 3 & 3][body[at + 2] >> 2 & 3]


@lru_cache(maxsize=512)
def _frame(header: bytes) -> tuple[int, int, int]:
    """A frame's bytes, its samples, and where in it the Info header would stand; zeros where there is no frame.

    Cached: an MP3 has a hundred frames and a handful of headers, and its walk is a tenth of what accepting it costs.
    """
    bits = int.from_bytes(header.ljust(4, b"\0"), "big")
    version, layer = bits >> 19 & 3, bits >> 17 & 3
    bitrate, rate, padding = bits >> 12 & 15, bits >> 10 & 3, bits >> 9 & 1
    # Bitrate 0 ("free format") has no size to check, and nobody sends it.
    if bits >> 21 != 0x7FF or version not in _SAMPLE_RATES or layer != _LAYER_3 or bitrate in (0, 15) or rate == 3:
        return _NO_FRAME
    mono = bits >> 6 & 3 == _MONO
    sample_rate = _SAMPLE_RATES[version][rate]
    if version == _MPEG1:
        return 144_000 * _BITRATES_MPEG1[bitrate] // sample_rate + padding, 1152, 21 if mono else 36
    return 72_000 * _BITRATES_MPEG2[bitrate] // sample_rate + padding, 576, 13 if mono else 21


def _announced_frames(body: bytes, at: int) -> int:
    """How many frames the Xing or Info header at `at` says follow; 0 where there is none, or where it does not say.

    An encoder that streams cannot know, and leaves the count at 0. Some count the header's own frame, so holding more is no fault.
    """
    if body[at : at + 4] not in (b"Xing", b"Info") or not int.from_bytes(body[at + 4 : at + 8], "big") & 1:
        return 0
    return int.from_bytes(body[at + 8 : at + 12], "big")


def _id3v2_bytes(body: bytes, at: int) -> int:
    """The size of the ID3v2 tag at `at`: 10 bytes of header, 28 bits in 4 bytes, and a footer where the flag says so."""
    size = 0
    for byte in body[at + 6 : at + 10]:
        size = size << 7 | byte & 0x7F
    has_footer = len(body) > at + 5 and body[at + 5] & 0x10
    return 10 + size + (10 if has_footer else 0)


def _end_of_frames(body: bytes) -> int:
    """Where the tags at the end begin: ID3v1 last, APEv2 before it."""
    end = len(body)
    if body[-128:-125] == b"TAG":
        end -= 128
    footer = body[max(end - 32, 0) : end]
    if footer.startswith(b"APETAGEX") and len(footer) == 32:
        has_header = footer[23] & 0x80
        end -= int.from_bytes(footer[12:16], "little") + (32 if has_header else 0)
    return end
