"""The version that runs somewhere while this one is deployed, taken from git: the newest `v*` tag before this commit.

Until there is one: the commit before the newest migration, which is as far apart as two neighbours can be.
"""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.service import ROOT


def export_previous_release(folder: Path) -> str:
    """Unpacks it into `folder` and returns its commit, or skips the test that asks where there is no history."""
    commit = _previous_release()
    with tarfile.open(fileobj=io.BytesIO(_git("archive", "--format=tar", commit))) as archive:
        archive.extractall(folder, filter="data")
    return commit


def _previous_release() -> str:
    try:
        head = _text("rev-parse", "HEAD")
        for tag in _text("tag", "--list", "v*", "--merged", "HEAD", "--sort=-version:refname").split():
            if (commit := _text("rev-list", "-1", tag)) != head:
                return commit
        newest = _text("log", "-1", "--diff-filter=A", "--format=%H", "--", "migrations/versions")
        return _text("rev-parse", "--verify", f"{newest}^")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("there is no git history here that reaches back to the previous release")


def _text(*arguments: str) -> str:
    return _git(*arguments).decode().strip()


def _git(*arguments: str) -> bytes:
    # Whoever owns the checkout: in a container that is often somebody else.
    command = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout
