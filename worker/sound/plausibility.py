"""Could this sound be that text? Compares what was heard with what the text takes to say, and knows nothing of bytes."""

import itertools
import re
from dataclasses import dataclass

from worker.errors import BadAudio
from worker.sound import thresholds as at
from worker.sound.loudness import Sound

_LAST_LATIN = "\u024f"
_UNSPOKEN = frozenset(""".,;:!?…'’"“”«»()-–—""")
# What a voice pauses at: anything but letters, digits, spaces, and the marks inside words.
_OUTER_MARKS = re.compile(r"^[\W_]+|[\W_]+$")
_MARKS = re.compile(r"(?:[^\w ’'-]|_)(?:[^\w’'-]|_)*")


@dataclass(frozen=True)
class Bounds:
    """What the audio of a text may be like. A `letters` of 0 stands for "…" or an emoji, whose audio may rightly be silent."""

    letters: int
    shortest_ms: float
    longest_ms: float
    longest_lead_ms: float
    longest_pause_ms: float
    longest_tail_ms: float

    @property
    def longest_clip_ms(self) -> float:
        """With the silence around the words: beyond it, nothing needs to be decoded."""
        return min(self.longest_lead_ms + self.longest_ms + self.longest_tail_ms, at.LONGEST_CLIP_MS)

    def check_length(self, ms: float) -> None:
        """Raises BadAudio where audio of this length, silence and all, cannot be the text."""
        if ms > self.longest_clip_ms:
            raise _too_long(ms, self.longest_clip_ms)

    def check_sound(self, sound: Sound) -> None:
        """Raises BadAudio where words must be missing, or more than these were said."""
        if sound.sounding_ms > self.longest_ms:
            raise _too_long(sound.sounding_ms, self.longest_ms)
        if not self.letters:
            return
        if not sound.sounding_ms:
            raise BadAudio("The audio is silent.")
        if sound.spoken_ms < self.shortest_ms:
            raise BadAudio(
                f"The audio is too short for its text: {sound.spoken_ms:.0f} ms, expected {self.shortest_ms:.0f} or more."
            )
        _check_silence("begins with", sound.lead_ms, self.longest_lead_ms)
        _check_silence("has a hole of", sound.longest_pause_ms, self.longest_pause_ms)
        _check_silence("ends with", sound.tail_ms, self.longest_tail_ms)


def bounds_of(text: str, speed: float) -> Bounds:
    """A speed only ever widens the bounds: some engines cannot go that far, and some models take no notice of it."""
    letters, slowness = _letters(text), 1 / min(speed, 1.0)
    return Bounds(
        letters=letters,
        shortest_ms=_shortest_ms(letters) / max(speed, 1.0),
        longest_ms=_longest_ms(text) * slowness,
        longest_lead_ms=at.LONGEST_LEAD_MS * slowness,
        longest_pause_ms=(at.LONGEST_PAUSE_MS + _marked_pause_ms(text)) * slowness,
        longest_tail_ms=at.LONGEST_TAIL_MS * slowness,
    )


def _check_silence(what: str, ms: float, longest_ms: float) -> None:
    if ms > longest_ms:
        raise BadAudio(f"The audio {what} silence: {ms:.0f} ms, expected {longest_ms:.0f} or less.")


def _too_long(ms: float, longest_ms: float) -> BadAudio:
    return BadAudio(f"The audio is too long for its text: {ms:.0f} ms, expected {longest_ms:.0f} or less.")


def _letters(text: str) -> int:
    """The letters and digits that take time to say. A run of one counts once: "Nooooo" is short, and so is 1000000."""
    return sum(1 for _ in itertools.groupby(character for character in text.lower() if character.isalnum()))


def _shortest_ms(letters: int) -> float:
    further = max(letters - at.WORD_LETTERS, 0)
    return (letters - further) * at.SHORTEST_LETTER_MS + further * at.SHORTEST_FURTHER_LETTER_MS


def _longest_ms(text: str) -> float:
    return at.LONGEST_EXTRA_MS + sum(_longest_character_ms(character) for character in text)


def _longest_character_ms(character: str) -> float:
    if character.isspace() or (character.islower() and character <= _LAST_LATIN):
        return at.LONGEST_LETTER_MS
    return at.LONGEST_MARK_MS if character in _UNSPOKEN else at.LONGEST_NAME_MS


def _marked_pause_ms(text: str) -> float:
    """What the longest run of marks between words adds to a pause: "…" are three, and a new line is one."""
    runs = _MARKS.findall(_OUTER_MARKS.sub("", text).replace("…", "..."))
    marks = max((len(run.replace(" ", "")) for run in runs), default=0)
    return min(marks * at.PAUSE_PER_MARK_MS, at.LONGEST_MARKED_PAUSE_MS)
