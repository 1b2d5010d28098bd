"""Puts what a run has done where it belongs, files and rows together: as long as the run holds its job, and the cards are its user's."""

import itertools
from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncSession

from shared.card_audio import CardSide, record_cards, record_clips, write_urls
from shared.decks import cards_of_others
from shared.job_clips import record_outcomes
from shared.job_lock import hold
from shared.runs import Run
from shared.storage import Storage
from shared.usage import Spent
from worker.unwritten import Unwritten

# Some dozens of copies take a fraction of a second, even where a disk is slow to flush.
_LINKS_PER_HOLD = 50


class MovedAway(Exception):
    """Sides of cards that are in another user's deck by now."""

    def __init__(self, sides: Collection[CardSide]) -> None:
        self.sides = sides


async def store(session: AsyncSession, storage: Storage, run: Run, new: Unwritten) -> Spent:
    """Returns what a dead run has spent on what was found. Raises `LostRun` or `MovedAway` before anything is touched."""
    until = await hold(session, run.job_id, run.token)
    others = await cards_of_others(session, run.user_id, {card_id for card_id, _ in new.sides})
    if others:
        raise MovedAway({side for side in new.sides if side[0] in others})
    await storage.remove(new.removed, until)
    await _link(session, storage, run, new)
    unrecorded = await record_clips(session, new.clips)
    await record_cards(session, run, new.changes)
    await write_urls(session, new.urls)
    paid_before = new.found & unrecorded
    await record_outcomes(session, run.job_id, new.outcomes_where(paid_before))
    return new.cost_of(paid_before)


async def _link(session: AsyncSession, storage: Storage, run: Run, new: Unwritten) -> None:
    links = iter(new.links.items())
    while some := dict(itertools.islice(links, _LINKS_PER_HOLD)):
        await storage.link(some, await hold(session, run.job_id, run.token))
