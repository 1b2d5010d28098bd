"""Every request, from outside of the framework: its id, its line in the log, its place in the metrics. Never its path or query."""

import re
import time
from http import HTTPStatus
from uuid import uuid4

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from api.metrics import REQUEST_SECONDS, REQUESTS

# What somebody's proxy or frontend writes for an id. Anything else could be a text, or a forged line.
_SANE_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_METHODS = frozenset("GET HEAD POST PUT PATCH DELETE OPTIONS".split())
_CLIENT_LEFT = 499  # nginx's word for it
_log = structlog.get_logger("api.request")


class RequestLog:
    """Wraps an ASGI application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            await self._answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        began_at, request_id, has_begun = time.perf_counter(), _request_id(scope), False

        async def answer(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
                _tell(scope, message["status"], time.perf_counter() - began_at)
            await send(message)

        with bound_contextvars(request_id=request_id.decode()):
            try:
                await self._app(scope, receive, answer)
            finally:
                if not has_begun:
                    _tell(scope, _CLIENT_LEFT, time.perf_counter() - began_at)


def _request_id(scope: HTTPScope) -> bytes:
    """The client's own, where there is one and it is sane."""
    told = [value for name, value in scope["headers"] if name == b"x-request-id"]
    return told[0] if len(told) == 1 and _SANE_ID.fullmatch(told[0]) else uuid4().hex.encode()


def _tell(scope: HTTPScope, status: int, seconds: float) -> None:
    status = int(status)  # not as an enum, which a log would show by its name
    route = scope.get("path_template") or "none"  # the way that was registered: there are as many as there are routes
    method = scope["method"] if scope["method"] in _METHODS else "other"
    REQUESTS.labels(route, method, status).inc()
    REQUEST_SECONDS.labels(route, method).observe(seconds)
    log = _log.debug
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log = _log.warning
    elif status >= HTTPStatus.BAD_REQUEST or method != "GET":  # frontends ask for a status every two seconds
        log = _log.info
    log("a request was answered", route=route, method=method, status=status, seconds=round(seconds, 4))
