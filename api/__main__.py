"""`python -m api`: serves the API until a signal."""

import gc

gc.disable()  # until all is loaded: nothing of it is garbage, and looking for some is a sixth of a start

import asyncio
import signal
import socket
import sys
from collections.abc import Callable

import psycopg
import uvicorn

from api.app import create_app
from api.request_log import RequestLog
from shared.errors import PoolerMisfit
from shared.logs import catch_in_loop
from shared.pooling import check_pooling
from shared.settings import ApiSettings, read_settings, stop

_DRAIN_SECONDS = 10
# Longer than nginx keeps a connection for the next request: one that we close meanwhile would cost it an answer.
_KEEP_ALIVE_SECONDS = 45
# A client that takes nothing for so long is cut off, and what was for it is forgotten.
_STUCK_CLIENT_MS = 20_000


def main() -> None:
    settings = read_settings(ApiSettings)
    # uvicorn stops politely and then sends itself the signal again: a polite stop is no error.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    app = create_app(settings)
    gc.freeze()
    gc.enable()
    asyncio.run(_check_pooling(settings))
    config = uvicorn.Config(
        RequestLog(app),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    with _listen(settings.api_host, settings.api_port) as listener:
        _Server(config, app.state.job_watch.stop).run(sockets=[listener])


async def _check_pooling(settings: ApiSettings) -> None:
    try:
        await check_pooling(settings)
    except PoolerMisfit as misfit:
        stop(str(misfit))
    except psycopg.OperationalError:
        pass  # the database is away: the API serves all the same, and says so


class _Server(uvicorn.Server):
    """Sends the watchers away before it waits for all to finish, and after it stopped taking connections."""

    def __init__(self, config: uvicorn.Config, send_watchers_away: Callable[[], None]) -> None:
        super().__init__(config)
        self._send_watchers_away = send_watchers_away

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        catch_in_loop(asyncio.get_running_loop())
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_soon(self._send_watchers_away)
        await super().shutdown(sockets)


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
