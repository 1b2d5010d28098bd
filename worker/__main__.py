"""`python -m worker`: puts the parts together, runs jobs until a signal, and stops politely."""

import gc

gc.disable()  # until all is loaded: nothing of it is garbage, and looking for some is a sixth of a start

import asyncio
import os
import signal
from contextlib import suppress

import structlog
from procrastinate import App
from procrastinate.exceptions import ConnectorException

from shared.clips import SIDES
from shared.database import create_engine, create_sessions
from shared.errors import MemolistError, ShuttingDown
from shared.logs import catch_in_loop, configure_logs
from shared.queue import QUEUE
from shared.settings import WorkerSettings, read_settings, stop
from shared.storage import open_storage
from shared.tracebacks import kind_and_words
from worker import metrics
from worker.admission import Admission
from worker.claims import Claims
from worker.clip_maker import ClipMaker
from worker.doors import Doors
from worker.engines.choice import open_engine
from worker.heartbeat import Heartbeat
from worker.keeping.schedule import Schedule
from worker.pacing import Pacer
from worker.readiness import wait_for_database
from worker.rescue import Rescue
from worker.status import serve_status
from worker.steady_queue import create_steady_queue
from worker.synthesis import Synthesizer
from worker.tasks import add_tasks
from worker.upstream_watch import UpstreamWatch

_DATABASE_CONNECTIONS = 10
# A frozen run loses its job after 10 s (`shared/job_lock.py`), and who waits for it is to outlast that. Who locks cards for longer,
# an import say, keeps only their jobs waiting: those go back to the queue, and their connections are for others.
_LOCK_SECONDS = 15
# Two for each place in flight: one is asked for while the answer before it is checked and stored.
_HANDS_PER_PLACE = 2
_DEAD_AFTER_HEARTBEATS = 3
_ROWS_KEPT_SECONDS = 86_400
_CANCEL_AGAIN_SECONDS = 3
_log = structlog.get_logger("worker")


def main() -> None:
    settings = read_settings(WorkerSettings)
    configure_logs(settings)
    try:
        asyncio.run(run(settings))
    except ShuttingDown:
        _log.info("stopped before there was a database")
    except MemolistError as error:
        stop(str(error))


async def run(settings: WorkerSettings) -> None:
    """Works until SIGTERM or SIGINT. Raises `MemolistError` when it cannot begin."""
    catch_in_loop(asyncio.get_running_loop())
    doors = Doors()
    _listen_for_signals(doors)
    dead_after_seconds = settings.worker_heartbeat_s * _DEAD_AFTER_HEARTBEATS
    heartbeat = Heartbeat(dead_after_seconds)
    serve_status(settings, heartbeat)
    voices = {side: settings.voice(side) for side in SIDES}
    storage = open_storage(settings)
    await storage.prepare()
    engine = open_engine(settings)
    gc.freeze()
    gc.enable()
    database = create_engine(settings, _DATABASE_CONNECTIONS, _LOCK_SECONDS)
    await wait_for_database(database, settings, doors.sleep)
    metrics.begin(settings.tts_engine)
    metrics.PACE_INTERVAL.set(settings.request_interval_ms / 1000)
    pacer = Pacer(database, engine.upstream, settings.request_interval_ms, doors.sleep)
    admission = Admission(pacer, doors, settings.tts_max_in_flight)
    claims = Claims(settings.direct_conninfo, doors.sleep)
    maker = ClipMaker(
        engine,
        storage,
        claims,
        admission,
        pacer,
        UpstreamWatch(),
        doors,
        settings.tts_max_attempts,
        settings.price_per_million_chars,
    )
    sessions = create_sessions(database)
    synthesizer = Synthesizer(
        sessions,
        storage,
        maker,
        voices,
        settings.public_base_url,
        hands=settings.tts_max_in_flight * _HANDS_PER_PLACE,
        outage_patience_seconds=settings.tts_outage_patience_s,
    )
    queue = create_steady_queue(settings, heartbeat)
    add_tasks(queue, synthesizer, doors)
    rescue = Rescue(sessions, queue, settings.worker_heartbeat_s, dead_after_seconds)
    async with queue.open_async(), asyncio.TaskGroup() as tasks:
        _log.info(
            "ready", engine=settings.tts_engine, upstream=engine.upstream, interval_ms=settings.request_interval_ms
        )
        rescuing = tasks.create_task(rescue.run())
        sweeping = tasks.create_task(Schedule(sessions, storage, settings).run())
        tasks.create_task(admission.run())
        await _work_until_closed(queue, settings, doors, synthesizer)
        rescuing.cancel()
        sweeping.cancel()
    await engine.close()
    await claims.close()
    await database.dispose()
    _log.info("stopped")


async def _work_until_closed(queue: App, settings: WorkerSettings, doors: Doors, synthesizer: Synthesizer) -> None:
    working = asyncio.create_task(_work(queue, settings, doors))
    await doors.wait_until_closed()
    _log.info("stopping: clips under way are finished, jobs go back to the queue")
    with suppress(TimeoutError):
        async with asyncio.timeout(settings.worker_shutdown_timeout_s):
            await doors.wait_until_empty()
            while synthesizer.loose_hands:  # after: a job that is cancelled meanwhile leaves some, too
                await asyncio.wait(synthesizer.loose_hands)
    doors.let_go()
    # procrastinate stops when it is cancelled. It ends its heartbeat first: by now there is nothing left to wait for.
    while not working.done():
        working.cancel()
        # Again, since Python 3.11's wait_for, in the pool of connections, can lose a cancellation.
        await asyncio.wait([working], timeout=_CANCEL_AGAIN_SECONDS)


async def _work(queue: App, settings: WorkerSettings, doors: Doors) -> None:
    """Runs procrastinate's worker, again should it end: Postgres may be away when it begins."""
    while True:
        try:
            await queue.run_worker_async(
                queues=[QUEUE],
                concurrency=settings.worker_concurrency,
                fetch_job_polling_interval=settings.poll_interval_ms / 1000,
                shutdown_graceful_timeout=1,
                delete_jobs="successful",
                install_signal_handlers=False,
                update_heartbeat_interval=settings.worker_heartbeat_s,
                # Not a matter of heartbeats: a worker whose row is gone cannot take jobs any more, and after an outage
                # all of them look dead. `Rescue` looks after the jobs.
                stalled_worker_timeout=_ROWS_KEPT_SECONDS,
            )
        except ConnectorException as error:
            _log.warning("the queue cannot be read; trying again", reason=kind_and_words(error.__cause__ or error))
        except Exception:
            _log.exception("the queue cannot be read; trying again")
        await asyncio.sleep(1)


def _listen_for_signals(doors: Doors) -> None:
    def first() -> None:
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            # The second one means it: what is under way comes back by rescue.
            loop.add_signal_handler(signal_number, os._exit, 128 + signal_number)
        doors.close()

    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, first)


if __name__ == "__main__":
    main()
