"""What speaks: text in, audio out. Nothing outside this package knows which engine it is."""

from dataclasses import dataclass
from typing import Protocol

from shared.clips import Voice
from shared.usage import NO_USAGE, Usage


@dataclass(frozen=True)
class Speech:
    """One spoken text: the audio's bytes as the engine gave them, the words it says it spoke, where it says so, and what it counted."""

    audio: bytes
    transcript: str | None = None
    usage: Usage = NO_USAGE


class Engine(Protocol):
    """Speaks one text at a time; any number of `speak` calls may be under way at once."""

    @property
    def upstream(self) -> str:
        """Names what is paced: all workers with the same upstream share one pace."""

    async def speak(self, text: str, voice: Voice) -> Speech:
        """The text as audio. Raises the errors of `worker.errors` that say whether trying again can help."""

    async def close(self) -> None:
        """Gives back what the engine holds. Nothing may be spoken afterwards."""
