"""The edge of `just demo` and `just dev`: signals, exit codes, and one line for what can be foreseen."""

import os
import sys
from collections.abc import Callable
from typing import NoReturn

from scripts.api_client import RequestRefused
from scripts.home import HomeInUse
from scripts.programs import ProgramFailed, Programs
from scripts.signals import Signals, Stopped, end_with_parent


class CannotGoOn(Exception):
    """The message says why."""


def run(work: Callable[[Programs], None]) -> NoReturn:
    """Does the work and ends the process, after every program that the work started."""
    signals = Signals()
    if os.environ.get("STARTED_BY_JUST"):
        end_with_parent()
    programs = Programs(signals.held)
    code = 0
    try:
        try:
            signals.release()
            work(programs)
        finally:
            programs.stop()
    except Stopped:
        pass
    except (CannotGoOn, HomeInUse, ProgramFailed, RequestRefused) as error:
        code = _say(str(error))
    except OSError as error:
        code = _say(f"{error.strerror or error}: {error.filename or ''}")
    finally:
        # Once more: the first signal may have come just before the other stop, and there is only one.
        programs.stop()
    sys.exit(signals.exit_code or code)


def _say(line: str) -> int:
    print(f"Stopped: {line}", file=sys.stderr)
    return 1
