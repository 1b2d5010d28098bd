"""Where audio sounds and where it is silent, heard block by block: a long clip takes no more memory than a short one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from worker.sound import thresholds as at

Block = NDArray[np.int16]


@dataclass(frozen=True)
class Sound:
    """Lead, what sounds, tail. `spoken_ms` is what sounds without its longer pauses."""

    lead_ms: float = 0.0
    sounding_ms: float = 0.0
    tail_ms: float = 0.0
    longest_pause_ms: float = 0.0
    spoken_ms: float = 0.0


class Loudness:
    """Is told the samples in their order, mono, and says at the end what it heard."""

    def __init__(self, sample_rate: int) -> None:
        self._window = max(sample_rate * at.WINDOW_MS // 1000, 1)
        self._is_loud: list[NDArray[np.bool_]] = []

    def hear(self, block: Block) -> None:
        """The next samples. Each block but the last is best a whole number of windows."""
        whole = len(block) // self._window * self._window
        self._is_loud.append(_is_loud(block[:whole].reshape(-1, self._window)))
        if whole < len(block):
            self._is_loud.append(_is_loud(block[whole:].reshape(1, -1)))

    def heard(self) -> Sound:
        """What there was, to the nearest window."""
        is_loud = np.concatenate(self._is_loud) if self._is_loud else np.zeros(0, np.bool_)
        loud = np.flatnonzero(is_loud)
        if not len(loud):
            return Sound(lead_ms=len(is_loud) * at.WINDOW_MS)
        first, last = int(loud[0]), int(loud[-1])
        pauses_ms = (np.diff(loud) - 1) * at.WINDOW_MS
        sounding_ms = (last + 1 - first) * at.WINDOW_MS
        return Sound(
            lead_ms=first * at.WINDOW_MS,
            sounding_ms=sounding_ms,
            tail_ms=(len(is_loud) - 1 - last) * at.WINDOW_MS,
            longest_pause_ms=int(pauses_ms.max(initial=0)),
            spoken_ms=sounding_ms - int(pauses_ms[pauses_ms > at.COUNTED_PAUSE_MS].sum()),
        )


def _is_loud(windows: Block) -> NDArray[np.bool_]:
    # Not abs(): the lowest 16-bit sample has no positive twin.
    loud: NDArray[np.bool_] = (windows.max(axis=1) > at.SOUND_PEAK) | (windows.min(axis=1) < -at.SOUND_PEAK)
    return loud
