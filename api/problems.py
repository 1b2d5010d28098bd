"""Every error as `application/problem+json` (RFC 9457): the one place that knows what a fact means in HTTP."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import structlog
from litestar.exceptions import HTTPException
from litestar.plugins.problem_details import ProblemDetailsConfig, ProblemDetailsException, ProblemDetailsPlugin
from procrastinate.exceptions import ConnectorException
from psycopg.errors import LockNotAvailable

from shared.database import DATABASE_AWAY, is_away
from shared.errors import (
    DatabaseAway,
    DatabaseBusy,
    DeckBelongsToAnother,
    DeckNotFound,
    InvalidRequest,
    JobHasEnded,
    JobNotFound,
    JobNotRetryable,
    KeyReused,
    MemolistError,
    SchemaBehind,
    ServiceStopping,
    TooManyJobs,
)

_RETRY_AFTER_SECONDS = "5"
_STATUSES: dict[type[MemolistError], HTTPStatus] = {
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    DeckNotFound: HTTPStatus.NOT_FOUND,
    DeckBelongsToAnother: HTTPStatus.FORBIDDEN,
    JobNotFound: HTTPStatus.NOT_FOUND,
    JobHasEnded: HTTPStatus.CONFLICT,
    JobNotRetryable: HTTPStatus.CONFLICT,
    KeyReused: HTTPStatus.CONFLICT,
    TooManyJobs: HTTPStatus.TOO_MANY_REQUESTS,
    DatabaseAway: HTTPStatus.SERVICE_UNAVAILABLE,
    DatabaseBusy: HTTPStatus.SERVICE_UNAVAILABLE,
    SchemaBehind: HTTPStatus.SERVICE_UNAVAILABLE,
    ServiceStopping: HTTPStatus.SERVICE_UNAVAILABLE,
}
_TRY_AGAIN = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)
# Where Litestar only repeats the status.
_DETAILS = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address knows other methods: the header Allow names them.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large: 20 MiB is the most.",
}
_log = structlog.get_logger(__name__)


def problem_details() -> ProblemDetailsPlugin:
    """The plugin that answers every exception."""
    converters: dict[type[Exception], Callable[[Any], ProblemDetailsException]] = {
        MemolistError: _of_domain_error,
        HTTPException: _of_http_exception,
        Exception: _of_bug,
    }
    converters |= dict.fromkeys((*DATABASE_AWAY, ConnectorException), _of_database_error)
    return ProblemDetailsPlugin(ProblemDetailsConfig(exception_to_problem_detail_map=converters))


def problem_of(error: MemolistError | HTTPException) -> ProblemDetailsException:
    """What is answered where this was raised."""
    return _of_domain_error(error) if isinstance(error, MemolistError) else _of_http_exception(error)


def _of_domain_error(error: MemolistError) -> ProblemDetailsException:
    status = next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), None)
    if status is None:
        return _of_bug(error)
    headers = {"Retry-After": _RETRY_AFTER_SECONDS} if status in _TRY_AGAIN else None
    return _problem(status, str(error), headers, _phrase_errors(error))


def _of_http_exception(error: HTTPException) -> ProblemDetailsException:
    status = HTTPStatus(error.status_code)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not error.headers:
        return _of_bug(error)
    return _problem(status, _DETAILS.get(status) or error.detail or status.description, headers=error.headers)


def _of_database_error(error: Exception) -> ProblemDetailsException:
    # It wraps more than absences.
    if isinstance(error, ConnectorException) and not is_away(error.__cause__):
        return _of_bug(error)
    if isinstance(error.__cause__, LockNotAvailable):
        _log.warning("a request waited too long for a lock")
        return problem_of(DatabaseBusy())
    _log.warning("the database is away", reason=type(error.__cause__ or error).__name__)
    return problem_of(DatabaseAway())


def _of_bug(error: Exception) -> ProblemDetailsException:
    _log.error("a request failed by an error of ours", exc_info=error)
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "An error inside the service, which its log tells.")


def _problem(
    status: HTTPStatus, detail: str, headers: dict[str, str] | None = None, errors: list[dict[str, Any]] | None = None
) -> ProblemDetailsException:
    extra: dict[str, Any] = {"ok": False} | ({"errors": errors} if errors else {})
    return ProblemDetailsException(status_code=status, title=status.phrase, detail=detail, headers=headers, extra=extra)


def _phrase_errors(error: MemolistError) -> list[dict[str, Any]]:
    faults = error.errors if isinstance(error, InvalidRequest) else ()
    return [{"index": fault.index, "cardId": fault.card_id, "message": fault.message} for fault in faults]
