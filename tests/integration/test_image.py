"""What the Dockerfile promises, as far as it can be told without building it."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_everything_that_the_dockerfile_copies_is_let_through_and_no_settings_file_is() -> None:
    ignored, *let_through = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] != "#"]
    copied = re.findall(r"^COPY (?!--from)([^\s/]+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert ignored == "*"
    assert {f"!{folder}" for folder in copied} == {line for line in let_through if line.startswith("!")}


def test_what_runs_is_not_root_and_brings_no_compiler() -> None:
    *_, last = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    assert last.startswith("python:3.11.15-slim-")
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert not re.search(r"apt-get|pip |gcc|HEALTHCHECK|ARG|^ENV .*(KEY|SECRET|PASSWORD)", last, re.MULTILINE)
