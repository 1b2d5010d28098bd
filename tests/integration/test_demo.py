"""`just demo` as people run it: real processes in a folder of their own, real signals, and nothing left behind."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 120
# While modules load, Postgres starts, API and worker start, phrases are spoken: not all on every machine, but others then.
MOMENTS_SECONDS = [0.7, 1.8]

Demo = subprocess.Popen[str]


def test_the_first_run_makes_every_clip_and_the_second_finds_them_all(tmp_path: Path) -> None:
    first, second = run_demo(tmp_path), run_demo(tmp_path)
    assert "40 clips were made, 0 came from the cache" in first
    assert "all 40 clips came from the cache" in second
    assert "200, audio/mpeg" in second
    assert len(list((tmp_path / "audio").glob("demo-*.mp3"))) == 40


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_any_moment_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    for seconds in MOMENTS_SECONDS:
        with started_demo(tmp_path) as demo:
            time.sleep(seconds)
            demo.send_signal(number)
            output, _ = demo.communicate(timeout=PATIENCE_SECONDS)
            assert at_work_in(tmp_path) == []
            # 0: it was faster; negative: it was still loading its modules.
            assert demo.returncode in (0, -number, 128 + number), output
            assert "Traceback" not in output


def test_a_killed_demo_takes_its_programs_with_it_and_the_next_one_goes_on(tmp_path: Path) -> None:
    with started_demo(tmp_path) as demo:
        wait_until(lambda: "POST" in read_line(demo))
        demo.kill()
        wait_until(lambda: at_work_in(tmp_path) == [])
    assert "Done in" in run_demo(tmp_path)


def test_a_folder_is_for_one_demo_at_a_time(tmp_path: Path) -> None:
    with started_demo(tmp_path) as demo:
        wait_until(lambda: "Postgres" in read_line(demo))
        demo.send_signal(signal.SIGSTOP)  # or it would be done before the second looks, on a busy machine
        second = subprocess.run(command(tmp_path), cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        demo.send_signal(signal.SIGCONT)
        demo.send_signal(signal.SIGTERM)
        demo.communicate(timeout=PATIENCE_SECONDS)
    assert second.returncode == 1
    assert second.stderr == f"Stopped: just demo (process {demo.pid}) is at work in {tmp_path}: end it first\n"


def command(folder: Path) -> list[str]:
    return [sys.executable, "-u", "-m", "scripts.demo", "--data", str(folder)]


def run_demo(folder: Path) -> str:
    """What a demo prints that comes to its good end."""
    ended = subprocess.run(command(folder), cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert at_work_in(folder) == []
    return ended.stdout


@contextmanager
def started_demo(folder: Path) -> Iterator[Demo]:
    demo = subprocess.Popen(
        command(folder), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    with demo:
        try:
            yield demo
        finally:
            demo.kill()


def read_line(demo: Demo) -> str:
    assert demo.stdout is not None
    line = demo.stdout.readline()
    assert line, "the demo has ended"
    return line


def at_work_in(folder: Path) -> list[str]:
    """Every process that has this folder, which nobody else knows, as its own or in its command."""
    return [
        " ".join(process.info["cmdline"] or [])
        for process in psutil.process_iter(["cmdline", "cwd", "status"])
        if _names(process, str(folder))
    ]


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _names(process: psutil.Process, folder: str) -> bool:
    facts = [process.info["cwd"] or "", *(process.info["cmdline"] or [])]
    return process.info["status"] != psutil.STATUS_ZOMBIE and any(folder in fact for fact in facts)
