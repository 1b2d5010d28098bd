"""One log for our own lines and the libraries': readable in a terminal, JSON in production. Never a text, a token or a key."""

import logging
import logging.config
import sys
from typing import Any

import structlog
from psycopg import Error as PostgresError
from sqlalchemy.exc import DBAPIError
from structlog.typing import EventDict

from shared.setting_sources import LogSettings

# These tell their own story at every request or job; ours is shorter.
_QUIET = (
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "openai",
    "procrastinate",
    "sqlalchemy",
    "alembic",
    "asyncio",
    "websockets",
)
# The default tracebacks of structlog print local variables, and with them texts and keys.
_TRACEBACKS = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


def configure_logs(settings: LogSettings) -> None:
    """Sends everything to standard error in the format of `LOG_FORMAT`, from `LOG_LEVEL` up."""
    shared_processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_rows,
    ]
    json_lines = settings.log_format == "json"
    renderer: list[structlog.typing.Processor] = (
        [structlog.processors.ExceptionRenderer(_TRACEBACKS), structlog.processors.JSONRenderer()]
        if json_lines
        else [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared_processors,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared_processors, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _without_rows(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Where Postgres refuses a row it shows the row, and with it the phrases: the log gets only what the error is."""
    link = _exception(event.get("exc_info"))
    while link is not None:
        if isinstance(link, PostgresError):
            link.args = (link.diag.message_primary,)
        elif isinstance(link, DBAPIError):
            link.args = (type(link.orig).__name__,)
        link = link.__cause__ or link.__context__
    return event


def _exception(exc_info: Any) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    exception = exc_info[1] if isinstance(exc_info, tuple) else sys.exc_info()[1] if exc_info else None
    return exception if isinstance(exception, BaseException) else None
