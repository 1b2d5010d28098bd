"""Who may start a request, and when: on a real event loop, with a pace that the test sets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ShuttingDown
from worker.admission import Admission
from worker.doors import Doors
from worker.pacing import Pacer
from worker.turns import Party

LONG = 3_600.0
ANNA, BEN = Party("anna", had_a_turn=True), Party("ben", had_a_turn=True)


class FreePace(Pacer):
    """No pace."""

    def __init__(self) -> None:
        self.slots_taken = 0

    async def wait_for_slot(self) -> None:
        self.slots_taken += 1


class PaceByHand(FreePace):
    """A slot for each `give`."""

    def __init__(self) -> None:
        super().__init__()
        self._slots = asyncio.Semaphore(0)

    async def wait_for_slot(self) -> None:
        await self._slots.acquire()
        self.slots_taken += 1

    def give(self) -> None:
        self._slots.release()


class SleepingPace(FreePace):
    """A slot that is far away."""

    def __init__(self, doors: Doors) -> None:
        super().__init__()
        self._doors = doors

    async def wait_for_slot(self) -> None:
        await self._doors.sleep(LONG)


class BrokenPace(FreePace):
    """The database is away, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self._times = times

    async def wait_for_slot(self) -> None:
        self._times -= 1
        if self._times >= 0:
            raise ConnectionError("the database is away")


@dataclass
class Desk:
    """An admission that runs, what goes through it, and what went wrong on the event loop without anybody to tell."""

    doors: Doors
    admission: Admission
    running: "asyncio.Task[None]"
    started: list[str] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    faults: list[dict[str, Any]] = field(default_factory=list)

    async def request(self, party: Party, name: str = "", ticks: int = 0, until: asyncio.Event | None = None) -> str:
        async with self.admission.place(party):
            self.started.append(name)
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            try:
                for _ in range(ticks):
                    await asyncio.sleep(0)
                if until:
                    await until.wait()
            finally:
                self.in_flight -= 1
        return name

    async def fits_at_once(self, wanted: int) -> bool:
        """Whether so many requests can be in flight together."""
        together = asyncio.Barrier(wanted)

        async def one() -> None:
            async with self.admission.place(ANNA):
                await together.wait()

        try:
            async with asyncio.timeout(30):
                await asyncio.gather(*(one() for _ in range(wanted)))
        except TimeoutError:
            return False
        return True


@asynccontextmanager
async def open_desk(places: int, pace: Callable[[Doors], Pacer]) -> AsyncIterator[Desk]:
    doors = Doors()
    admission = Admission(pace(doors), doors, places)
    desk = Desk(doors, admission, asyncio.create_task(admission.run()))
    asyncio.get_running_loop().set_exception_handler(lambda _, context: desk.faults.append(context))
    yield desk
    doors.close()
    async with asyncio.timeout(30):
        await desk.running
    await settle()


async def settle() -> None:
    """Lets everything run that can."""
    for _ in range(30):
        await asyncio.sleep(0)


def free(_: Doors) -> Pacer:
    return FreePace()


@given(
    places=st.integers(1, 4),
    requests=st.lists(st.tuples(st.sampled_from([ANNA, BEN]), st.integers(0, 5)), max_size=25),
)
def test_no_more_are_in_flight_than_there_are_places_and_all_get_through(
    places: int, requests: list[tuple[Party, int]]
) -> None:
    async def run() -> None:
        async with open_desk(places, free) as desk, asyncio.timeout(30):
            await asyncio.gather(*(desk.request(party, ticks=ticks + 50) for party, ticks in requests))
            assert desk.most_in_flight == min(places, len(requests))

    asyncio.run(run())


async def test_users_are_served_in_turn() -> None:
    pace = PaceByHand()
    async with open_desk(1, lambda _: pace) as desk:
        tasks = [asyncio.create_task(desk.request(ANNA, f"anna {number}")) for number in range(3)]
        await settle()
        tasks += [asyncio.create_task(desk.request(BEN, f"ben {number}")) for number in range(2)]
        await settle()
        for _ in tasks:
            pace.give()
        async with asyncio.timeout(30):
            await asyncio.gather(*tasks)
        assert desk.started == ["anna 0", "ben 0", "anna 1", "ben 1", "anna 2"]


async def test_each_request_takes_one_slot() -> None:
    pace = PaceByHand()
    async with open_desk(8, lambda _: pace) as desk:
        tasks = [asyncio.create_task(desk.request(ANNA, str(number))) for number in range(5)]
        for number in range(5):
            await settle()
            assert len(desk.started) == number == pace.slots_taken
            pace.give()
        await asyncio.gather(*tasks)


async def test_no_slot_is_taken_while_nobody_waits_or_no_place_is_free() -> None:
    pace = FreePace()
    async with open_desk(1, lambda _: pace) as desk:
        await settle()
        assert pace.slots_taken == 0
        end = asyncio.Event()
        tasks = [asyncio.create_task(desk.request(ANNA, until=end)) for _ in range(2)]
        await settle()
        assert pace.slots_taken == 1
        end.set()
        await asyncio.gather(*tasks)


async def test_a_failing_request_frees_its_place() -> None:
    async with open_desk(1, free) as desk:
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                async with desk.admission.place(ANNA):
                    raise ZeroDivisionError
        assert await desk.fits_at_once(1)


# Cancelled


