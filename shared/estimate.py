"""What a job would make and cost, by what the tables say: nothing is queued, and no file is looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from shared.card_audio import CardSide, read_cards, read_clips
from shared.models import CardAudio
from shared.plan import Clip


@dataclass(frozen=True)
class Estimate:
    """`clips` that the job wants; `cached` of them are there already, or are the same as another; `characters` are to be bought."""

    clips: int
    cached: int
    characters: int

    def seconds(self, interval_ms: float, in_flight: int, seconds_per_clip: float) -> float:
        """About how long one worker takes, with nobody else waiting: the pace or the requests in flight are the limit."""
        if not self.to_make:
            return 0.0
        apart = max(interval_ms / 1000, seconds_per_clip / in_flight)
        return (self.to_make - 1) * apart + seconds_per_clip

    @property
    def to_make(self) -> int:
        return self.clips - self.cached


async def estimate(session: AsyncSession, clips: Sequence[Clip], regenerate: bool) -> Estimate:
    """What a job of these clips would come to if it ran now."""
    wanted = [clip for clip in clips if clip.text]
    missing = {clip.key: clip for clip in wanted}
    if not regenerate:
        now = await read_cards(session, {clip.card_id for clip in wanted})
        recorded = await read_clips(session, missing)
        missing = {clip.key: clip for clip in wanted if clip.key not in recorded and not _is_spoken(clip, now)}
    return Estimate(len(wanted), len(wanted) - len(missing), sum(len(clip.text) for clip in missing.values()))


def _is_spoken(clip: Clip, now: dict[CardSide, CardAudio]) -> bool:
    side = now.get((clip.card_id, clip.side))
    return side is not None and side.text_hash == clip.text_hash and side.bytes is not None
