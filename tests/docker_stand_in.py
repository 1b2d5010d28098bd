"""A `docker` that knows `docker compose -f compose.prod.yaml exec -T SERVICE COMMAND`: it runs that with the container's settings."""

import sys
from pathlib import Path

_PROGRAM = """#!{python}
import os, sys

environments = {environments!r}
compose, file, name, command, *arguments = sys.argv[1:]
assert (compose, file, name) == ("compose", "-f", "compose.prod.yaml")
if command == "exec":
    terminal, service, *said = arguments
    assert terminal == "-T"
    os.execvpe(said[0], said, environments[service])
assert command == "ps"
"""


def install_docker(folder: Path, environments: dict[str, dict[str, str]]) -> Path:
    """Writes it, and returns the folder to put into `PATH`."""
    programs = folder / "programs"
    programs.mkdir()
    docker = programs / "docker"
    docker.write_text(_PROGRAM.format(python=sys.executable, environments=environments))
    docker.chmod(0o755)
    return programs
