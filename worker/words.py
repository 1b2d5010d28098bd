"""Does the audio say the card's words? Pure."""

from shared.clips import Side


def check_words(transcript: str, text: str, side: Side) -> None:
    """Accepts a transcript that says `text` in other letters at most. Raises `OtherWords`, which quotes what was said."""
