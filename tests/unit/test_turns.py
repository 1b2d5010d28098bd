"""Fairness: newcomers soon, users first, then jobs, then who came first."""

from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from worker.turns import Party, Turns


class Name(NamedTuple):
    """A job, by its user and its number: two users may both have a job 1."""

    user: str
    job: int


class Waiter(NamedTuple):
    name: Name
    number: int


names = st.builds(Name, st.sampled_from("ABCD"), st.sampled_from([1, 2, 3]))
crowds = st.lists(names, max_size=40)


class Queue:
    """The turns, with the jobs' parties kept for them."""

    def __init__(self, crowd: list[Name], *, had_a_turn: bool = False) -> None:
        self.turns: Turns[Waiter] = Turns()
        self._parties: dict[Name, Party] = {}
        self._had_a_turn = had_a_turn
        for number, name in enumerate(crowd):
            self.join(name, number)

    def join(self, name: Name, number: int, *, had_a_turn: bool | None = None) -> None:
        new = Party(name.user, self._had_a_turn if had_a_turn is None else had_a_turn)
        self.turns.join(self._parties.setdefault(name, new), Waiter(name, number))

    def remove(self, name: Name) -> list[Waiter]:
        return list(self.turns.remove(self._parties.get(name) or Party(name.user)))

    def served(self) -> list[Waiter]:
        order = []
        while self.turns:
            order.append(self.turns.next())
        return order


def assert_in_rotation(order: Sequence[Hashable]) -> None:
    """Between two turns of one, all others who still wait have had one."""
    positions: dict[Hashable, list[int]] = {}
    for position, name in enumerate(order):
        positions.setdefault(name, []).append(position)
    for places in positions.values():
        for first, second in pairwise(places):
            still_waiting = set(order[second:])
            assert still_waiting <= set(order[first:second])


@given(crowds)
def test_everybody_is_served_exactly_once_and_then_nobody_waits(crowd: list[Name]) -> None:
    queue = Queue(crowd)
    assert bool(queue.turns) == bool(crowd)
    assert sorted(waiter.number for waiter in queue.served()) == list(range(len(crowd)))
    assert not queue.turns


@given(crowds)
def test_every_user_gets_a_turn_before_any_gets_a_second(crowd: list[Name]) -> None:
    order = [waiter.name.user for waiter in Queue(crowd, had_a_turn=True).served()]
    users = list(dict.fromkeys(name.user for name in crowd))
    assert order[: len(users)] == users
    assert_in_rotation(order)


@given(crowds)
def test_every_job_of_a_user_gets_a_turn_before_any_gets_a_second(crowd: list[Name]) -> None:
    order = [waiter.name for waiter in Queue(crowd, had_a_turn=True).served()]
    for user in {name.user for name in crowd}:
        assert_in_rotation([name for name in order if name.user == user])


@given(crowds)
def test_within_a_job_who_came_first_is_first(crowd: list[Name]) -> None:
    order = Queue(crowd).served()
    for name in set(crowd):
        numbers = [waiter.number for waiter in order if waiter.name == name]
        assert numbers == sorted(numbers)


@given(crowds, st.integers(0, 40), names)
def test_the_newest_job_waits_for_one_turn_at_most(crowd: list[Name], turns_so_far: int, name: Name) -> None:
    """Whether those before it had their turns or not, and whoever they belong to."""
    queue = Queue(crowd)
    for _ in range(min(turns_so_far, len(crowd))):
        queue.turns.next()
    queue.join(newest := Name(name.user, 99), -1)
    assert [waiter.name for waiter in queue.served()].index(newest) <= 1


def test_a_stream_of_new_jobs_leaves_every_other_turn_to_the_round() -> None:
    queue = Queue([Name("A", 1)] * 20, had_a_turn=True)
    order = []
    for number in range(40):
        queue.join(Name("B", number), number, had_a_turn=False)
        order.append(queue.turns.next().name.user)
    assert "".join(order) == "BA" * 20


@given(st.lists(names | st.none(), max_size=60))
def test_coming_and_going_mix_as_they_like(steps: list[Name | None]) -> None:
    queue = Queue([])
    waiting: set[int] = set()
    for number, name in enumerate(steps):
        if name:
            queue.join(name, number)
            waiting.add(number)
        elif waiting:
            waiting.remove(queue.turns.next().number)
        assert bool(queue.turns) == bool(waiting)


def test_who_had_a_turn_and_comes_back_is_behind_those_who_wait() -> None:
    a, b = Name("A", 1), Name("B", 1)
    queue = Queue([a, a, b], had_a_turn=True)
    assert queue.turns.next() == (a, 0)
    queue.join(Name("A", 2), 3)
    assert queue.served() == [(b, 2), (a, 1), (Name("A", 2), 3)]


@given(crowds, names)
def test_who_is_taken_out_is_served_no_more_and_nobody_else_misses_a_turn(crowd: list[Name], gone: Name) -> None:
    queue = Queue(crowd)

    taken = queue.remove(gone)

    assert [waiter.number for waiter in taken] == [number for number, name in enumerate(crowd) if name == gone]
    others = [number for number, name in enumerate(crowd) if name != gone]
    assert sorted(waiter.number for waiter in queue.served()) == others
    assert not queue.turns
