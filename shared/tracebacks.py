"""What a log may hold of an exception: its kind and where it came from. Its words only where they cannot quote a card or a key."""

import traceback
from collections.abc import Iterator
from typing import Any

from psycopg import Error as PostgresError
from sqlalchemy.exc import DBAPIError

from shared.errors import MemolistError

_MOST_FRAMES = 40
# Python's own words about code. Others', such as ValueError's, quote what they were given: a text, as a rule.
_ABOUT_CODE = (AttributeError, ImportError, NameError, UnboundLocalError)

# Classes of Postgres' errors whose first line names connections, tables, constraints, resources: not data (22), nor what
# somebody's trigger says (P0).
_ABOUT_NAMES = frozenset("08 23 25 28 3D 3F 40 42 53 55 57 58".split())


def words_of(error: BaseException) -> str:
    """What an exception says, or nothing where that may quote."""
    match error:
        case MemolistError():
            return error.reason
        case PostgresError():
            return _of_postgres(error)
        case DBAPIError():
            return type(error.orig).__name__
        case OSError() if error.strerror:
            return f"{error.strerror} ({error.filename})" if error.filename else error.strerror
        case _ if isinstance(error, _ABOUT_CODE):
            return str(error)
    return ""


def kind_and_words(error: BaseException) -> str:
    """One line, such as `OSError: No space left on device`."""
    words = words_of(error)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def describe(error: BaseException) -> list[dict[str, Any]]:
    """An exception and all that led to it, the last first, with the frames of each and no variable."""
    return [
        {"exc_type": type(link).__name__, "exc_value": words_of(link), "frames": _frames(link)}
        for link in _chain(error)
    ]


def as_text(links: list[dict[str, Any]]) -> str:
    """What `describe` found, for a terminal, in Python's own order: the last error last."""
    return "\nbecause of which\n".join(_link_as_text(**link) for link in reversed(links))


def _link_as_text(exc_type: str, exc_value: str, frames: list[dict[str, Any]]) -> str:
    lines = [f'  File "{frame["filename"]}", line {frame["lineno"]}, in {frame["name"]}' for frame in frames]
    return "\n".join(["Traceback (most recent call last):", *lines, f"{exc_type}: {exc_value}".rstrip(": ")])


def _frames(error: BaseException) -> list[dict[str, Any]]:
    frames = traceback.extract_tb(error.__traceback__, -_MOST_FRAMES)
    return [{"filename": it.filename, "lineno": it.lineno, "name": it.name} for it in frames]


def _chain(error: BaseException | None, seen: frozenset[int] = frozenset()) -> Iterator[BaseException]:
    if error is None or id(error) in seen:
        return
    yield error
    seen |= {id(error)}
    for inner in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from _chain(inner, seen)
    yield from _chain(error.__cause__ or (None if error.__suppress_context__ else error.__context__), seen)


def _of_postgres(error: PostgresError) -> str:
    """Where Postgres refuses a row its details show the row, and with it the phrases; some refusals quote in their first line."""
    if error.sqlstate is None:
        return str(error).partition("\n")[0]  # libpq's: of a connection, not of a row
    primary = error.diag.message_primary if error.sqlstate[:2] in _ABOUT_NAMES else None
    return f"{error.sqlstate} {primary or ''}".rstrip()
