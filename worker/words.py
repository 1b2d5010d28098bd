"""Does the audio say the card's words? Pure."""

from shared.clips import Side, normalise
from worker.errors import OtherWords
from worker.spoken.meeting import meet
from worker.spoken.readings import readings
from worker.spoken.spellings import without_accents

# Enough to see what the voice said, and one line.
_QUOTED_CHARACTERS = 200
# A digit takes up to some twenty letters to say. What is longer is not read at all: a model that does not stop costs no time here.
_LETTERS_PER_CHARACTER = 20


def check_words(transcript: str, text: str, side: Side) -> None:
    """Accepts a transcript that says `text` in other letters at most. Raises `OtherWords`, which quotes what was said."""
    if len(transcript) > _LETTERS_PER_CHARACTER * (len(text) + 10) or not _same_words(transcript, text, side):
        raise OtherWords(_quotable(transcript))


def _same_words(transcript: str, text: str, side: Side) -> bool:
    if meet(readings(text, side), readings(transcript, side)):
        return True
    if text.isupper() == transcript.isupper():
        return False
    return _same_in_capitals(*((transcript, text) if text.isupper() else (text, transcript)), side)


def _same_in_capitals(written: str, in_capitals: str, side: Side) -> bool:
    """ "ECOLE FERMEE" is how many write "École fermée"; capitals with accents mean theirs."""
    if without_accents(in_capitals) != in_capitals:
        return False
    return meet(readings(without_accents(written), side), readings(in_capitals, side))


def _quotable(transcript: str) -> str:
    line = "".join(character if character.isprintable() else " " for character in normalise(transcript[:10_000]))
    return line if len(line) <= _QUOTED_CHARACTERS else f"{line[: _QUOTED_CHARACTERS - 1]}…"
