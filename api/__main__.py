"""`python -m api`: serves the API until a signal."""

import signal
import socket
import sys

import uvicorn

from api.app import create_app
from shared.settings import ApiSettings, read_settings, stop

_DRAIN_SECONDS = 10


def main() -> None:
    settings = read_settings(ApiSettings)
    # uvicorn stops politely and then sends itself the signal again: a polite stop is no error.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    config = uvicorn.Config(
        create_app(settings),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    with _listen(settings.api_host, settings.api_port) as listener:
        uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[4][:2], family=address[0])
    except OSError as error:
        stop(f"API_HOST, API_PORT: {host}:{port} cannot be used: {error.strerror or error}")


if __name__ == "__main__":
    main()