@pytest.mark.parametrize("ticks", range(12))
async def test_a_request_that_is_cancelled_at_any_moment_loses_no_place(ticks: int) -> None:
    """Also in the moment in which its turn has come and it does not know so yet."""
    async with open_desk(2, free) as desk:
        tasks = [asyncio.create_task(desk.request(ANNA, ticks=3)) for _ in range(2)]
        for _ in range(ticks):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert await desk.fits_at_once(2)
    assert desk.faults == []


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 12)), max_size=12))
def test_no_mix_of_cancelled_requests_loses_a_place(requests: list[tuple[int, int]]) -> None:
    async def cancel_after(task: "asyncio.Task[str]", ticks: int) -> None:
        for _ in range(ticks):
            await asyncio.sleep(0)
        task.cancel()

    async def run() -> None:
        async with open_desk(2, free) as desk:
            tasks = [(asyncio.create_task(desk.request(ANNA, ticks=length)), after) for length, after in requests]
            await asyncio.gather(*(cancel_after(task, after) for task, after in tasks))
            await asyncio.gather(*(task for task, _ in tasks), return_exceptions=True)
            assert await desk.fits_at_once(2)
        assert desk.faults == []

    asyncio.run(run())


async def test_the_slot_of_a_cancelled_request_goes_to_the_next() -> None:
    pace = PaceByHand()
    async with open_desk(1, lambda _: pace) as desk:
        gone = [asyncio.create_task(desk.request(ANNA, "gone")) for _ in range(5)]
        stays = asyncio.create_task(desk.request(ANNA, "stays"))
        await settle()
        for task in gone:
            task.cancel()
        pace.give()
        async with asyncio.timeout(30):
            assert await stays == "stays"


# Dismissed


async def test_who_is_dismissed_gets_no_place_any_more_and_what_is_in_flight_ends() -> None:
    gone = Party("anna")
    async with open_desk(1, free) as desk:
        end = asyncio.Event()
        in_flight = asyncio.create_task(desk.request(gone, "in flight", until=end))
        await settle()
        waiting = [asyncio.create_task(desk.request(party)) for party in (gone, gone, BEN)]
        await settle()
        desk.admission.dismiss(gone)
        with pytest.raises(ShuttingDown):
            await desk.request(gone, "late")
        end.set()
        async with asyncio.timeout(30):
            results = await asyncio.gather(in_flight, *waiting, return_exceptions=True)
        assert [type(result) for result in results] == [str, ShuttingDown, ShuttingDown, str]
        assert await desk.fits_at_once(1)
    assert desk.faults == []


@pytest.mark.parametrize("ticks", range(12))
async def test_dismissed_at_any_moment_it_loses_no_place(ticks: int) -> None:
    gone = Party("anna")
    async with open_desk(2, free) as desk:
        tasks = [asyncio.create_task(desk.request(gone, ticks=3)) for _ in range(4)]
        for _ in range(ticks):
            await asyncio.sleep(0)
        desk.admission.dismiss(gone)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(result) for result in results} <= {str, ShuttingDown}
        assert results.count("") == len(desk.started)
        assert await desk.fits_at_once(2)
    assert desk.faults == []


# The pace cannot be asked


async def test_an_error_of_the_pace_goes_to_one_request_and_its_place_is_free_again() -> None:
    async with open_desk(1, lambda _: BrokenPace(2)) as desk:
        tasks = [asyncio.create_task(desk.request(ANNA, str(number))) for number in range(4)]
        async with asyncio.timeout(30):
            results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [ConnectionError, ConnectionError, str, str]
        assert await desk.fits_at_once(1)
    assert desk.faults == []


# Shutting down


@pytest.mark.parametrize("cancelled", [False, True])
async def test_closing_turns_away_all_who_wait(cancelled: bool) -> None:
    async with open_desk(1, lambda doors: SleepingPace(doors)) as desk:
        tasks = [asyncio.create_task(desk.request(party)) for party in (ANNA, ANNA, BEN)]
        await settle()
        if cancelled:
            tasks.pop().cancel()
        desk.doors.close()
        async with asyncio.timeout(30):
            results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [ShuttingDown] * len(tasks)
    assert desk.faults == []


async def test_closing_lets_requests_in_flight_end_and_starts_no_more() -> None:
    async with open_desk(1, free) as desk:
        end = asyncio.Event()
        in_flight = asyncio.create_task(desk.request(ANNA, "in flight", until=end))
        await settle()
        waiting = asyncio.create_task(desk.request(ANNA, "waiting"))
        await settle()
        desk.doors.close()
        end.set()
        async with asyncio.timeout(30):
            results = await asyncio.gather(in_flight, waiting, return_exceptions=True)
        assert results[0] == "in flight"
        assert isinstance(results[1], ShuttingDown)
        with pytest.raises(ShuttingDown):
            await desk.request(ANNA, "late")
        assert desk.started == ["in flight"]


async def test_nothing_is_left_running_after_the_end() -> None:
    before = asyncio.all_tasks()  # a service that other tests use may have some, and end them
    async with open_desk(1, lambda doors: SleepingPace(doors)) as desk:
        waiting = asyncio.create_task(desk.request(ANNA))
        await settle()
        desk.doors.close()
        with pytest.raises(ShuttingDown):
            await waiting
    assert asyncio.all_tasks() <= before
