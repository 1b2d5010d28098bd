"""A real PgBouncer before a database of the tests. What it serves looks like the database itself, under another URL."""

import os
import pwd
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.service import free_port
from tests.system_parts import require_program

# No line here is for us: what it does not know it refuses, as it does by default.
_CONFIGURATION = """
[databases]
{database} = host={host} port={port} dbname={database} user={user}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {pool_size}
max_client_conn = 200
server_round_robin = {round_robin}
"""


@contextmanager
def running_pgbouncer(
    database_url: str, mode: str, pool_size: int = 40, round_robin: bool = False, port: int | None = None
) -> Iterator[str]:
    """The URL of the same database through a pooler of that mode, at any port unless one is named."""
    program = require_program("pgbouncer")
    parts = urlsplit(database_url)
    database, port = parts.path.removeprefix("/"), port or free_port()
    values = {
        "database": database,
        "host": parts.hostname or parse_qs(parts.query)["host"][0],
        "port": parts.port or 5432,
        "user": parts.username or "postgres",
        "listen_port": port,
        "mode": mode,
        "pool_size": pool_size,
        "round_robin": int(round_robin),
    }
    with tempfile.TemporaryDirectory() as name:
        configuration = Path(name) / "pgbouncer.ini"
        configuration.write_text(_CONFIGURATION.format_map(values))
        Path(name).chmod(0o755)
        process = subprocess.Popen([program, "--quiet", configuration], stdin=subprocess.DEVNULL, **_as_nobody())
        try:
            _wait_until_it_listens(process, port)
            yield f"postgresql://{values['user']}@127.0.0.1:{port}/{database}"
        finally:
            process.terminate()
            process.wait(timeout=30)


def _as_nobody() -> dict[str, Any]:
    """It refuses to run as root, as Postgres does; the socket is nobody's."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _wait_until_it_listens(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("pgbouncer did not start: it says why on stderr")
