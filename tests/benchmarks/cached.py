"""A full job of which every clip is in the storage: from POST to completed."""

import asyncio
import statistics
import time

from tests.benchmarks.report import Measured, at_most
from tests.benchmarks.stage import FULL_JOB, Stage, finish, full_deck
from tests.service import Service

_TIMES = 5
_LIMIT_SECONDS = 0.5
_LOOK_SECONDS = 0.01


async def measure(stage: Stage) -> Measured:
    async with stage.service() as (service, upstream):
        await service.start_worker()
        phrases = full_deck(service, "deck-0")
        await finish(service, [await service.post("deck-0", phrases)])
        made = len(await upstream.requests())
        same = [await _seconds(service, "deck-0", phrases) for _ in range(_TIMES)]
        others = [await _on_other_cards(service, number, phrases) for number in range(_TIMES)]
        assert len(await upstream.requests()) == made
    return Measured(
        f"A job of {FULL_JOB} phrases that asks the upstream for nothing, from POST to completed",
        [
            at_most("the same cards again", statistics.median(same), _LIMIT_SECONDS, "s", digits=2),
            at_most("other cards, every clip is copied", statistics.median(others), _LIMIT_SECONDS, "s", digits=2),
        ],
    )


async def _on_other_cards(service: Service, number: int, phrases: list[dict[str, str]]) -> float:
    others = full_deck(service, f"others-{number}")
    same_words = [phrase | {"cardId": other["cardId"]} for phrase, other in zip(phrases, others, strict=True)]
    return await _seconds(service, f"others-{number}", same_words)


async def _seconds(service: Service, deck: str, phrases: list[dict[str, str]]) -> float:
    posted = time.monotonic()
    job = await service.post(deck, phrases)
    while (await service.job(job))["status"] != "completed":
        await asyncio.sleep(_LOOK_SECONDS)
    return time.monotonic() - posted
