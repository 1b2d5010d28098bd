"""The embedded Postgres as the official image sets one up: a user with a password, a database, and TCP at one address."""

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from scripts.embedded_postgres import EmbeddedPostgres, _binaries
from scripts.programs import Programs
from scripts.short_folder import ShortFolder
from tests.postgres import SETTINGS

BINARIES = _binaries()
_HBA = "local all all trust\nhost all all all scram-sha-256\n"


class ImagePostgres:
    """`environment` and `command` are those of its container."""

    def __init__(self, folder: Path, address: str, environment: dict[str, str], command: list[str]) -> None:
        program, *options = command
        assert program == "postgres"
        self._programs = Programs()
        self._data = folder / "data"
        self._user, self._database = environment["POSTGRES_USER"], environment["POSTGRES_DB"]
        self._password = environment["POSTGRES_PASSWORD"]
        given = dict(option.split("=", 1) for option in options if option != "-c")
        folder_of_sockets = ShortFolder(folder)
        self.sockets = str(folder_of_sockets.path)
        log = folder / "postgres.log"
        self._server = _Reachable(self._programs, self._data, folder_of_sockets, log, SETTINGS | given)
        self._server.address = address
        self.owner_url = urlunsplit(urlsplit(self._server.url)._replace(path=f"/{self._database}"))

    def start(self) -> None:
        self._server.start()
        (self._data / "pg_hba.conf").write_text(_HBA)
        user, database = sql.Identifier(self._user), sql.Identifier(self._database)
        with psycopg.connect(self._server.url, autocommit=True) as connection:
            connection.execute("SELECT pg_reload_conf()")
            password = sql.Literal(self._password)
            connection.execute(sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(user, password))
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, user))

    def stop(self) -> None:
        self._programs.stop()


class _Reachable(EmbeddedPostgres):
    address = ""

    def _options(self) -> list[str]:
        return [*super()._options(), f"--listen_addresses={self.address}"]
