"""A stand-in for OpenAI's Realtime API, in the test's own loop or as a process, that fails on request.

`python -m tests.realtime_server --latency-ms 300` prints its URL as the first line and ends with SIGTERM or with its stdin.
"""

import sys
from itertools import count

from aiohttp import web

from tests.realtime_faults import ERRORS, Fault, Request
from tests.realtime_session import Session
from tests.realtime_speech import warm_up
from tests.stand_in import StandIn, options_of, serve

__all__ = ["Fault", "RealtimeServer", "Request"]


class RealtimeServer(StandIn[Fault, Request]):
    """`async with RealtimeServer() as server:` and point OPENAI_BASE_URL at `server.url`."""

    def __init__(
        self,
        *,
        latency_seconds: float = 0.0,
        api_key: str | None = None,
        session_seconds: float | None = None,
        session_responses: int | None = None,
        announces_expiry: bool = True,
        port: int = 0,
    ) -> None:
        super().__init__(Fault, latency_seconds, api_key, port)
        self.session_seconds = session_seconds
        self.session_responses = session_responses
        self.announces_expiry = announces_expiry
        self.sessions: dict[int, Session] = {}
        self.handshakes = 0
        self.peak_connections = 0
        self._numbers = count(1)

    def fault(self, place: str, text: str = "") -> Fault | None:
        """The fault that happens there now."""
        return next((fault for fault in self.faults if fault.take(place, text)), None)

    def cut_all(self) -> None:
        """Breaks every connection, as a server that dies does."""
        for session in self.sessions.values():
            session.cut()

    async def start(self) -> None:
        """Listens; after `stop` on the same port again."""
        warm_up()
        await super().start()

    async def stop(self) -> None:
        """From now on connections are refused; those that are open are cut."""
        self.cut_all()
        await super().stop()

    def routes(self) -> list[web.RouteDef]:
        """The one route."""
        return [web.get("/v1/realtime", self._connect)]

    async def _connect(self, http: web.Request) -> web.StreamResponse:
        self.handshakes += 1
        refusal = self._refusal(http)
        if refusal:
            return refusal
        number = next(self._numbers)
        session = Session(self, number, http)
        await session.socket.prepare(http)
        self.sessions[number] = session
        self.peak_connections = max(self.peak_connections, len(self.sessions))
        try:
            await session.run()
        except ConnectionError:
            pass  # the client has gone, or was cut off
        finally:
            del self.sessions[number]
        return session.socket

    def _refusal(self, http: web.Request) -> web.Response | None:
        key = http.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.api_key is not None and key != self.api_key:
            return _answer_of(Fault("invalid_api_key", message=f"Incorrect API key provided: {key}."))
        fault = self.fault("handshake")
        return _answer_of(fault) if fault else None


def _answer_of(fault: Fault) -> web.Response:
    headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
    return web.json_response({"error": fault.report}, status=ERRORS[fault.kind][0], headers=headers)


def main(arguments: list[str]) -> None:
    """Serves until told to stop."""
    parser = options_of(__doc__)
    parser.add_argument("--session-seconds", type=float)
    parser.add_argument("--session-responses", type=int)
    options = parser.parse_args(arguments)
    server = RealtimeServer(
        latency_seconds=options.latency_ms / 1000,
        api_key=options.api_key,
        session_seconds=options.session_seconds,
        session_responses=options.session_responses,
        port=options.port,
    )
    server.faults = [Fault(**fault) for fault in options.faults]
    serve(server)


if __name__ == "__main__":
    main(sys.argv[1:])
