"""What a job finds before it makes anything: sides that say the right words already, and clips that are in the storage.

The tables say what to look for; only the storage says that it is there.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.card_audio import CardSide, ClipFacts, read_cards, read_clips
from shared.database import Sessions
from shared.decks import cards_of_others
from shared.models import CardAudio
from shared.plan import Clip
from shared.reservation import reserve
from shared.runs import Run
from shared.storage import Storage
from worker.clip_maker import ClipMaker

Verdict = Literal["blank", "moved", "superseded", "kept", "wanted"]


@dataclass(frozen=True)
class Survey:
    """What there is to do with each clip of a job.

    `verdicts` has one word for each clip; `stored` the clips, by key, that are wanted and need not be made, `unrecorded` those
    of them that no table knows.
    """

    verdicts: Sequence[tuple[Clip, Verdict]]
    stored: Mapping[str, ClipFacts]
    unrecorded: Collection[str]


@dataclass(frozen=True)
class Tables:
    """What the tables say: `now` what the cards have, `recorded` the clips, by key, `moved` the cards that are another user's."""

    now: Mapping[CardSide, CardAudio]
    recorded: Mapping[str, ClipFacts]
    moved: Collection[str]


async def read_tables(sessions: Sessions, run: Run, clips: Sequence[Clip]) -> Tables:
    """All that is known of these clips and their cards. What the job may use of it is kept from the sweep from now on."""
    cards, keys = {clip.card_id for clip in clips}, {clip.key for clip in clips}
    async with sessions.begin() as session:
        await reserve(session, keys, {clip.file_name for clip in clips})
        now = await read_cards(session, cards)
        recorded = await read_clips(session, keys)
        return Tables(now, recorded, await cards_of_others(session, run.user_id, cards))


async def survey(tables: Tables, storage: Storage, maker: ClipMaker, run: Run, clips: Sequence[Clip]) -> Survey:
    """Compares what a job wants with what is there."""
    now, recorded = tables.now, tables.recorded
    sizes = await storage.sizes([clip.file_name for clip in clips if (clip.card_id, clip.side) in now])
    verdicts: list[tuple[Clip, Verdict]] = [
        (
            clip,
            "moved" if clip.card_id in tables.moved else _verdict(run, clip, now.get((clip.card_id, clip.side)), sizes),
        )
        for clip in clips
    ]
    wanted = {clip.key: clip for clip, verdict in verdicts if verdict == "wanted"}
    stored = await _look_up(storage, maker, run, wanted, recorded)
    return Survey(verdicts, stored, {key for key in stored if stored[key] != recorded.get(key)})


def _verdict(run: Run, clip: Clip, now: CardAudio | None, sizes: Mapping[str, int]) -> Verdict:
    is_later = now is not None and now.job_seq > run.seq
    is_changed = now is None or now.text_hash != clip.text_hash
    if is_later and is_changed:
        return "superseded"
    if not clip.text:
        return "blank"
    if now is None or is_changed:
        return "wanted"
    # A job that makes anew takes for done only what it, or a later one, has put there.
    is_new_enough = not run.regenerate or is_later or now.job_id == run.job_id
    is_there = now.bytes is not None and sizes.get(clip.file_name) == now.bytes
    return "kept" if is_there and is_new_enough else "wanted"


async def _look_up(
    storage: Storage, maker: ClipMaker, run: Run, wanted: Mapping[str, Clip], recorded: Mapping[str, ClipFacts]
) -> dict[str, ClipFacts]:
    found: dict[str, ClipFacts] = {}
    for key, in_storage in (await storage.find_clips(wanted)).items():
        if run.regenerate and in_storage.made_at < run.created_at:
            continue
        facts = recorded.get(key)
        if facts is None or facts.bytes != in_storage.bytes:
            # A worker died between storing it and saying so, or the storage is older than the tables.
            facts = await maker.check_stored(wanted[key])
        if facts:
            found[key] = facts
    return found
