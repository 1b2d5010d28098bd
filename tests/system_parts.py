"""Programs that pip cannot install: a test that needs one is skipped without it, except in CI, where it must be there."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest


def require_program(name: str) -> str:
    """The path of a program, or the end of the test that asks."""
    path = shutil.which(
        name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    )
    if path is None:
        reason = f"{name} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}, and in CI no test may be skipped for that")
        pytest.skip(reason)
    return path


def require_loopback_network() -> None:
    """All of 127.0.0.0/8, as Linux has it, or the end of the test that asks."""
    try:
        socket.create_server(("127.1.2.3", 0)).close()
    except OSError:
        pytest.skip("this machine has no loopback address but 127.0.0.1")


def require_small_disk(folder: Path, size: str) -> None:
    """Mounts a disk of that size, or ends the test that asks: only root may, and not in every sandbox."""
    mount = require_program("mount")
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mounted = subprocess.run([mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
