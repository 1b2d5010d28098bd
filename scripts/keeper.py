"""Runs one program, and ends it when stdin ends: also where the process at the other end of stdin was killed.

`python -I -S keeper.py STOP_SIGNAL GRACE_SECONDS USER_ID GROUP_ID COMMAND…` (-1: stay who we are). Standard library only.
"""

import os
import signal
import subprocess
import sys
from threading import Thread


def main() -> None:
    stop_signal, grace_seconds, user, group, *command = sys.argv[1:]
    sys.exit(keep(command, int(stop_signal), float(grace_seconds), int(user), int(group)))


def keep(command: list[str], stop_signal: int, grace_seconds: float, user: int, group: int) -> int:
    """The exit code of the program, as a shell gives it."""
    rights = {"user": user, "group": group, "extra_groups": []} if user >= 0 else {}
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, **rights)  # type: ignore[call-overload]

    def stop() -> None:
        child.send_signal(stop_signal)
        try:
            child.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            child.kill()

    def stop_after_stdin() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        stop()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: Thread(target=stop, daemon=True).start())
    Thread(target=stop_after_stdin, daemon=True).start()
    code: int = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    main()
