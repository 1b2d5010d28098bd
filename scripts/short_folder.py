"""A folder with a short path, for what has no room for a long one: Unix sockets (103 bytes on macOS), espeak-ng (160)."""

import hashlib
import os
import shutil
import tempfile
import weakref
from pathlib import Path

from scripts.programs import ProgramFailed

LONGEST_PARENT_BYTES = 70


class ShortFolder:
    """Gone when this object is. Always the same one for `whose`, so that even killed runs leave no more than one behind."""

    def __init__(self, whose: Path) -> None:
        usual = tempfile.gettempdir()
        parent = usual if len(os.fsencode(usual)) < LONGEST_PARENT_BYTES else "/tmp"
        name = hashlib.sha256(f"{os.geteuid()} {whose.absolute()}".encode(errors="surrogateescape")).hexdigest()[:12]
        self.path = Path(parent) / f"memolist-{name}"
        if self.path.is_symlink() or (self.path.exists() and not _is_ours(self.path)):
            raise ProgramFailed(f"{self.path} is in the way, and belongs to somebody else: remove it")
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(mode=0o700)
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def _is_ours(path: Path) -> bool:
    return os.geteuid() in (0, path.stat().st_uid)
