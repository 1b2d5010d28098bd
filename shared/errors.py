"""The facts that can go wrong, one class each. A class's docstring is its message; what each means in HTTP is in `api/problems.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import cleandoc


class MemolistError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None, reason: str | None = None) -> None:
        """`message` is for whom it concerns; `reason` for the log, where the message quotes what no log may hold."""
        super().__init__(message or cleandoc(self.__doc__ or ""))
        self.reason = reason or str(self)


@dataclass(frozen=True)
class PhraseError:
    """What is wrong with the phrase at `index` of a request; `card_id` is None where it could not be read."""

    index: int
    card_id: str | None
    message: str


class InvalidRequest(MemolistError):
    """The request is not valid."""

    def __init__(self, message: str, errors: Sequence[PhraseError] = ()) -> None:
        super().__init__(message)
        self.errors = tuple(errors)


class DeckNotFound(MemolistError):
    """There is no such deck."""


class DeckBelongsToAnother(MemolistError):
    """This deck belongs to another user: only its owner can generate audio for it."""


class JobNotFound(MemolistError):
    """There is no such job."""


class SchemaBehind(MemolistError):
    """DATABASE_URL: the database is not at this version's schema: run `just migrate`."""


class DatabaseAway(MemolistError):
    """The database cannot be reached just now. Try again in a few seconds, with the same Idempotency-Key."""


class DatabaseBusy(MemolistError):
    """What this request needs has been locked by somebody else for too long. Try again in a few seconds, with the same Idempotency-Key."""


class ServiceStopping(MemolistError):
    """The service starts anew before your request has come in. Try again in a few seconds, with the same Idempotency-Key."""


class PoolerMisfit(MemolistError):
    """The database cannot be reached through this pooler as it is set."""


class JobHasEnded(MemolistError):
    """The job has ended: there is nothing to cancel."""


class JobNotRetryable(MemolistError):
    """Only a job that failed or was cancelled can be run again."""


class KeyReused(MemolistError):
    """This Idempotency-Key came with another body before: send a new key with a new request."""


class TooManyJobs(MemolistError):
    """Too many jobs of yours are under way: try again when one has ended."""


class LostRun(MemolistError):
    """Another run took this job over: nothing more may be written by this one."""


class StorageFault(MemolistError):
    """The audio storage cannot be used."""


class ShuttingDown(MemolistError):
    """This worker is stopping: what is not done goes back to the queue."""
