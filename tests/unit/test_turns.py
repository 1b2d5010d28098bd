"""Fairness: users first, then jobs, then who came first."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from worker.turns import Party, Turns

Waiter = tuple[str, str, int]
parties = st.builds(Party, st.sampled_from("ABCD"), st.sampled_from(["1", "2", "3"]))
crowds = st.lists(parties, max_size=40)


def queue_of(crowd: list[Party]) -> Turns[Waiter]:
    """Each waiter is its user, its job (a user's own: two users may both have a job 1 here) and its number."""
    turns: Turns[Waiter] = Turns()
    for number, party in enumerate(crowd):
        turns.join(party, (party.user_id, party.job_id, number))
    return turns


def served(turns: Turns[Waiter]) -> list[Waiter]:
    order = []
    while turns:
        order.append(turns.next())
    return order


def assert_in_rotation(names: list[str]) -> None:
    """Between two turns of one, all others who still wait have had one."""
    positions: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        positions.setdefault(name, []).append(position)
    for places in positions.values():
        for first, second in pairwise(places):
            still_waiting = set(names[second:])
            assert still_waiting <= set(names[first:second])


@given(crowds)
def test_everybody_is_served_exactly_once_and_then_nobody_waits(crowd: list[Party]) -> None:
    turns = queue_of(crowd)
    assert bool(turns) == bool(crowd)
    assert sorted(number for _, _, number in served(turns)) == list(range(len(crowd)))
    assert not turns


@given(crowds)
def test_every_user_gets_a_turn_before_any_gets_a_second(crowd: list[Party]) -> None:
    order = [user for user, _, _ in served(queue_of(crowd))]
    users = list(dict.fromkeys(party.user_id for party in crowd))
    assert order[: len(users)] == users
    assert_in_rotation(order)


@given(crowds)
def test_every_job_of_a_user_gets_a_turn_before_any_gets_a_second(crowd: list[Party]) -> None:
    order = served(queue_of(crowd))
    for user in {party.user_id for party in crowd}:
        assert_in_rotation([job for who, job, _ in order if who == user])


@given(crowds)
def test_within_a_job_who_came_first_is_first(crowd: list[Party]) -> None:
    order = served(queue_of(crowd))
    for party in set(crowd):
        numbers = [number for user, job, number in order if (user, job) == (party.user_id, party.job_id)]
        assert numbers == sorted(numbers)


@given(crowds, parties)
def test_a_newcomer_waits_for_one_turn_of_each_user_at_most(crowd: list[Party], newcomer: Party) -> None:
    turns = queue_of([party for party in crowd if party.user_id != newcomer.user_id])
    turns.join(newcomer, ("new", "", -1))
    assert [user for user, _, _ in served(turns)].index("new") <= len({party.user_id for party in crowd})


@given(st.lists(parties | st.none(), max_size=60))
def test_coming_and_going_mix_as_they_like(steps: list[Party | None]) -> None:
    turns: Turns[int] = Turns()
    waiting: set[int] = set()
    for number, party in enumerate(steps):
        if party:
            turns.join(party, number)
            waiting.add(number)
        elif waiting:
            waiting.remove(turns.next())
        assert bool(turns) == bool(waiting)


def test_who_had_a_turn_and_comes_back_is_behind_those_who_wait() -> None:
    turns = queue_of([Party("A", "1"), Party("A", "1"), Party("B", "1")])
    assert turns.next() == ("A", "1", 0)
    turns.join(Party("A", "2"), ("A", "2", 3))
    assert [turns.next() for _ in range(3)] == [("B", "1", 2), ("A", "1", 1), ("A", "2", 3)]
