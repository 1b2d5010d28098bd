"""The worker's status port: it says whether Postgres hears the worker, and why not, and is never in anybody's way."""

import asyncio
import http.client
import json
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from shared.settings import WorkerSettings
from tests.integration.test_worker_start import GOOD, assert_one_line, call, run
from tests.postgres import Postgres
from tests.service import GIVE_UP_SECONDS, Service, free_port
from worker.heartbeat import Heartbeat
from worker.status import serve_status


@pytest.fixture
def port() -> int:
    return free_port()


def ask(port: int, path: str = "/health", method: str = "GET") -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP_SECONDS)
    connection.request(method, path)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read() or "null")


def send_a_byte(clients: list[socket.socket]) -> None:
    for client in clients:
        with suppress(OSError):  # it was sent away
            client.send(b"G")


async def health(port: int, status: int) -> dict[str, Any]:
    """The answer once it has that status."""
    async with asyncio.timeout(GIVE_UP_SECONDS):
        while True:
            seen, body = await asyncio.to_thread(ask, port)
            if seen == status:
                assert body["ok"] is (status == 200)
                assert body["heartbeatAgeSeconds"] >= 0
                return dict(body)
            await asyncio.sleep(0.05)


async def test_it_tells_of_a_lost_database_and_of_its_return(service: Service, postgres: Postgres, port: int) -> None:
    worker = await service.start_worker(WORKER_STATUS_PORT=str(port), WORKER_HEARTBEAT_S="0.5")
    await health(port, 200)
    assert ask(port, "/")[0] == ask(port, "/health/")[0] == 404
    assert ask(port, method="POST")[0] == 405

    postgres.stop()
    try:
        away = await health(port, 503)
        assert away["heartbeatAgeSeconds"] >= 1.5
        assert "Postgres" in away["detail"]
    finally:
        postgres.start()
    await health(port, 200)

    # Clients that say nothing, or a byte now and then, are in nobody's way, and keep nobody from stopping.
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
    for _ in range(3):
        send_a_byte(silent)
        await health(port, 200)  # a heartbeat may be late where the machine is slow; no answer may
    assert await service.stop(worker) == 0
    assert "Traceback" not in service.log("worker")
    for client in silent:
        client.close()


async def test_it_answers_while_the_worker_waits_for_its_first_database(tmp_path: Path, port: int) -> None:
    with subprocess.Popen(**call("worker", tmp_path, **GOOD, WORKER_STATUS_PORT=str(port))) as worker:
        assert worker.stderr
        assert "the database cannot be reached" in worker.stderr.readline()
        assert "no answer yet" in (await health(port, 503))["detail"]
        worker.terminate()
        worker.stderr.read()
    assert worker.returncode == 0


async def test_it_tells_of_an_event_loop_that_stands_still(port: int) -> None:
    settings = WorkerSettings.model_construct(worker_status_host="127.0.0.1", worker_status_port=port)
    heartbeat = Heartbeat(limit_seconds=0)
    serve_status(settings, heartbeat)
    heartbeat.beat()
    with ThreadPoolExecutor() as threads:
        status, body = threads.submit(ask, port).result()  # the loop waits here, and turns no more
    assert (status, "event loop" in body["detail"]) == (503, True)
    heartbeat.miss("OperationalError")
    async with asyncio.timeout(GIVE_UP_SECONDS):  # as soon as it turns again
        while "OperationalError" not in (await health(port, 503))["detail"]:
            pass


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert_one_line(run("worker", tmp_path, **GOOD, WORKER_STATUS_PORT=port), "WORKER_STATUS_PORT", port, "in use")
