"""The clips that this worker made lately: what is left to tell of each, where its run cannot tell it any more."""

from shared.card_audio import ClipFacts
from shared.plan import Clip

_MOST_REMEMBERED = 10_000


class MadeHere:
    """A run that cannot tell of its clips leaves their facts here, for the next job that finds them."""

    def __init__(self) -> None:
        # By the clips' keys: None where its run tells of it.
        self._untold: dict[str, ClipFacts | None] = {}

    def note(self, key: str, facts: ClipFacts | None) -> None:
        """A run has made a clip: facts are what others need to tell of it, None where the run itself does so."""
        self._untold[key] = facts
        if len(self._untold) > _MOST_REMEMBERED:
            del self._untold[next(iter(self._untold))]

    def untold(self, clip: Clip, found: ClipFacts) -> ClipFacts | None:
        """What to tell of a clip that was there before it was made; None where the run that made it does so."""
        facts = self._untold.get(clip.key, found)
        self.note(clip.key, None)
        return facts
