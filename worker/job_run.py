"""One attempt at one job: what is there is kept, what is stored is linked, and only what is missing is made."""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from shared.clips import Side, Voice
from shared.database import DATABASE_AWAY, Sessions
from shared.errors import LostRun, ShuttingDown, StorageFault
from shared.plan import Clip, clips_of
from shared.runs import Run
from shared.storage import Storage
from worker.clip_maker import ClipMaker
from worker.errors import ClipFailed, ClipRefused, UpstreamAway, UpstreamClosed
from worker.ledger import Ledger
from worker.made_here import MadeHere
from worker.survey import Survey, read_tables, survey
from worker.turns import Party

_CHECKPOINT_SECONDS = 1.0
_INTERNAL_ERROR = "An error inside the service, which its log tells: the job can be run again once it is mended."
_NOT_THE_JOBS_FAULT = (ShuttingDown, LostRun, *DATABASE_AWAY)
_log = structlog.get_logger(__name__)

# What is spoken once, and all the sides that want it.
Task = list[Clip]


@dataclass(frozen=True)
class Parts:
    """What all runs of a worker share. `hands` is how many clips one job may have in the making."""

    sessions: Sessions
    storage: Storage
    maker: ClipMaker
    voices: Mapping[Side, Voice]
    public_base_url: str
    hands: int
    outage_patience_seconds: float
    # Hands of runs that were cut off: a clip that is under way is paid for, and is finished and stored all the same.
    loose_hands: set[asyncio.Task[None]] = field(default_factory=set)
    made_here: MadeHere = field(default_factory=MadeHere)


