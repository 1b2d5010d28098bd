"""Puts what a run has done where it belongs, files and rows together: as long as the run holds its job, and the cards are its user's."""

import itertools
import time
from collections.abc import Collection
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from shared.card_audio import UNSURE, CardChange, CardSide, read_cards, record_cards, record_clips, write_urls
from shared.database import Sessions
from shared.decks import cards_of_others
from shared.job_clips import record_outcomes
from shared.job_lock import hold
from shared.runs import Run
from shared.storage import Storage
from shared.usage import Spent
from worker.unwritten import Unwritten

# A few files, and then as many as the storage puts in their places within some two seconds: slow disks need longer for a file.
_FIRST_IN_HOLD, _MOST_IN_HOLD, _SECONDS_IN_HOLD = 4, 50, 2.0

Left = Literal["moved", "superseded"]


class NotOurs(Exception):
    """Sides that are not this job's to change: their cards are in another user's deck by now, or a later job has been there."""

    def __init__(self, sides: Collection[CardSide], why: Left) -> None:
        self.sides = sides
        self.why = why


class StillBelieved(Exception):
    """Sides that are to say another text than their rows tell: that must be `announce`d before a file is touched."""

    def __init__(self, sides: Collection[CardSide]) -> None:
        self.sides = sides


async def store(session: AsyncSession, storage: Storage, run: Run, new: Unwritten) -> Spent:
    """Returns what a dead run has spent on what was found. Raises `LostRun`, `NotOurs` or `StillBelieved` before a file is touched."""
    await hold(session, run.job_id, run.token)
    others = await cards_of_others(session, run.user_id, {card_id for card_id, _ in new.sides})
    if others:
        raise NotOurs({side for side in new.sides if side[0] in others}, "moved")
    await _take_sides(session, run, new)
    if new.removed:
        await storage.remove(new.removed, await hold(session, run.job_id, run.token))
    await _link(session, storage, run, new)
    unrecorded = await record_clips(session, new.clips)
    await write_urls(session, new.urls)
    paid_before = new.found & unrecorded
    await record_outcomes(session, run.job_id, new.outcomes_where(paid_before))
    return new.cost_of(paid_before)


async def announce(sessions: Sessions, run: Run, sides: Collection[CardSide]) -> None:
    """Says for good that these sides' files are being replaced: no job believes them any more, whatever becomes of this one."""
    async with sessions.begin() as session:
        await hold(session, run.job_id, run.token)
        await record_cards(session, run, [CardChange(card_id, side, UNSURE) for card_id, side in sides])


async def _take_sides(session: AsyncSession, run: Run, new: Unwritten) -> None:
    """Writes the sides' rows, which other jobs wait for until the transaction ends: of two the later has the last word."""
    left = new.sides - await record_cards(session, run, new.changes)
    if not left:
        return
    now = await read_cards(session, {card_id for card_id, _ in left})
    superseded = {side for side in left if now[side].job_seq > run.seq}
    raise NotOurs(superseded, "superseded") if superseded else StillBelieved(left)


async def _link(session: AsyncSession, storage: Storage, run: Run, new: Unwritten) -> None:
    links, count = iter(new.links.items()), _FIRST_IN_HOLD
    while some := dict(itertools.islice(links, count)):
        until = await hold(session, run.job_id, run.token)
        began = time.monotonic()
        await storage.link(some, until)
        in_time = int(count * _SECONDS_IN_HOLD / (time.monotonic() - began))
        count = max(1, min(in_time, 4 * count, _MOST_IN_HOLD))
