"""How much of an upstream's limit is used, when it counts every second and the pace is set to just what it allows."""

from typing import Any

from tests.benchmarks.report import Figure, Measured
from tests.benchmarks.speed import run_a_job_each
from tests.benchmarks.stage import Stage

_PER_SECOND = 20
_INTERVAL_MS = 1000 / _PER_SECOND
_PHRASES_EACH = 100
_SHARE_WANTED = 0.98
_OPTIONS = ("--latency-ms", "200", "--rate-per-second", str(_PER_SECOND))


async def measure(stage: Stage) -> Measured:
    figures = [figure for workers in (1, 3) for figure in await _share(stage, workers)]
    return Measured(f"Pace: the upstream refuses more than {_PER_SECOND} requests in any second", figures)


async def _share(stage: Stage, workers: int) -> list[Figure]:
    async with stage.service(*_OPTIONS, in_flight=16, interval_ms=_INTERVAL_MS) as (service, upstream):
        await run_a_job_each(service, workers, _PHRASES_EACH)
        requests = await upstream.requests()
    who = "1 worker" if workers == 1 else f"{workers} workers"
    share, refused = share_of(requests), sum(request["outcome"] == "rate_limited" for request in requests)
    return [
        Figure(f"{who}: share of the limit", f"{share:.1%}", f"≥ {_SHARE_WANTED:.0%}", share >= _SHARE_WANTED),
        Figure(f"{who}: refused with 429", f"{refused} of {len(requests)}", "0", refused == 0),
    ]


def share_of(requests: list[dict[str, Any]]) -> float:
    """Of what was allowed between the first request and the last."""
    served = [request["started_at"] for request in requests if request["outcome"] == "ok"]
    return float((len(served) - 1) / _PER_SECOND / (served[-1] - served[0]))
