"""What a worker tells on `WORKER_STATUS_PORT`: that it lives, and what it counts. A thread answers, even where the event loop stands."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from http import HTTPStatus
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog
from prometheus_client import make_wsgi_app

from shared.errors import MemolistError
from shared.settings import WorkerSettings
from worker.heartbeat import Heartbeat

_MOST_AT_ONCE = 32
_CLIENT_PATIENCE_SECONDS = 5
_LOOP_PATIENCE_SECONDS = 1
_log = structlog.get_logger(__name__)


class StatusPortUnusable(MemolistError):
    """WORKER_STATUS_PORT: cannot be used."""


def serve_status(settings: WorkerSettings, heartbeat: Heartbeat) -> None:
    """Answers from now until the process ends, where a port is set. Raises `StatusPortUnusable`."""
    if settings.worker_status_port is None:
        return
    loop = asyncio.get_running_loop()
    routes: dict[str, WSGIApplication] = {
        "/health": _health(heartbeat, lambda: _turns(loop)),
        "/metrics": make_wsgi_app(),
    }
    host, port = settings.worker_status_host, settings.worker_status_port
    try:
        server = _Server((host, port), _Handler)
    except OSError as error:
        reason = error.strerror or error
        raise StatusPortUnusable(
            f"WORKER_STATUS_HOST, WORKER_STATUS_PORT: {host}:{port} cannot be used: {reason}"
        ) from error
    server.set_app(_by_path(routes))
    threading.Thread(target=server.serve_forever, name="status", daemon=True).start()


def _by_path(routes: dict[str, WSGIApplication]) -> WSGIApplication:
    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        route = routes.get(environ["PATH_INFO"])
        if route is None:
            return _json(start_response, HTTPStatus.NOT_FOUND, ok=False)
        if environ["REQUEST_METHOD"] != "GET":
            return _json(start_response, HTTPStatus.METHOD_NOT_ALLOWED, ok=False)
        return route(environ, start_response)

    return answer


def _health(heartbeat: Heartbeat, loop_turns: Callable[[], bool]) -> WSGIApplication:
    def answer(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        age = round(heartbeat.age_seconds, 1)
        if heartbeat.is_fresh:
            return _json(start_response, HTTPStatus.OK, ok=True, heartbeatAgeSeconds=age)
        reason = heartbeat.last_failure or "no answer yet" if loop_turns() else "the event loop stands still"
        detail = f"Postgres has not heard from this worker for {age} s: {reason}"
        return _json(start_response, HTTPStatus.SERVICE_UNAVAILABLE, ok=False, heartbeatAgeSeconds=age, detail=detail)

    return answer


def _turns(loop: asyncio.AbstractEventLoop) -> bool:
    answered = threading.Event()
    loop.call_soon_threadsafe(answered.set)
    return answered.wait(_LOOP_PATIENCE_SECONDS)


def _json(start_response: StartResponse, status: HTTPStatus, **content: Any) -> list[bytes]:
    body = json.dumps(content).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]


class _Server(ThreadingMixIn, WSGIServer):
    """Whoever comes is heard: where there are many, the oldest is sent away. None keeps the process from ending."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[WSGIRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        # The oldest first, to be sent away: who asks in earnest asks at once, and is answered in milliseconds.
        self._clients: dict[socket.socket, None] = {}
        self._in_turn = threading.Lock()
        super().__init__(address, handler)

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's own asks the DNS for our name, and may wait for it
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._in_turn:
            self._clients[request] = None
            oldest = next(iter(self._clients)) if len(self._clients) > _MOST_AT_ONCE else None
            if oldest:
                del self._clients[oldest]
                with suppress(OSError):  # it has left
                    oldest.shutdown(socket.SHUT_RDWR)  # its thread wakes up, and ends
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        with self._in_turn:
            self._clients.pop(request, None)
        super().close_request(request)

    def handle_error(self, _request: Any, _client: Any) -> None:
        _log.debug("a client of the status port was given up", exc_info=True)


class _Handler(WSGIRequestHandler):
    timeout = _CLIENT_PATIENCE_SECONDS

    def log_message(self, *_: Any) -> None:
        """Whoever watches us asks every few seconds: nothing to tell."""
