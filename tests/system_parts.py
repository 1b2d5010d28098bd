"""Programs that pip cannot install: a test that needs one is skipped without it, except in CI, where it must be there."""

import os
import shutil

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
