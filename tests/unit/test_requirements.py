"""What every recipe does first."""

import os
import subprocess
import venv
from pathlib import Path

import pytest

from tests.service import ROOT


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be in another user's way")
def test_root_installs_nothing_into_the_environment_of_another_user(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", symlinks=True, with_pip=False)
    os.chown(tmp_path / "venv", 1234, 1234)
    command = [str(tmp_path / "venv" / "bin" / "python"), "-m", "scripts.requirements", "production"]

    done = subprocess.run(command, cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Cannot start: ")
    assert "belongs to user 1234" in done.stderr
    assert not (tmp_path / "venv" / ".requirements").exists()
