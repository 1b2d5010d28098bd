"""CPU per clip with nothing to wait for: in the OpenAI client, in decoding, in what is ours. No pace, an upstream without latency."""

from statistics import fmean
from tempfile import TemporaryDirectory

from tests.benchmarks.report import Bars, Figure, Measured, at_most
from tests.benchmarks.stage import FULL_JOB_CLIPS, IN_FLIGHT, Stage, finish, full_deck, output_of, running_upstream
from tests.benchmarks.usage import cpu_seconds, memory_mb
from tests.service import Service

_JOBS = 4
_GROWTH_WANTED_MB = 2
_MEMORY = "/dev/shm"  # where a flush is nothing


async def measure(stage: Stage) -> Measured:
    """By turns, so that a busy minute of the machine meets all four; the first job warms up, and is not counted.

    Decoding is what the client's loop takes more when it hears each answer at once, in its only thread: beside other work, as
    in a worker, it takes more than over and over alone. What threads cost is ours. What a disk's flushes cost belongs to the
    disk and the kernel, and is several times as much on one as on another: it is what a worker takes more than one with its
    storage in memory, which does all else.
    """
    with TemporaryDirectory(dir=_MEMORY) as memory_folder:
        async with stage.service() as (on_disk, _), stage.service() as (in_memory, _):
            worker = await on_disk.start_worker()
            other = await in_memory.start_worker(STORAGE_DIR=memory_folder)
            await _job_ms(on_disk, worker.pid, 0), await _job_ms(in_memory, other.pid, 0)
            memory = memory_mb(worker.pid)
            turns = [
                (
                    await _client_ms(),
                    await _client_ms("decode"),
                    await _job_ms(in_memory, other.pid, number),
                    await _job_ms(on_disk, worker.pid, number),
                )
                for number in range(1, _JOBS + 1)
            ]
            growth = (memory_mb(worker.pid) - memory) / _JOBS
    client, heard, unflushed, flushed = map(fmean, zip(*turns, strict=True))
    parts = [
        ("the OpenAI client", client),
        ("decoding the audio", heard - client),
        ("ours, two files included", unflushed - heard),
        ("this disk's flushes", flushed - unflushed),
    ]
    return Measured(
        "CPU of a worker: no pace, an upstream that answers at once",
        [
            *(Figure(f"CPU per clip: {name}", f"{ms:.2f} ms, {ms / flushed:.0%}") for name, ms in parts),
            at_most("ours over the client's", (unflushed - heard) / client, 1, "×", digits=2),
            Figure("the same, this disk's flushes included", f"{(flushed - heard) / client:.2f} ×"),
            at_most("memory gained from job to job", growth, _GROWTH_WANTED_MB, "MB", digits=1),
        ],
        [Bars("CPU per clip", "ms", parts)],
    )


async def _client_ms(*options: str) -> float:
    async with running_upstream() as upstream:
        used = await output_of(
            "tests.benchmarks.bare_loop", upstream.url, str(FULL_JOB_CLIPS), str(IN_FLIGHT), *options
        )
        return used["cpu_seconds"] * 1000 / FULL_JOB_CLIPS


async def _job_ms(service: Service, pid: int, number: int) -> float:
    deck = f"deck-{number}"
    phrases, before = full_deck(service, deck), cpu_seconds(pid)
    await finish(service, [await service.post(deck, phrases)])
    return (cpu_seconds(pid) - before) * 1000 / FULL_JOB_CLIPS