class JobRun:
    """One attempt at one job."""

    def __init__(self, parts: Parts, run: Run) -> None:
        self._parts = parts
        self._run = run
        self._party = Party(run.user_id)
        self._clips: Sequence[Clip] = ()
        self._ledger = Ledger(parts.sessions, parts.storage, parts.public_base_url, run)
        self._fault: Exception | None = None
        self._closed: UpstreamClosed | None = None
        self._is_cut_off = False

    async def run(self) -> None:
        """Takes the job to its end, and says so."""
        # In a thread: the longest and worst texts would hold up the heartbeat.
        self._clips = await asyncio.to_thread(clips_of, self._run.phrases, self._parts.voices)
        _log.info("a job begins", phrases=len(self._run.phrases))
        try:
            await self._make(self._take_stock(await self._survey()))
            return await self.end()
        except UpstreamAway as away:
            await self._wait_for(away)
        except _NOT_THE_JOBS_FAULT:
            raise
        except StorageFault as fault:
            _log.error("the audio storage does not obey; the job fails", reason=fault.reason)
            self._ledger.give_up(self._clips, str(fault), type(fault))
        except Exception as error:
            _log.exception("a job failed by an error of ours")
            self._ledger.give_up(self._clips, _INTERNAL_ERROR, type(error))
        await self.end()

    async def end(self) -> None:
        """Writes all that is made, and the job's end."""
        await self._ledger.finish()
        _log.info("a job ended", **self._ledger.totals())

    def hand_over(self) -> None:
        """To be called at last: whatever it could not write of its clips, the next run that finds them can."""
        for key, facts in self._ledger.unwritten_clips().items():
            self._parts.made_here.note(key, facts)

    async def _wait_for(self, away: UpstreamAway) -> None:
        """Sends the job back to the queue, as long as there is patience; then fails what is missing."""
        waiting = await self._ledger.wait(f"Waiting for the upstream, which serves nobody just now: {away}")
        patience_left_seconds = self._parts.outage_patience_seconds - waiting.seconds
        if patience_left_seconds > 0:
            away.times = waiting.times
            away.retry_after_seconds = min(away.retry_after_seconds, patience_left_seconds)
            raise away
        reason = f"The upstream served nobody for {waiting.seconds:,.0f} s: {away}"
        self._ledger.fail_rest(self._clips, reason, UpstreamAway)

    async def _survey(self) -> Survey:
        parts = self._parts
        tables = await read_tables(parts.sessions, self._run, self._clips)
        self._ledger.note_now(tables.now)  # first: it counts where the storage fails, too
        return await survey(tables, parts.storage, parts.maker, self._run, self._clips)

    def _take_stock(self, found: Survey) -> list[Task]:
        """Enters what need not be made, and returns what must: identical texts once."""
        missing: dict[str, Task] = {}
        for clip, verdict in found.verdicts:
            match verdict:
                case "blank":
                    self._ledger.skip(clip)
                case "moved" | "superseded":
                    self._ledger.leave(clip, verdict)
                case "kept":
                    self._ledger.keep(clip)
                case "wanted" if facts := found.stored.get(clip.key):
                    if clip.key in found.unrecorded:
                        self._ledger.record_found(clip, self._parts.made_here.untold(clip, facts) or facts)
                    self._ledger.link(clip, facts)
                case "wanted":
                    missing.setdefault(clip.key, []).append(clip)
        return list(missing.values())

    async def _make(self, missing: Sequence[Task]) -> None:
        if missing:
            await self._parts.storage.check()
            # What an earlier run made and could not tell is told first: this one may die as early, and that would look like
            # two deaths with no clip in between.
            await self._ledger.checkpoint()
        tasks = iter(missing)
        hands = {asyncio.create_task(self._hand(tasks)) for _ in range(min(self._parts.hands, len(missing)))}
        try:
            await self._checkpoint_until_done(hands)
        except asyncio.CancelledError:
            self._cut_off(hands)
            raise
        if self._fault:
            raise self._fault

    def _cut_off(self, hands: Collection[asyncio.Task[None]]) -> None:
        self._is_cut_off = True
        self._fault = ShuttingDown()
        self._parts.maker.dismiss(self._party)
        for hand in hands:
            self._parts.loose_hands.add(hand)
            hand.add_done_callback(self._parts.loose_hands.discard)

    async def _checkpoint_until_done(self, hands: set[asyncio.Task[None]]) -> None:
        while hands:
            _, hands = await asyncio.wait(hands, timeout=_CHECKPOINT_SECONDS)
            if not self._fault or isinstance(self._fault, ShuttingDown):
                await self._checkpoint()

    async def _checkpoint(self) -> None:
        try:
            await self._ledger.checkpoint()
        except Exception as fault:
            self._fault = fault

    async def _hand(self, tasks: Iterator[Task]) -> None:
        """Makes one clip after the other. Whatever goes wrong, a clip that is under way is finished: it is paid for."""
        for task in tasks:
            if self._fault:
                return
            try:
                await self._make_one(task)
            except (ClipFailed, ClipRefused) as error:
                _log.warning("a clip failed", files=[clip.file_name for clip in task], reason=error.reason)
                self._fail(task, error)
            except UpstreamClosed as error:
                if not self._closed:
                    _log.error("the upstream serves nothing to us", reason=error.reason)
                self._closed = error
                self._fail(task, error)
            except Exception as fault:
                self._fault = self._fault or fault

    async def _make_one(self, task: Task) -> None:
        if self._closed:
            raise self._closed
        not_before = self._run.created_at if self._run.regenerate else None
        facts, made_now = await self._parts.maker.make(task[0], self._party, not_before, self._ledger.bill)
        if self._is_cut_off:
            return self._parts.made_here.note(task[0].key, facts) if made_now else None
        if made_now:
            self._parts.made_here.note(task[0].key, None)
            self._ledger.record_made(task[0], facts)
        elif untold := self._parts.made_here.untold(task[0], facts):
            self._ledger.record_found(task[0], untold)
        for clip in task:
            self._ledger.link(clip, facts, made=made_now and clip is task[0])

    def _fail(self, task: Task, error: Exception) -> None:
        for clip in task:
            self._ledger.fail(clip, str(error), type(error))
