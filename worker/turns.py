"""Whose turn it is: users take turns, and each user's jobs take theirs within them. Pure."""

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

Waiter = TypeVar("Waiter")


@dataclass(frozen=True)
class Party:
    """On whose behalf a request is made."""

    user_id: str
    job_id: str


class Turns(Generic[Waiter]):
    """A queue that is fair to users first, then to jobs; within one job, first come, first served."""

    def __init__(self) -> None:
        # A dict keeps its order: the first user, and that user's first job, are next.
        self._users: dict[str, dict[str, deque[Waiter]]] = {}

    def __bool__(self) -> bool:
        return bool(self._users)

    def join(self, party: Party, waiter: Waiter) -> None:
        """Puts a waiter behind the others of its job."""
        self._users.setdefault(party.user_id, {}).setdefault(party.job_id, deque()).append(waiter)

    def next(self) -> Waiter:
        """Takes out whoever is next. Whoever had a turn goes to the end."""
        user_id, jobs = next(iter(self._users.items()))
        job_id, waiters = next(iter(jobs.items()))
        waiter = waiters.popleft()
        _move_to_end(jobs, job_id, keep=bool(waiters))
        _move_to_end(self._users, user_id, keep=bool(jobs))
        return waiter


def _move_to_end(line: dict[str, Waiter], name: str, keep: bool) -> None:
    member = line.pop(name)
    if keep:
        line[name] = member
