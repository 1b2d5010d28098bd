"""CPU per clip with nothing to wait for: in the OpenAI client, in decoding, in what is ours. No pace, an upstream without latency."""

import asyncio
import time
from pathlib import Path

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
from tests.speech_audio import mp3_of
from worker.audio import accept

_JOBS = 4
_GROWTH_WANTED_MB = 2
_SAMPLE = 200
_TEXT = "The train for deck-1-100 leaves early"


async def measure(stage: Stage) -> Measured:
    """The first job warms up, and is not counted."""
    client, decoding, storing = await _client_ms(), _decoding_ms(), await _storing_ms(stage.folder / "stored")
    worker, growth = await _worker(stage)
    ours = worker - client - decoding
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


async def _client_ms() -> float:
    async with running_upstream() as upstream:
        clips = _JOBS * FULL_JOB_CLIPS
        used = await output_of("tests.benchmarks.bare_loop", upstream.url, str(clips), str(IN_FLIGHT))
        return used["cpu_seconds"] * 1000 / clips


def _decoding_ms() -> float:
    audio = mp3_of(_TEXT)
    accept(audio, _TEXT)
    started = time.process_time()
    for _ in range(_SAMPLE):
        accept(audio, _TEXT)
    return (time.process_time() - started) * 1000 / _SAMPLE


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


async def _worker(stage: Stage) -> tuple[float, float]:
    """Milliseconds per clip, and megabytes gained per job."""
    async with stage.service() as (service, _):
        worker = await service.start_worker()
        after: list[tuple[float, float]] = []
        for number in range(_JOBS + 1):
            deck = f"deck-{number}"
            await finish(service, [await service.post(deck, full_deck(service, deck))])
            after.append((cpu_seconds(worker.pid), memory_mb(worker.pid)))
    used, gained = (last - first for first, last in zip(after[0], after[-1], strict=True))
    return used * 1000 / (_JOBS * FULL_JOB_CLIPS), gained / _JOBS
