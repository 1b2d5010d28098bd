"""Clips per second, side by side, as the upstream sees them. It takes 200 ms for each, whoever asks."""

from typing import Any

from tests.benchmarks.report import Bars, Figure, Measured
from tests.benchmarks.stage import (
    FULL_JOB,
    FULL_JOB_CLIPS,
    IN_FLIGHT,
    Stage,
    finish,
    full_deck,
    output_of,
    running_upstream,
    start_python,
)
from tests.service import Service

_LATENCY_MS = 200
_OPTIONS = ("--latency-ms", str(_LATENCY_MS))
_PHRASES_OF_THE_BRIEF = 6


async def measure(stage: Stage) -> Measured:
    speeds = [
        (f"bare loop, {IN_FLIGHT} in flight", await _bare_loop()),
        ("the brief's worker", await _brief_worker(stage)),
        ("ours, 1 worker", await _ours(stage, 1)),
        ("ours, 2 workers", await _ours(stage, 2)),
    ]
    bare = speeds[0][1]
    figures = [Figure(name, f"{speed:.1f} clips/s, {speed / bare:.2f} × the bare loop") for name, speed in speeds]
    return Measured(
        f"Speed: {IN_FLIGHT} requests in flight in each process, an upstream that takes {_LATENCY_MS} ms",
        figures,
        [Bars("Clips per second", "/s", speeds)],
    )


async def _bare_loop() -> float:
    async with running_upstream(*_OPTIONS) as upstream:
        await output_of("tests.benchmarks.bare_loop", upstream.url, str(FULL_JOB_CLIPS), str(IN_FLIGHT))
        return clips_per_second(await upstream.requests())


async def _brief_worker(stage: Stage) -> float:
    async with stage.service(*_OPTIONS) as (service, upstream):
        service.storage.mkdir()
        job = await service.post("deck-1", full_deck(service, "deck-1", size=_PHRASES_OF_THE_BRIEF))
        worker = await start_python(
            "tests.benchmarks.brief_worker", service.database_url, upstream.url, str(service.storage)
        )
        try:
            await finish(service, [job])
        finally:
            worker.terminate()
            await worker.wait()
        return clips_per_second(await upstream.requests())


async def _ours(stage: Stage, workers: int) -> float:
    async with stage.service(*_OPTIONS) as (service, upstream):
        await run_a_job_each(service, workers)
        return clips_per_second(await upstream.requests())


async def run_a_job_each(service: Service, workers: int, size: int = FULL_JOB) -> None:
    """One job for each worker, none for two."""
    for _ in range(workers):
        await service.start_worker(WORKER_CONCURRENCY="1")
    decks = [f"deck-{number}" for number in range(workers)]
    phrases = [full_deck(service, deck, size=size) for deck in decks]
    await finish(service, [await service.post(deck, of) for deck, of in zip(decks, phrases, strict=True)])


def clips_per_second(requests: list[dict[str, Any]]) -> float:
    """From the first request's start to the last one's end."""
    assert all(request["outcome"] == "ok" for request in requests)
    seconds = max(request["ended_at"] for request in requests) - min(request["started_at"] for request in requests)
    return len(requests) / float(seconds)
