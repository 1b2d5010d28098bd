"""A real Postgres for the tests, on the embedded server of `just demo`. Knows nothing of our tables."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from psycopg import sql

from scripts.embedded_postgres import EmbeddedPostgres
from scripts.programs import Programs
from scripts.short_folder import ShortFolder

# Nothing here must outlive the machine, so nothing waits for the disk.
SETTINGS = {"max_connections": "300", "fsync": "off", "full_page_writes": "off"}


class Postgres:
    """A running server, and the databases on it."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._server.start()

    def create_database(self, template: str = "template0") -> str:
        """The URL of a new database, a copy of the one that `template` (a name or a URL) stands for."""
        name = f"test_{uuid4().hex}"
        self._create(name, template)
        return urlunsplit(urlsplit(self._server.url)._replace(path=f"/{name}"))

    def drop_database(self, url: str) -> None:
        """Drops it under whoever is still connected."""
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(_database_name(url))))

    def renew_database(self, url: str, template: str) -> None:
        """Puts a new copy in its place, under whoever is still connected."""
        self.drop_database(url)
        self._create(_database_name(url), template)

    def stop(self) -> None:
        """Cuts every connection. All URLs stay good for the time after `start`."""
        self._server.stop()

    def start(self) -> None:
        """Undoes `stop`."""
        self._server.start()

    def restart(self) -> None:
        self.stop()
        self.start()

    @contextmanager
    def only_reading(self) -> Iterator[None]:
        """As a standby does before it is promoted, or a managed Postgres whose disk is full: no transaction may write."""
        self._only_read("on")
        try:
            yield
        finally:
            self._only_read("off")

    def _only_read(self, state: str) -> None:
        """Returns once that goes for every connection: each is told before the first new one is let in."""
        self._execute(sql.SQL("ALTER SYSTEM SET default_transaction_read_only = {}").format(sql.SQL(state)))
        self._execute(sql.SQL("SELECT pg_reload_conf()"))
        while self._execute(sql.SQL("SHOW default_transaction_read_only")) != [(state,)]:
            time.sleep(0.02)

    def _create(self, name: str, template: str) -> None:
        names = sql.Identifier(name), sql.Identifier(_database_name(template))
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))

    def _execute(self, statement: sql.SQL | sql.Composed) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._server.url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server of one's own, in a temporary folder, gone afterwards: also where the tests are killed."""
    programs = Programs()
    with tempfile.TemporaryDirectory(prefix="memolist-postgres-") as name:
        home = Path(name)
        try:
            yield Postgres(EmbeddedPostgres(programs, home / "data", ShortFolder(home), home / "log", SETTINGS))
        finally:
            programs.stop()


def _database_name(name_or_url: str) -> str:
    return urlsplit(name_or_url).path.removeprefix("/")
