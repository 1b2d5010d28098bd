"""Lets requests start: as many at once as `TTS_MAX_IN_FLIGHT` says, at the upstream's pace, everybody in turn.

Whose turn it is gets decided last, when a place is free and its slot has come: a newcomer waits for one slot, not behind all
who came before.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from shared.errors import ShuttingDown
from worker.doors import Doors
from worker.metrics import PACE_WAIT
from worker.pacing import Pacer
from worker.turns import Party, Turns

Turn = asyncio.Future[None]


class Admission:
    """The way in to the upstream, for one worker. Somebody has to keep `run` running."""

    def __init__(self, pacer: Pacer, doors: Doors, max_in_flight: int) -> None:
        self._pacer = pacer
        self._doors = doors
        self._free_places = asyncio.Semaphore(max_in_flight)
        self._turns: Turns[Turn] = Turns()
        self._somebody_waits = asyncio.Event()

    @asynccontextmanager
    async def place(self, party: Party) -> AsyncIterator[None]:
        """A place in flight, for one request. Raises `ShuttingDown` when this worker starts no more of them, or none for this party."""
        self._doors.check()
        _check_is_welcome(party)
        turn: Turn = asyncio.get_running_loop().create_future()
        self._turns.join(party, turn)
        self._somebody_waits.set()
        try:
            await turn
            _check_is_welcome(party)  # it may have been dismissed in the moment in which its turn came
            yield
        finally:
            # Also where the caller was cancelled in the moment in which its turn came.
            if _was_granted(turn):
                self._free_places.release()

    def dismiss(self, party: Party) -> None:
        """Turns away all that wait for a party, and all that would come: what has its place goes on."""
        party.is_dismissed = True
        for turn in self._turns.remove(party):
            _answer(turn, ShuttingDown())

    def turn_away(self, new_error: Callable[[], Exception]) -> None:
        """Tells all that stand in line why there is no place for them, each in an error of its own."""
        while self._turns:
            _answer(self._turns.next(), new_error())

    async def run(self) -> None:
        """Admits requests until the doors close, then turns away all that still wait."""
        admitting = asyncio.create_task(self._admit_forever())
        await self._doors.wait_until_closed()
        admitting.cancel()
        self.turn_away(ShuttingDown)
        await asyncio.wait([admitting])
        await self._pacer.close()

    async def _admit_forever(self) -> None:
        while True:
            await self._free_places.acquire()
            while not self._turns:
                self._somebody_waits.clear()
                await self._somebody_waits.wait()
            if not await self._admit_next():
                self._free_places.release()

    async def _admit_next(self) -> bool:
        """Whether somebody took the place."""
        try:
            with PACE_WAIT.time():
                await self._pacer.wait_for_slot()
        except Exception as error:  # whatever it is, it belongs to the request that it keeps from starting
            self._answer_next(error)
            return False
        return self._answer_next()

    def _answer_next(self, error: Exception | None = None) -> bool:
        while self._turns:
            if _answer(self._turns.next(), error):
                return True
        return False


def _answer(turn: Turn, error: Exception | None = None) -> bool:
    if turn.done():  # its job was cancelled while it waited
        return False
    if error:
        turn.set_exception(error)
    else:
        turn.set_result(None)
    return True


def _check_is_welcome(party: Party) -> None:
    if party.is_dismissed:
        raise ShuttingDown


def _was_granted(turn: Turn) -> bool:
    return turn.done() and not turn.cancelled() and turn.exception() is None
