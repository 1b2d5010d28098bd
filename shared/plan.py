"""Which clips a job wants: phrases in, clips out. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.clips import SIDES, Side, Voice, clip_key, file_name, normalise, text_hash
from shared.jobs import Phrase


@dataclass(frozen=True)
class Clip:
    """One side of one phrase. `text` is normalised: what is spoken is what is keyed."""

    index: int
    card_id: str
    side: Side
    text: str
    text_hash: str
    key: str
    voice: Voice

    @property
    def file_name(self) -> str:
        return file_name(self.card_id, self.side)


def clips_of(phrases: Iterable[Phrase], voices: Mapping[Side, Voice]) -> list[Clip]:
    """One clip for each side, in the order of the phrases. One with nothing to say has an empty text."""
    return [_clip(index, phrase, voices[side]) for index, phrase in enumerate(phrases) for side in SIDES]


def _clip(index: int, phrase: Phrase, voice: Voice) -> Clip:
    side = voice.language
    text = normalise(phrase["textEn" if side == "en" else "textFr"])
    return Clip(index, phrase["cardId"], side, text, text_hash(text, side), clip_key(text, voice), voice)
