"""A stand-in as a process: it prints its URL as the first line, and ends with SIGTERM, SIGINT or its stdin."""

import asyncio
import os
import signal
import stat
from typing import Any, Protocol


class StandIn(Protocol):
    """A small server, which listens while it is entered."""

    @property
    def url(self) -> str: ...

    async def __aenter__(self) -> Any: ...

    async def __aexit__(self, *_: object) -> None: ...


async def serve(server: StandIn) -> None:
    """Serves until told to stop."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    # Only a pipe ends with the parent: a terminal or /dev/null says nothing.
    if stat.S_ISFIFO(os.fstat(0).st_mode) or stat.S_ISSOCK(os.fstat(0).st_mode):
        loop.add_reader(0, _read_stdin, ended)
    async with server:
        print(server.url, flush=True)
        await ended.wait()


def _read_stdin(ended: asyncio.Event) -> None:
    if not os.read(0, 4096):
        ended.set()
