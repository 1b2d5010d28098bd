"""One clip: asked for, checked, stored. Tries again where that may help, and lets no two jobs make it at once, in any worker."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from shared.card_audio import ClipFacts
from shared.keyed_lock import KeyedLock
from shared.plan import Clip
from shared.prices import cost_usd
from shared.rounds import Rounds
from shared.storage import Storage
from shared.usage import NO_USAGE, Usage
from worker import metrics
from worker.admission import Admission
from worker.audio import AcceptedAudio, accept
from worker.claims import Claims
from worker.doors import Doors
from worker.engines import Engine, Speech
from worker.errors import BadAudio, ClipFailed, RateLimited, Unspoken, UpstreamAway, UpstreamClosed
from worker.pacing import Pacer
from worker.turns import Party
from worker.upstream_watch import LONGEST_PAUSE_SECONDS, UpstreamWatch
from worker.words import check_words

# Told of an answer that is paid for and brings no clip: the characters asked for, and what the upstream counted.
Bill = Callable[[int, Usage], None]
_log = structlog.get_logger(__name__)
# Where the upstream asks to slow down and does not say for how long.
_HOLD_SECONDS = 1.0
# Some seconds of speech are heard within a millisecond or two: the way to a thread and back takes as much.
_HEARD_AT_ONCE_BYTES = 64 * 1024
_backoff = wait_random_exponential(multiplier=1, min=0.5, max=30)


class ClipMaker:
    """Turns clips into stored audio, for all jobs of one worker."""

    def __init__(
        self,
        engine: Engine,
        storage: Storage,
        claims: Claims,
        admission: Admission,
        pacer: Pacer,
        watch: UpstreamWatch,
        doors: Doors,
        max_attempts: int,
        price_per_million_chars: float,
    ) -> None:
        self._engine = engine
        self._storage = storage
        self._claims = claims
        self._admission = admission
        self._pacer = pacer
        self._watch = watch
        self._doors = doors
        self._max_attempts = max_attempts
        self._price_per_million_chars = price_per_million_chars
        self._makers = KeyedLock()
        self._inspections = Rounds(_inspect)

    async def make(self, clip: Clip, party: Party, not_before: datetime | None, bill: Bill) -> tuple[ClipFacts, bool]:
        """The clip in the storage, and whether it was made now rather than by another job a moment ago.

        `not_before` asks for audio that is no older. `bill` is told what answers cost that were not good; the facts tell what a
        good one did.
        Raises the errors of `worker.errors`, `ShuttingDown` and `StorageFault`.
        """
        async with self._makers.hold(clip.key), self._claims.claim(clip.key) as ask:
            is_ours = False
            while not is_ours:
                # Asked before it looks, whether it had to wait or not: since the job looked, another may have come and gone.
                is_ours = await ask()
                if found := await self._just_made(clip, not_before):
                    return found, False
            return await self._attempts(clip)(self._make_once, clip, party, bill, self._watch.begin()), True

    def dismiss(self, party: Party) -> None:
        """Asks for nothing more on behalf of a party; what is under way is paid for, and goes on."""
        self._admission.dismiss(party)

    async def check_stored(self, clip: Clip) -> ClipFacts | None:
        """What a clip in the storage is, when it is good audio of its text."""
        try:
            stored = Speech(await self._storage.read_clip(clip.key))
            return _facts(clip, await self._inspections.join((clip, stored)))
        except BadAudio as error:
            _log.warning("a stored clip is not good and is made again", key=clip.key, reason=error.reason)
            return None

    async def _just_made(self, clip: Clip, not_before: datetime | None) -> ClipFacts | None:
        stored = (await self._storage.find_clips([clip.key])).get(clip.key)
        if stored is None or (not_before and stored.made_at < not_before):
            return None
        return await self.check_stored(clip)

    async def _make_once(self, clip: Clip, party: Party, bill: Bill, began_at: float) -> ClipFacts:
        try:
            facts = await self._ask(clip, party, bill, began_at)
        except Unspoken as error:
            metrics.FAILED_TRIES.labels(clip.voice.engine, metrics.reason_of(type(error))).inc()
            await self._heed(error, clip.voice.engine)
            raise
        self._watch.served()
        return facts

    async def _heed(self, error: Unspoken, engine: str) -> None:
        """What a failure means for the requests to come. Raises `UpstreamAway` where it is not the clip's."""
        if isinstance(error, UpstreamClosed):
            self._watch.closed(error)
        try:
            if isinstance(error, ClipFailed):
                self._watch.failed(error)
        except UpstreamAway as away:
            if away.retry_after_seconds:  # before anything is waited for: the next in line would be let in meanwhile
                self._admission.turn_away(away.again)
            raise
        finally:
            if isinstance(error, RateLimited):
                await self._hold(error, engine)

    async def _hold(self, error: RateLimited, engine: str) -> None:
        # Nobody waits here for more in silence: that is an outage, and jobs have gone back to the queue.
        seconds = min(error.retry_after_seconds or _HOLD_SECONDS, LONGEST_PAUSE_SECONDS)
        metrics.count_slow_down(engine, seconds)
        await self._pacer.hold(seconds)

    async def _ask(self, clip: Clip, party: Party, bill: Bill, began_at: float) -> ClipFacts:
        self._watch.check_back(began_at)
        async with self._admission.place(party):
            self._watch.check_open(began_at)
            try:
                with metrics.upstream_request(clip.voice):
                    speech = await self._engine.speak(clip.text, clip.voice)
            except Unspoken as error:
                self._count(clip, 0, error.usage)
                bill(0, error.usage)
                raise
        self._count(clip, len(clip.text), speech.usage)
        try:
            return await self._keep(clip, speech)
        except Exception:
            bill(len(clip.text), speech.usage)
            raise

    async def _keep(self, clip: Clip, speech: Speech) -> ClipFacts:
        good = await self._hear(clip, speech)
        await self._storage.put_clip(clip.key, good.mp3)
        return _facts(clip, good, words_checked=speech.transcript is not None, usage=speech.usage)

    async def _hear(self, clip: Clip, speech: Speech) -> AcceptedAudio:
        if len(speech.audio) <= _HEARD_AT_ONCE_BYTES and speech.transcript is None:  # words may take long to compare
            return _accepted(clip, speech)
        return await self._inspections.join((clip, speech))

    def _count(self, clip: Clip, characters: int, usage: Usage) -> None:
        metrics.CHARACTERS.labels(clip.voice.engine).inc(characters)
        metrics.DOLLARS.labels(clip.voice.engine).inc(cost_usd(characters, usage, self._price_per_million_chars))

    def _attempts(self, clip: Clip) -> AsyncRetrying:
        return AsyncRetrying(
            retry=retry_if_exception_type(ClipFailed),
            stop=stop_after_attempt(self._max_attempts),
            wait=_backoff,
            before_sleep=partial(_tell, clip),
            sleep=self._doors.sleep,
            reraise=True,
        )


def _inspect(speeches: list[tuple[Clip, Speech]]) -> list[AcceptedAudio]:
    return [_accepted(clip, speech) for clip, speech in speeches]


def _accepted(clip: Clip, speech: Speech) -> AcceptedAudio:
    good = accept(speech.audio, clip.text, clip.voice.speed)
    if speech.transcript is not None:
        check_words(speech.transcript, clip.text, clip.side)
    return good


def _facts(clip: Clip, audio: AcceptedAudio, words_checked: bool = False, usage: Usage = NO_USAGE) -> ClipFacts:
    return ClipFacts(clip.key, len(clip.text), len(audio.mp3), audio.duration_ms, words_checked, usage)


def _tell(clip: Clip, state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    _log.info(
        "a clip is tried again",
        file=clip.file_name,
        key=clip.key,
        attempt=state.attempt_number,
        wait_seconds=round(state.upcoming_sleep, 1),
        reason=error.reason if isinstance(error, ClipFailed) else "",
    )
