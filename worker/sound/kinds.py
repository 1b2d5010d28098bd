"""Which kind of audio a body is, by its own bytes: what an upstream calls it is no proof."""

from enum import Enum

from worker.errors import BadAudio
from worker.sound.first_words import first_words

_SET_FORMAT = (
    "Make the server answer MP3, WAV, FLAC or Ogg: in its own settings, or with TTS_EXTRA_BODY, such as "
    '{"response_format": "mp3"}.'
)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# A frame of MPEG audio begins with eleven 1s, then version and layer.
_SYNC, _NO_LAYER = 0xE0, 0
# Enough to tell text from samples.
_LOOKED_AT_BYTES = 256


class Kind(Enum):
    """What can be read."""

    MP3 = "MP3"
    WAV = "WAV"
    FLAC = "FLAC"
    OGG = "Ogg"


_UNREADABLE = {
    "AAC": (b"ADIF",),
    "WebM": (b"\x1aE\xdf\xa3",),
    "AIFF": (b"FORM",),
    "AMR": (b"#!AMR",),
    "WMA": (b"0&\xb2u",),
    "AU": (b".snd",),
    "CAF": (b"caff",),
    "WAV of more than 4 GB": (b"RF64", b"RIFX"),
}


def kind_of(body: bytes) -> Kind:
    """The kind; raises BadAudio, with a name and with what to do, where it is none of ours."""
    if body.startswith(b"RIFF") and body[8:12] == b"WAVE":
        return Kind.WAV
    if body.startswith(b"fLaC"):
        return Kind.FLAC
    if body.startswith(b"OggS"):
        return Kind.OGG
    if body.startswith(b"ID3") or _mpeg_layer(body):
        return Kind.MP3
    raise _unreadable(body)


def _mpeg_layer(body: bytes) -> int:
    """1 to 3 where a frame of MPEG audio begins; 0 where none does: AAC's frames have the same start, and no layer."""
    if len(body) < 2 or body[0] != 0xFF or body[1] & _SYNC != _SYNC:
        return _NO_LAYER
    return body[1] >> 1 & 3


def _unreadable(body: bytes) -> BadAudio:
    start = body[:64].removeprefix(_BYTE_ORDER_MARK).lstrip()
    if not start:
        return BadAudio("The audio is empty.")
    name = _name(body)
    if name:
        return BadAudio(f"The audio is {name}, which is not supported. {_SET_FORMAT}")
    if start.startswith(b"<"):
        return BadAudio("The answer is HTML or XML, not audio.", said=first_words(body))
    if start.startswith((b"{", b"[")):
        return BadAudio("The answer is JSON, not audio.", said=first_words(body))
    if _is_text(body):
        return BadAudio("The answer is text, not audio.", said=first_words(body))
    return BadAudio(f"The answer is no audio of a known kind; raw PCM does not say what it is. {_SET_FORMAT}")


def _name(body: bytes) -> str | None:
    if body[4:8] == b"ftyp":
        return "MP4"
    if body[:1] == b"\xff" and len(body) > 1 and body[1] & 0xF6 == 0xF0:
        return "AAC"
    return next((name for name, marks in _UNREADABLE.items() if body.startswith(marks)), None)


def _is_text(body: bytes) -> bool:
    """Samples are full of control characters, and next to never valid UTF-8."""
    try:
        text = body[:_LOOKED_AT_BYTES].decode()
    except UnicodeDecodeError as error:
        # The last character may be cut in two.
        if error.start < min(len(body), _LOOKED_AT_BYTES) - 4:
            return False
        text = body[: error.start].decode()
    return all(character.isprintable() or character.isspace() for character in text)
