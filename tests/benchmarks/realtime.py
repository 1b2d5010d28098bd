"""Clips per second over the realtime engine, against the most that requests in flight and the upstream's latency allow."""

from tests.benchmarks.report import Bars, Figure, Measured
from tests.benchmarks.speed import clips_per_second, run_a_job_each
from tests.benchmarks.stage import IN_FLIGHT, Stage, running_upstream

_LATENCY_MS = 200
_MOST_PER_SECOND = IN_FLIGHT * 1000 / _LATENCY_MS
_SHARE_WANTED = 0.90


async def measure(stage: Stage) -> Measured:
    speed = await _speed(stage)
    share = speed / _MOST_PER_SECOND
    value = f"{speed:.1f} clips/s, {share:.1%} of the most"
    return Measured(
        f"Realtime engine: {IN_FLIGHT} requests in flight, an upstream that takes {_LATENCY_MS} ms",
        [Figure("1 worker, 1 full job", value, f"≥ {_SHARE_WANTED:.0%}", share >= _SHARE_WANTED)],
        [Bars("Clips per second, realtime", "/s", [("the most", _MOST_PER_SECOND), ("ours, 1 worker", speed)])],
    )


async def _speed(stage: Stage) -> float:
    speaking = running_upstream("--latency-ms", str(_LATENCY_MS), module="tests.realtime_server")
    async with stage.service() as (service, _), speaking as upstream:
        service.environment |= {"TTS_ENGINE": "realtime", "OPENAI_BASE_URL": upstream.url}
        await run_a_job_each(service, workers=1)
        return clips_per_second(await upstream.requests())
