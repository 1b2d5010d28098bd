"""`python -m api`: serves the API until a signal."""

import gc

gc.disable()  # until all is loaded: nothing of it is garbage, and looking for some is a sixth of a start

import asyncio
import signal
import socket
import sys

import structlog
import uvicorn
from litestar.datastructures import State

from api.app import create_app
from api.request_log import RequestLog
from shared.database_faults import DatabaseUnreached
from shared.errors import MemolistError
from shared.logs import catch_in_loop
from shared.pooling import check_pooling
from shared.settings import ApiSettings, read_settings, stop

_DRAIN_SECONDS = 10
# Longer than nginx keeps a connection for the next request: one that we close meanwhile would cost it an answer.
_KEEP_ALIVE_SECONDS = 45
# A client that takes nothing for so long is cut off, and what was for it is forgotten.
_STUCK_CLIENT_MS = 20_000
_LOOK_AGAIN_SECONDS = 2
_log = structlog.get_logger("api")


def main() -> None:
    settings = read_settings(ApiSettings)
    # uvicorn stops politely and then sends itself the signal again: a polite stop is no error.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    app = create_app(settings)
    gc.freeze()
    gc.enable()
    try:
        is_looked_at = asyncio.run(_look_at_database(settings))
    except MemolistError as error:
        stop(str(error))
    config = uvicorn.Config(
        RequestLog(app),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    server = _Server(config, app.state, None if is_looked_at else settings)
    with _listen(settings.api_host, settings.api_port) as listener:
        server.run(sockets=[listener])
    if server.fault:
        stop(server.fault)


async def _look_at_database(settings: ApiSettings) -> bool:
    """Whether it was there to be looked at: without it the API serves all the same, and says so.

    Raises `PoolerMisfit` or `DatabaseUnreached` where it takes a person.
    """
    try:
        await check_pooling(settings)
    except DatabaseUnreached as error:
        if error.takes_a_person:
            raise
        _log.warning("the database cannot be reached; trying again", reason=error.reason)
        return False
    return True


class _Server(uvicorn.Server):
    """Sends watchers and dawdlers away before it waits for all to finish, and after it stopped taking connections."""

    def __init__(self, config: uvicorn.Config, state: State, still_to_look_at: ApiSettings | None) -> None:
        """`still_to_look_at`: where the database was away at the start. What is wrong with it ends the server as it would have then."""
        super().__init__(config)
        self._state = state
        self._still_to_look_at = still_to_look_at
        self._looking: asyncio.Task[None] | None = None
        self.fault: str | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        catch_in_loop(asyncio.get_running_loop())
        await super().startup(sockets)
        if self._still_to_look_at:
            self._looking = asyncio.create_task(self._look(self._still_to_look_at))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for held_open in (self._state.job_watch, self._state.incoming):
            asyncio.get_running_loop().call_soon(held_open.stop)
        await super().shutdown(sockets)

    async def _look(self, settings: ApiSettings) -> None:
        try:
            is_looked_at = False
            while not is_looked_at:
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
                is_looked_at = await _look_at_database(settings)
        except MemolistError as error:
            self.fault = str(error)
            self.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[4][:2], family=address[0])
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections inherit it
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STUCK_CLIENT_MS)
        return listener
    except OSError as error:
        stop(f"API_HOST, API_PORT: {host}:{port} cannot be used: {error.strerror or error}")


if __name__ == "__main__":
    main()
