"""One phrase behind twenty full jobs of the same user: how many requests go out before its own."""

import asyncio

from tests.benchmarks.report import Measured, at_most
from tests.benchmarks.stage import Stage, full_deck
from tests.service import Service

_BIG_JOBS = 20
_INTERVAL_MS = 50
# "A few", with what goes out while the queue hands the job to the worker.
_LIMIT_PACES = 5


async def measure(stage: Stage) -> Measured:
    async with stage.service(interval_ms=_INTERVAL_MS) as (service, upstream):
        await service.start_worker()
        for number in range(_BIG_JOBS):
            await service.post(f"big-{number}", full_deck(service, f"big-{number}"))
        while _open_jobs(service) < _BIG_JOBS:
            await asyncio.sleep(0.1)
        figures = []
        for whose, user in (("the same user", "anna"), ("another user", "ben")):
            [phrase] = full_deck(service, f"small-{user}", user, size=1)
            before = len(await upstream.requests())
            await service.ended(await service.post(f"small-{user}", [phrase], user), user)
            texts = [request["text"] for request in (await upstream.requests())[before:]]
            waited = min(texts.index(phrase[side]) for side in ("textEn", "textFr"))
            figures.append(at_most(f"of {whose}", waited, _LIMIT_PACES, "paces"))
    return Measured(f"One phrase behind {_BIG_JOBS} full jobs: requests that go before its own", figures)


def _open_jobs(service: Service) -> int:
    [(count,)] = service.sql("SELECT count(*) FROM tts.procrastinate_jobs WHERE status = 'doing'")
    return int(count)
