"""`python -m scripts.audit`: asks OSV, the open database of vulnerabilities, about every version in our largest lock.

Exit code 1 where it knows one. Where it cannot be asked, offline say, that is said and is no fault.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
LARGEST_LOCK = ROOT / "requirements" / "dev.txt"
_PATIENCE_SECONDS = 180
_FOUND = 1
# How uv says that it reached nobody: OSV, or the registry that it reads the packages' own requirements from.
_UNREACHABLE = re.compile(r"error sending request|failed to fetch|client error|timed out|dns error", re.IGNORECASE)


def pins_of(lock: Path) -> list[str]:
    """`name==version`, with its marker: what a lock installs."""
    return re.findall(r"^([\w.\[\]-]+==[^\\\n]+?) *\\?$", lock.read_text(), re.MULTILINE)


def audit(pins: list[str], service_url: str | None) -> tuple[int, str]:
    """uv's exit code and words. It audits projects: for a moment the pins are one. Raises `TimeoutExpired`."""
    with tempfile.TemporaryDirectory(prefix="memolist-audit-") as folder:
        project = ["[project]", 'name = "locks"', 'version = "0"', 'requires-python = ">=3.11"']
        project += [f"dependencies = {json.dumps(pins)}", "[tool.uv]", "package = false"]
        Path(folder, "pyproject.toml").write_text("\n".join(project))
        uv = [sys.executable, "-m", "uv", "audit", "--no-progress", "--project", folder]
        service = ["--service-url", service_url] if service_url else []
        done = subprocess.run([*uv, *service], capture_output=True, text=True, timeout=_PATIENCE_SECONDS)
        return done.returncode, done.stdout + done.stderr


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--service-url", help="another server that speaks OSV's language")
    parser.add_argument("lock", nargs="?", type=Path, default=LARGEST_LOCK)
    options = parser.parse_args()
    pins = pins_of(options.lock)
    try:
        code, words = audit(pins, options.service_url)
    except subprocess.TimeoutExpired:
        code, words = 2, "timed out"
    if code and code != _FOUND and _UNREACHABLE.search(words):
        print("The audit of packages was skipped: OSV, or the package registry, cannot be reached from here")
    elif code:
        sys.exit(words)
    else:
        print(f"No known vulnerability in {len(pins)} packages")


if __name__ == "__main__":
    main()
