"""CPU per clip with nothing to wait for: in the OpenAI client, in decoding, in what is ours. No pace, an upstream without latency."""

import asyncio
import time
from pathlib import Path
from statistics import fmean

from shared.local_storage import LocalStorage
from tests.benchmarks.report import Bars, Figure, Measured, at_most
from tests.benchmarks.stage import (
    FULL_JOB_CLIPS,
    GIVE_UP_SECONDS,
    IN_FLIGHT,
    Stage,
    finish,
    full_deck,
    output_of,
    running_upstream,
)
from tests.benchmarks.usage import cpu_seconds, memory_mb
from tests.service import Service
from tests.speech_audio import mp3_of

_JOBS = 4
_GROWTH_WANTED_MB = 2
_SAMPLE = 200
_TEXT = "The train for deck-1-100 leaves early"


async def measure(stage: Stage) -> Measured:
    """By turns, so that a busy minute of the machine meets all three; the first job warms up, and is not counted.

    Decoding is what the client's loop takes more when it hears each answer at once, in its only thread: beside other work, as
    in a worker, it takes more than over and over alone. What threads cost is ours.
    """
    storing = await _storing_ms(stage.folder / "stored")
    async with stage.service() as (service, _):
        process = await service.start_worker()
        await _job_ms(service, process.pid, 0)
        memory = memory_mb(process.pid)
        turns = [
            (await _client_ms(), await _client_ms("decode"), await _job_ms(service, process.pid, number))
            for number in range(1, _JOBS + 1)
        ]
        growth = (memory_mb(process.pid) - memory) / _JOBS
    client, heard, worker = map(fmean, zip(*turns, strict=True))
    decoding, ours = heard - client, worker - heard
    parts = [
        ("the OpenAI client", client),
        ("decoding the audio", decoding),
        ("ours: two files, written and flushed", storing),
        ("ours: everything else", ours - storing),
    ]
    figures = [Figure(f"CPU per clip: {name}", f"{ms:.2f} ms, {ms / worker:.0%}") for name, ms in parts]
    return Measured(
        "CPU of a worker: no pace, an upstream that answers at once",
        [
            *figures,
            at_most("ours, files included, over the client's", ours / client, 1, "×", digits=2),
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


async def _storing_ms(folder: Path) -> float:
    """As in the worker: a few clips at a time, the cards' copies together. Most of it is the kernel's."""
    storage, audio = LocalStorage(folder), mp3_of(_TEXT)
    await storage.prepare()
    keys = [f"{number:064}" for number in range(_SAMPLE)]
    started = time.process_time()
    for start in range(0, _SAMPLE, IN_FLIGHT):
        await asyncio.gather(*(storage.put_clip(key, audio) for key in keys[start : start + IN_FLIGHT]))
    await storage.link({f"{key}.mp3": key for key in keys}, until=time.monotonic() + GIVE_UP_SECONDS)
    return (time.process_time() - started) * 1000 / _SAMPLE


async def _job_ms(service: Service, pid: int, number: int) -> float:
    deck = f"deck-{number}"
    phrases, before = full_deck(service, deck), cpu_seconds(pid)
    await finish(service, [await service.post(deck, phrases)])
    return (cpu_seconds(pid) - before) * 1000 / FULL_JOB_CLIPS
