"""How many full jobs a second the API takes in."""

import asyncio
import time

from tests.benchmarks.report import Figure, Measured
from tests.benchmarks.stage import FULL_JOB, Stage, full_deck

_CLIENTS = 4
_POSTS_EACH = 25


async def measure(stage: Stage) -> Measured:
    async with stage.service() as (service, _):
        phrases = full_deck(service, "deck-1")

        async def client() -> None:
            for _ in range(_POSTS_EACH):
                await service.post("deck-1", phrases)

        await service.post("deck-1", phrases)  # warms up
        started = time.monotonic()
        await asyncio.gather(*(client() for _ in range(_CLIENTS)))
        per_second = _CLIENTS * _POSTS_EACH / (time.monotonic() - started)
    name = f"posts of {FULL_JOB} phrases, {_CLIENTS} at once"
    value = f"{per_second:.0f} jobs/s, {per_second * FULL_JOB:,.0f} phrases/s"
    return Measured("The API", [Figure(name, value)])
