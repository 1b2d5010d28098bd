"""`python -m tests.benchmarks [NAME…]`: measures, prints a table, and writes docs/benchmark.md and its plot when all was measured."""

import asyncio
import os
import platform
import sys
import time

from tests.benchmarks import api, cached, chart, cpu, fairness, latency, memory, pace, realtime, speed
from tests.benchmarks.report import Measured, page, table
from tests.benchmarks.stage import open_stage
from tests.service import ROOT

_MEASUREMENTS = {
    "speed": speed.measure,
    "pace": pace.measure,
    "realtime": realtime.measure,
    "cpu": cpu.measure,
    "memory": memory.measure,
    "latency": latency.measure,
    "cached": cached.measure,
    "api": api.measure,
    "fairness": fairness.measure,
}


async def run(names: list[str]) -> list[Measured]:
    """Prints each figure as soon as it is there."""
    started = time.monotonic()
    found = []
    with open_stage() as stage:
        for number, name in enumerate(names, start=1):
            print(f"[{number}/{len(names)}, {time.monotonic() - started:.0f} s] {name} …", file=sys.stderr, flush=True)
            found.append(await _MEASUREMENTS[name](stage))
            print(f"\n{found[-1].title}\n\n{table(found[-1].figures)}\n", flush=True)
    print(f"done in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return found


def main() -> None:
    names = sys.argv[1:] or list(_MEASUREMENTS)
    if unknown := set(names) - set(_MEASUREMENTS):
        sys.exit(f"no such measurement: {', '.join(sorted(unknown))}; there are {', '.join(_MEASUREMENTS)}")
    if not os.path.exists("/proc/self/status"):
        sys.exit("The benchmark reads CPU time and memory from /proc: it needs Linux.")
    found = asyncio.run(run(names))
    if len(names) == len(_MEASUREMENTS):
        machine = f"{os.cpu_count()} cores, Linux on {platform.machine()}, Python {platform.python_version()}"
        (ROOT / "docs" / "benchmark.md").write_text(page(found, machine), encoding="utf-8")
        (ROOT / "docs" / "benchmark.svg").write_text(chart.chart([bars for part in found for bars in part.bars]))
        print("written: docs/benchmark.md, docs/benchmark.svg", file=sys.stderr)


if __name__ == "__main__":
    main()
