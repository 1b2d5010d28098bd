"""Writes what a run has done: files, card URLs, costs and progress together, as the job's only writer."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from shared import runs
from shared.card_audio import CardChange, CardSide, ClipFacts
from shared.clips import SIDES, Side
from shared.database import Sessions
from shared.job_clips import ClipOutcome
from shared.job_lock import HOLD_SECONDS
from shared.models import CardAudio
from shared.plan import Clip
from shared.runs import Checkpoint, Run, Waiting
from shared.storage import Storage
from shared.to_its_end import to_its_end
from shared.usage import Spent, Usage
from worker.metrics import CLIPS, reason_of
from worker.progress import Progress
from worker.storing import Left, NotOurs, StillBelieved, announce, store
from worker.unwritten import Unwritten

_LEFT_ALONE: dict[Left, str] = {
    "moved": "the card is in another user's deck by now",
    "superseded": "superseded by a later job",
}
_log = structlog.get_logger(__name__)
Result = TypeVar("Result")


class Ledger:
    """Collects what one run does. Nothing is written, and no card's file replaced, before `checkpoint` or `finish`."""

    def __init__(self, sessions: Sessions, storage: Storage, public_base_url: str, run: Run) -> None:
        self._sessions = sessions
        self._storage = storage
        self._public_base_url = public_base_url
        self._run = run
        self._now: Mapping[CardSide, CardAudio] | None = None
        self._progress = Progress(run.phrases, run.listed_before)
        self._new = Unwritten()
        self._spent = run.spent_before

    def note_now(self, now: Mapping[CardSide, CardAudio]) -> None:
        """What the cards have. A side that says something else than this job wants loses it, if it gets no new audio."""
        self._now = now

    def bill(self, characters: int, usage: Usage) -> None:
        """An answer that was no good, and is paid for: so many characters, or what the upstream counted itself."""
        self._spent = self._spent.plus(Spent(0, characters, usage))

    def record_made(self, clip: Clip, facts: ClipFacts) -> None:
        """This run made a clip. It counts with what it cost, and not before: who finds it first counts it else."""
        self._new.clips[clip.key] = (clip.voice, facts)
        self._spent = self._spent.plus(Spent(1, facts.characters, facts.usage))

    def record_found(self, clip: Clip, facts: ClipFacts) -> None:
        """A clip was in the storage, and on no record: a run paid for it that was cut off before it could say so."""
        self._new.clips[clip.key] = (clip.voice, facts)
        self._new.found.add(clip.key)

    def link(self, clip: Clip, facts: ClipFacts, made: bool = False) -> None:
        """A side gets a clip, which was made for it or found."""
        CLIPS.labels(clip.voice.engine, "made" if made else "cached", "").inc()
        self._new.links[clip.file_name] = clip.key
        self._done(clip, CardChange(clip.card_id, clip.side, clip.text_hash, clip.key, facts.bytes), made)

    def keep(self, clip: Clip) -> None:
        """A side has the right audio already; from now on this job vouches for it."""
        CLIPS.labels(clip.voice.engine, "kept", "").inc()
        now = (self._now or {})[clip.card_id, clip.side]
        self._done(clip, CardChange(clip.card_id, clip.side, now.text_hash, now.clip_key, now.bytes))

    def skip(self, clip: Clip) -> None:
        """A side is blank."""
        CLIPS.labels(clip.voice.engine, "skipped", "").inc()
        self._progress.settle(clip.index, clip.side, None)
        self._note(ClipOutcome(clip.index, clip.side, "skipped"))
        self._silence(clip)

    def fail(self, clip: Clip, reason: str, kind: type[Exception]) -> None:
        """A side gets no audio, by an error of this kind. What says something else by now goes; the right words in an older voice stay."""
        CLIPS.labels(clip.voice.engine, "failed", reason_of(kind)).inc()
        self._lose(clip.index, clip.side, reason)
        if self._is_outdated(clip):
            self._silence(clip)
        elif self._is_new(clip):
            # Older jobs must see that this one has been there. Audio of before this service's time may be right: it stays.
            self._new.changes.append(_without_audio(clip))

    def leave(self, clip: Clip, why: Left) -> None:
        """A side is left as it is: it is not this job's to change."""
        CLIPS.labels(clip.voice.engine, why, "").inc()
        self._lose(clip.index, clip.side, _LEFT_ALONE[why])

    def give_up(self, clips: Sequence[Clip], reason: str, kind: type[Exception]) -> None:
        """Fails all that is not written yet, without touching a file. A card forgets audio that says something else by now."""
        lost = {
            (clip.card_id, clip.side): clip
            for clip in clips
            if clip.file_name in self._new.links or not self._progress.is_settled(clip.index, clip.side)
        }
        for clip in lost.values():
            CLIPS.labels(clip.voice.engine, "failed", reason_of(kind)).inc()
            self._lose(clip.index, clip.side, reason)
        forgotten = [side for side, clip in lost.items() if self._is_outdated(clip)]
        told = [_without_audio(clip) for side, clip in lost.items() if side in forgotten or self._is_new(clip)]
        left = self._new.without(lost)
        self._new = replace(
            left,
            links={},
            removed=[],
            changes=left.changes + told,
            urls=left.urls | dict.fromkeys(forgotten),
            found=set(),
        )

    def fail_rest(self, clips: Sequence[Clip], reason: str, kind: type[Exception]) -> None:
        """Fails what is neither done nor failed."""
        for clip in clips:
            if not self._progress.is_settled(clip.index, clip.side):
                self.fail(clip, reason, kind)

    def totals(self) -> dict[str, int]:
        """What has become of the clips, for the log."""
        return {
            "done": self._progress.done_count,
            "failed": self._progress.failed_count,
            "made": self._spent.clips_made,
            "characters_billed": self._spent.characters_billed,
        }

    def unwritten_clips(self) -> dict[str, ClipFacts]:
        """What this run knows of clips, by their keys, and nobody else does."""
        return {key: facts for key, (_, facts) in self._new.clips.items()}

    async def checkpoint(self) -> None:
        """Writes what is new, if anything is. Raises `LostRun` before anything is touched when another run has the job by now."""
        if self._new != Unwritten():
            await self._write(runs.checkpoint)

    async def wait(self, reason: str) -> Waiting:
        """Writes all that is new, and what the job waits for."""
        return await self._write(partial(runs.wait, reason=reason))

    async def finish(self) -> None:
        """Writes all that is new, and the job's end."""
        # Asked last: what is written may turn out not to be this job's to change.
        await self._write(
            lambda session, run, so_far: runs.finish(session, run, so_far, self._progress.error_message())
        )

    async def _write(self, say: Callable[[AsyncSession, Run, Checkpoint], Awaitable[Result]]) -> Result:
        while True:
            try:
                # A commit that is cut off may have been made: what it counted would be counted down again by the next.
                return await to_its_end(self._try_to_write(say), HOLD_SECONDS)
            except NotOurs as left:
                self._leave(left.sides, left.why)
            except StillBelieved as believed:
                self._new = self._new.replacing(believed.sides)
                await to_its_end(announce(self._sessions, self._run, believed.sides), HOLD_SECONDS)

    async def _try_to_write(self, say: Callable[[AsyncSession, Run, Checkpoint], Awaitable[Result]]) -> Result:
        # Clips come in while the disk and the database are at work: those are for the next time.
        new, self._new = self._new, Unwritten()
        so_far = Checkpoint(self._progress.processed_count, self._progress.result_urls(), self._spent)
        try:
            async with self._sessions.begin() as session:
                paid_before = await store(session, self._storage, self._run, new)
                result = await say(session, self._run, replace(so_far, spent=so_far.spent.plus(paid_before)))
        except BaseException:
            self._new = new.and_then(self._new)
            raise
        self._spent = self._spent.plus(paid_before)
        if new.links:
            _log.info("cards have their audio", files=list(new.links))
        return result

    def _done(self, clip: Clip, change: CardChange, made: bool = False) -> None:
        url = f"{self._public_base_url}/{clip.file_name}"
        self._progress.settle(clip.index, clip.side, url)
        self._note(ClipOutcome(clip.index, clip.side, "done", made, change.clip_key, url))
        self._new.changes.append(change)
        self._new.urls[clip.card_id, clip.side] = url

    def _lose(self, index: int, side: Side, reason: str) -> None:
        self._progress.fail(index, side, reason)
        self._note(ClipOutcome(index, side, "failed", error=reason))

    def _leave(self, sides: Collection[CardSide], why: Left) -> None:
        self._new = self._new.without(sides)
        for index, phrase in enumerate(self._run.phrases):
            for side in SIDES:
                if (phrase["cardId"], side) in sides:
                    self._lose(index, side, _LEFT_ALONE[why])

    def _note(self, outcome: ClipOutcome) -> None:
        self._new.outcomes[outcome.position, outcome.side] = outcome

    def _is_new(self, clip: Clip) -> bool:
        return self._now is not None and (clip.card_id, clip.side) not in self._now

    def _is_outdated(self, clip: Clip) -> bool:
        now = (self._now or {}).get((clip.card_id, clip.side))
        return now is not None and now.text_hash != clip.text_hash and now.job_seq <= self._run.seq

    def _silence(self, clip: Clip) -> None:
        self._new.changes.append(_without_audio(clip))
        self._new.urls[clip.card_id, clip.side] = None
        self._new.removed.append(clip.file_name)


def _without_audio(clip: Clip) -> CardChange:
    return CardChange(clip.card_id, clip.side, clip.text_hash)
