"""The most memory that a worker holds while many full jobs run in it at once."""

from tests.benchmarks.report import Measured, at_most
from tests.benchmarks.stage import Stage, finish, full_deck
from tests.benchmarks.usage import peak_memory_mb

_JOBS = 16
_LIMIT_MB = 200


async def measure(stage: Stage) -> Measured:
    async with stage.service() as (service, _):
        decks = [f"deck-{number}" for number in range(_JOBS)]
        phrases = [full_deck(service, deck) for deck in decks]
        # Posted first: all are there when the worker starts.
        jobs = [await service.post(deck, of) for deck, of in zip(decks, phrases, strict=True)]
        worker = await service.start_worker()
        await finish(service, jobs)
        peak = peak_memory_mb(worker.pid)
    figure = at_most(f"peak memory with {_JOBS} full jobs at once", peak, _LIMIT_MB, "MB")
    return Measured("Memory of a worker", [figure])
