"""Whose turn it is: users take turns, and each user's jobs take theirs within them. Pure.

A job's first turn comes sooner: every other turn is for a job that had none yet, the newest first. So a phrase that is posted
behind twenty full decks is spoken at once, and the turns in between go round as ever, however many come.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Waiter = TypeVar("Waiter")


@dataclass(eq=False)
class Party:
    """One run of a job, on whose behalf requests are made."""

    user_id: str
    had_a_turn: bool = False
    is_dismissed: bool = False


class Turns(Generic[Waiter]):
    """A queue that is fair to users first, then to jobs; within one job, first come, first served."""

    def __init__(self) -> None:
        # A dict keeps its order: the first user, and that user's first job, are next.
        self._users: dict[str, dict[Party, deque[Waiter]]] = {}
        # Some may have had their turn with their user's by now.
        self._newcomers: list[Party] = []
        self._is_newcomers_turn = True

    def __bool__(self) -> bool:
        return bool(self._users)

    def join(self, party: Party, waiter: Waiter) -> None:
        """Puts a waiter behind the others of its job."""
        jobs = self._users.setdefault(party.user_id, {})
        if party not in jobs and not party.had_a_turn:
            self._newcomers.append(party)
        jobs.setdefault(party, deque()).append(waiter)

    def next(self) -> Waiter:
        """Takes out whoever is next. Whoever had a turn goes to the end."""
        party = self._newcomer() if self._is_newcomers_turn else None
        self._is_newcomers_turn = party is None
        return self._take(party or self._first_in_line())

    def remove(self, party: Party) -> Iterable[Waiter]:
        """Takes out all who wait for a job."""
        jobs = self._users.get(party.user_id, {})
        waiters = jobs.pop(party, ())
        if not jobs:
            self._users.pop(party.user_id, None)
        party.had_a_turn = True  # it is no newcomer any more, either
        return waiters

    def _newcomer(self) -> Party | None:
        while self._newcomers:
            party = self._newcomers.pop()
            if not party.had_a_turn:
                return party
        return None

    def _first_in_line(self) -> Party:
        return next(iter(next(iter(self._users.values()))))

    def _take(self, party: Party) -> Waiter:
        jobs = self._users.pop(party.user_id)
        waiters = jobs.pop(party)
        waiter = waiters.popleft()
        if waiters:
            jobs[party] = waiters
        if jobs:
            self._users[party.user_id] = jobs
        party.had_a_turn = True
        return waiter
