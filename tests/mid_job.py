"""A worker in the middle of a job, which is where most faults are told to happen: at full speed, or with all of it held up."""

import asyncio
import signal
from collections.abc import Sequence

from tests.aftermath import record
from tests.service import Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import card_files, until

Worker = asyncio.subprocess.Process
# The clips of two cards: as many as a worker has places in flight, in the fault tests.
HELD = 4


async def busy_with_a_job(
    service: Service, upstream: SpeechServer, cards: Sequence[str], redeploys: int = 0, **environment: str
) -> tuple[Worker, str]:
    """A worker and its job of the deck: the first cards have their audio, and every moment others get theirs.

    `redeploys`: how many the job has been through.
    """
    upstream.latency_seconds = 0.3
    service.add_deck("deck", cards)
    job_id = await service.post("deck", phrases(cards))
    service.sql("UPDATE tts.procrastinate_jobs SET attempts = %s", redeploys)
    worker = await service.start_worker(**environment)
    await until(lambda: card_files(service))
    return worker, job_id


async def held_up_in_a_job(service: Service, upstream: SpeechServer, cards: Sequence[str]) -> tuple[Worker, str]:
    """A worker and its job of the deck: it has told of all it made, and the upstream holds the last two cards until it is healed."""
    for card in cards[-2:]:
        upstream.fail("held", text=card)
    service.add_deck("deck", cards)
    job_id = await service.post("deck", phrases(cards))
    worker = await service.start_worker()
    told = 2 * len(cards) - HELD
    await until(lambda: upstream.in_flight == HELD and record(service, job_id, "clips_made") == (told,))
    return worker, job_id


def freeze(worker: Worker) -> None:
    """What is sent to it meanwhile it finds when it wakes up."""
    worker.send_signal(signal.SIGSTOP)


def wake(worker: Worker) -> None:
    worker.send_signal(signal.SIGCONT)


async def noticed_its_loss(service: Service, times: int = 1) -> None:
    """Returns when workers have found, so often, that others have what was theirs."""
    await until(lambda: service.log("worker").count("not this worker's any more") >= times)
