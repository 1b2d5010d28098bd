"""What each engine is set to where nobody says otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from shared.clips import Side

EngineName = Literal["speech", "realtime", "espeak"]


@dataclass(frozen=True)
class EngineDefaults:
    """`is_online` engines are asked over the network, with a key and instructions. Prices are in dollars."""

    model: str
    voices: Mapping[Side, str]
    is_online: bool
    request_interval_ms: float
    price_per_million_chars: float
    # About how long a clip takes, for estimates: measured with a flashcard's text.
    seconds_per_clip: float


ENGINES: Mapping[EngineName, EngineDefaults] = {
    "speech": EngineDefaults("gpt-4o-mini-tts", {"en": "marin", "fr": "marin"}, True, 500, 15, 2.0),
    "realtime": EngineDefaults("gpt-realtime-2.1-mini", {"en": "marin", "fr": "marin"}, True, 500, 30, 2.5),
    "espeak": EngineDefaults("espeak-ng", {"en": "en-us", "fr": "fr"}, False, 0, 0, 0.03),
}
