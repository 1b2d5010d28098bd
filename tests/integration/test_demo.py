"""`just demo` as people run it: real processes in a folder of their own, real signals, and nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 60
# Importing, Postgres, API and worker, speaking: whatever the machine's speed, not all at the same step.
MOMENTS_SECONDS = [0.6, 1.2, 1.9, 2.6]


def test_the_first_run_makes_every_clip_and_the_second_finds_them_all(tmp_path: Path) -> None:
    first, second = run_demo(tmp_path), run_demo(tmp_path)
    assert "40 clips were made, 0 came from the cache" in first
    assert "all 40 clips came from the cache" in second
    assert "200, audio/mpeg" in second
    assert len(list((tmp_path / "audio").glob("demo-*.mp3"))) == 40


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_any_moment_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    for seconds in MOMENTS_SECONDS:
        with started_demo(tmp_path) as (demo, family):
            watch(demo, family, seconds)
            demo.send_signal(number)
            output, _ = demo.communicate(timeout=SECONDS)
            assert [process for process in family if process.is_running()] == []
            assert demo.returncode in (0, -number, 128 + number), output  # 0: it was faster; negative: not yet begun
            assert "Traceback" not in output


def test_a_killed_demo_takes_everything_with_it(tmp_path: Path) -> None:
    with started_demo(tmp_path) as (demo, family):
        watch(demo, family, seconds=SECONDS, until=lambda: "worker" in commands(family))
        demo.kill()
        _, alive = psutil.wait_procs(family, timeout=SECONDS)
        assert alive == []


def test_one_folder_is_for_one_demo_at_a_time(tmp_path: Path) -> None:
    with started_demo(tmp_path) as (demo, family):
        watch(demo, family, seconds=SECONDS, until=lambda: "postgres" in commands(family))
        second = subprocess.run(command(tmp_path), cwd=ROOT, capture_output=True, text=True, timeout=SECONDS)
        demo.send_signal(signal.SIGTERM)
        demo.communicate(timeout=SECONDS)
    assert second.returncode == 1
    assert second.stderr == f"Stopped: just demo (process {demo.pid}) is at work in {tmp_path}: end it first\n"


def command(folder: Path) -> list[str]:
    return [sys.executable, "-m", "scripts.demo", "--data", str(folder)]
