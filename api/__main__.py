"""`python -m api`: serves the API until a signal."""

import signal
import sys

import uvicorn

from api.app import create_app
from shared.settings import ApiSettings, read_settings

_DRAIN_SECONDS = 10


def main() -> None:
    settings = read_settings(ApiSettings)
    # uvicorn stops politely and then sends itself the signal again: a polite stop is no error.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    uvicorn.run(
        create_app(settings),
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )


if __name__ == "__main__":
    main()
