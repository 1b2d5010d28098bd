"""From POST to the upstream's first request, on an idle system."""

import statistics
import time

from tests.benchmarks.report import Measured, at_most
from tests.benchmarks.stage import Stage, full_deck
from tests.service import Service

_JOBS = 200


async def measure(stage: Stage) -> Measured:
    async with stage.service() as (service, upstream):
        await service.start_worker()
        phrases = full_deck(service, "deck-1", size=_JOBS)
        await _post_one_by_one(service, phrases[:5])  # warms up
        await upstream.forget()
        posted = await _post_one_by_one(service, phrases[5:])
        requests = await upstream.requests()
    # A phrase has two sides, and each job ends before the next begins.
    waits = [request["started_at"] - start for request, start in zip(requests[::2], posted, strict=True)]
    p99 = statistics.quantiles(waits, n=100)[98]
    return Measured(
        "From POST to the first request, on an idle system",
        [
            at_most("median", statistics.median(waits) * 1000, 30, "ms"),
            at_most("p99", p99 * 1000, 150, "ms"),
        ],
    )


async def _post_one_by_one(service: Service, phrases: list[dict[str, str]]) -> list[float]:
    posted = []
    for phrase in phrases:
        posted.append(time.monotonic())
        await service.ended(await service.post("deck-1", [phrase]))
    return posted
