"""One log for our own lines and the libraries': readable in a terminal, JSON in production. Never a text, a token or a key."""

import asyncio
import json
import logging
import logging.config
import sys
import threading
from collections.abc import Iterator
from typing import Any

import structlog
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr
from structlog.typing import EventDict

from shared.setting_sources import LogSettings
from shared.tracebacks import as_text, describe

# These tell their own story at every request or job; ours is shorter.
_QUIET = (
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "openai",
    "procrastinate",
    "psycopg",
    "sqlalchemy",
    "alembic",
    "asyncio",
    "websockets",
)
# A shorter "secret" is a word that somebody made up, and hiding it would spoil lines.
_SHORTEST_SECRET = 8
_log = structlog.get_logger(__name__)


def configure_logs(settings: LogSettings) -> None:
    """Sends everything to standard error in the format of `LOG_FORMAT`, from `LOG_LEVEL` up: what nobody caught, too."""
    shared_processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _describe_exception,
    ]
    renderer: list[structlog.typing.Processor] = (
        [structlog.processors.JSONRenderer()]
        if settings.log_format == "json"
        else [
            _exception_as_text,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared_processors,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *renderer,
                _Blackening(settings),
            ],
        )
    )
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared_processors, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    # Python's own tracebacks quote what an exception says.
    sys.excepthook = lambda _kind, error, _traceback: _log_uncaught(error)
    threading.excepthook = lambda found: _log_uncaught(found.exc_value)
    sys.unraisablehook = lambda found: _log_uncaught(found.exc_value)


def catch_in_loop(loop: asyncio.AbstractEventLoop) -> None:
    """From now on, what nobody waits for in this loop is logged as everything else; asyncio's own words quote it."""

    def tell(_: asyncio.AbstractEventLoop, found: dict[str, Any]) -> None:
        what = str(found.get("message", "")).partition(" callback ")[0]  # which it would show with its arguments
        _log_uncaught(found.get("exception"), what)

    loop.set_exception_handler(tell)


def _log_uncaught(error: BaseException | None, what: str = "") -> None:
    if isinstance(error, KeyboardInterrupt):
        return
    _log.error("an error that nobody caught", what=what, exc_info=error)


def _describe_exception(_logger: Any, _method: str, event: EventDict) -> EventDict:
    exc_info = event.pop("exc_info", None)
    if error := _exception(exc_info):
        event["exception"] = describe(error)
    return event


def _exception_as_text(_logger: Any, _method: str, event: EventDict) -> EventDict:
    if "exception" in event:
        event["exception"] = as_text(event["exception"])
    return event


def _exception(exc_info: Any) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    exception = exc_info[1] if isinstance(exc_info, tuple) else sys.exc_info()[1] if exc_info else None
    return exception if isinstance(exception, BaseException) else None


class _Blackening:
    """Takes the program's own secrets out of every finished line: nothing of ours writes them, a library might."""

    def __init__(self, settings: LogSettings) -> None:
        secrets = {secret for secret in _secrets(settings) if len(secret) >= _SHORTEST_SECRET}
        written = {form for secret in secrets for form in (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1])}
        self._secrets = sorted(written, key=len, reverse=True)  # one may be part of another

    def __call__(self, _logger: Any, _method: str, line: Any) -> str:
        text = str(line)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def _secrets(settings: LogSettings) -> Iterator[str]:
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
    for name in ("conninfo", "direct_conninfo"):
        if conninfo := getattr(settings, name, None):
            yield str(conninfo_to_dict(conninfo).get("password") or "")
