"""No trust in a 200: is this body an MP3 of that text? Pure and CPU-bound: run it in a thread. Knows no engine and no storage."""

import itertools
from array import array
from dataclasses import dataclass

import miniaudio

from worker import mp3
from worker.errors import BadAudio

# 1 % of full scale, -40 dB: speech peaks some ten times higher, an encoder's hiss stays some ten times lower.
SOUND_PEAK = 328
WINDOW_MS = 20
# Encoders pad, decoders trim what was padded and swallow the Info frame: up to three of an MP3's longest frames.
TRIMMED_SAMPLES = 3 * 1152

# Too short is the bound that matters: half a sentence sounds fine to everything but the learner. Speech takes some 70 ms a
# letter, and as little as 18 where French has its silent ones ("hauts"): below this, words are missing.
SHORTEST_LETTER_MS = 15
# Too long catches a voice that repeats itself or makes things up. A beginner's voice takes some 200 ms a letter.
LONGEST_LETTER_MS = 350
# Digits, capitals, symbols, emoji and signs of other scripts can each be a word or three: "777", "WWW", "@", "日".
LONGEST_NAME_MS = 1_500
_LAST_LATIN = "\u024f"
# A breath, a pause, a "hm": what a clip may hold beside its text.
LONGEST_EXTRA_MS = 5_000

_OTHER_FORMATS = {
    "WAV": (b"RIFF", b"RF64"),
    "Ogg": (b"OggS",),
    "FLAC": (b"fLaC",),
    "AAC": (b"\xff\xf0", b"\xff\xf1", b"\xff\xf8", b"\xff\xf9", b"ADIF"),
    "WebM": (b"\x1aE\xdf\xa3",),
}


@dataclass(frozen=True)
class AcceptedAudio:
    """Audio that is good, as MP3."""

    mp3: bytes
    duration_ms: int


def accept(audio: bytes, text: str, speed: float = 1.0) -> AcceptedAudio:
    """Accepts a whole MP3 that sounds for about as long as `text` takes at `speed`; raises BadAudio otherwise."""
    _refuse_other_formats(audio)
    samples = mp3.count_samples(audio)
    try:
        decoded = miniaudio.mp3_read_s16(audio)
    except miniaudio.DecodeError as error:
        raise BadAudio("The MP3 does not decode.") from error
    if decoded.num_frames < samples - TRIMMED_SAMPLES:
        raise BadAudio("The MP3 does not decode to its end.")
    per_ms = decoded.sample_rate * decoded.nchannels / 1000
    _refuse_implausible(_sounding_ms(decoded.samples, per_ms), text, speed)
    return AcceptedAudio(audio, round(len(decoded.samples) / per_ms))


def _refuse_other_formats(audio: bytes) -> None:
    start = audio[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start:
        raise BadAudio("The audio is empty.")
    if start.startswith(b"<"):
        raise BadAudio("The answer is HTML or XML, not an MP3.")
    if start.startswith((b"{", b"[")):
        raise BadAudio("The answer is JSON, not an MP3.")
    if audio[4:8] == b"ftyp":
        raise BadAudio("The audio is MP4, not an MP3.")
    for name, marks in _OTHER_FORMATS.items():
        if audio.startswith(marks):
            raise BadAudio(f"The audio is {name}, not an MP3.")


def _sounding_ms(samples: "array[int]", per_ms: float) -> float:
    """From the first to the last window that is not silent: silence around the words does not stand in for words."""
    window = max(int(WINDOW_MS * per_ms), 1)
    starts = range(0, len(samples), window)
    first = next((at for at in starts if _is_loud(samples[at : at + window])), None)
    if first is None:
        return 0.0
    last = next(at for at in reversed(starts) if _is_loud(samples[at : at + window]))
    return (min(last + window, len(samples)) - first) / per_ms


def _is_loud(window: "array[int]") -> bool:
    return max(window) > SOUND_PEAK or min(window) < -SOUND_PEAK


def _refuse_implausible(sounding_ms: float, text: str, speed: float) -> None:
    """A speed only ever widens the bounds: some engines cannot go that far, and some models take no notice of it."""
    letters = _letters(text)
    if letters and not sounding_ms:
        raise BadAudio("The audio is silent.")
    shortest_ms = letters * SHORTEST_LETTER_MS / max(speed, 1.0)
    if sounding_ms < shortest_ms:
        raise BadAudio(
            f"The audio is too short for its text: {sounding_ms:.0f} ms, expected {shortest_ms:.0f} or more."
        )
    longest_ms = _longest_ms(text) / min(speed, 1.0)
    if sounding_ms > longest_ms:
        raise BadAudio(f"The audio is too long for its text: {sounding_ms:.0f} ms, expected {longest_ms:.0f} or less.")


def _letters(text: str) -> int:
    """The letters and digits that take time to say. A run of one counts once: "Nooooo" is short, and so is 1000000.

    0 for "…" or an emoji, whose audio may rightly be silent.
    """
    return sum(1 for _ in itertools.groupby(character for character in text.lower() if character.isalnum()))


def _longest_ms(text: str) -> float:
    lower = sum((character.islower() and character <= _LAST_LATIN) or character.isspace() for character in text)
    return LONGEST_EXTRA_MS + lower * LONGEST_LETTER_MS + (len(text) - lower) * LONGEST_NAME_MS
