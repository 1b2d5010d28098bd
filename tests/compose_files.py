"""The compose files as Compose itself understands them: the real program reads them, beside an `.env` made from the example."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.nginx_server import ROOT

DEVELOPMENT, PRODUCTION = "compose.yaml", "compose.prod.yaml"
PROGRAM = Path(sys.executable).with_name("docker-compose")


def read_compose(folder: Path, file: str, **settings: str) -> dict[str, Any]:
    """What `docker compose config` makes of a file in a checkout whose `.env` is the example with these settings."""
    shutil.copy(ROOT / file, folder)
    (folder / ".env").write_text(filled_in_example(settings))
    done = run_compose(folder, file, "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    config: dict[str, Any] = json.loads(done.stdout.replace("$$", "$"))  # it is written to be read again
    return config


def run_compose(folder: Path, file: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, "--file", file, *arguments], cwd=folder, env={"HOME": str(folder)}, capture_output=True, text=True
    )


def filled_in_example(settings: dict[str, str]) -> str:
    """`.env.example` with values, each written where the example has its name."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    for name, value in settings.items():
        before, line, after = re.split(rf"^((?:# )?{name}=.*)$", text, maxsplit=1, flags=re.MULTILINE)
        assert line.endswith("=") or line.startswith("#"), f"{name} has a value in .env.example"
        text = f"{before}{name}='{value}'{after}"
    return text
