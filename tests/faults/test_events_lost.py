"""Streams of events when the database, the process, the network or the client fails: whoever watches learns of the end."""

import asyncio
import json
import socket
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.event_stream import watching
from tests.postgres import Postgres
from tests.service import Service, phrases, token
from tests.speech_server import SpeechServer
from tests.watching import card_files, until

CARDS = [f"card-{number}" for number in range(15)]
LISTENERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN tts_job'"
CHANGE = 'UPDATE public."TtsJob" SET "processedCount" = %s WHERE "id" = %s'
TOLD = f"{CHANGE} RETURNING pg_notify('tts_job', \"id\")"


async def pending_job(service: Service) -> str:
    service.add_deck("deck", CARDS)
    return await service.post("deck", phrases(CARDS))


async def listener(service: Service) -> int:
    """The connection by which the API hears of changes, once there is one."""
    await until(lambda: len(service.sql(LISTENERS)) == 1)
    return int(service.sql(LISTENERS)[0][0])


# The database


async def test_what_changed_while_nobody_listened_is_told(service: Service) -> None:
    job_id = await pending_job(service)
    async with watching(service.url, job_id) as stream:
        for count in (1, 2, 3):
            await stream.next()
            lost = await listener(service)
            service.sql("SELECT pg_terminate_backend(%s)", lost)
            service.sql(CHANGE, count, job_id)  # and no notice
            await stream.until(processedCount=count)
            await until(lambda lost=lost: service.sql(LISTENERS) and lost not in service.sql(LISTENERS)[0])  # type: ignore[misc]
            service.sql(TOLD, count + 10, job_id)
            await stream.until(processedCount=count + 10)
            service.sql(TOLD, 0, job_id)


async def test_a_restart_in_the_middle_of_a_job_is_nothing_to_a_stream(
    service: Service, upstream: SpeechServer, postgres: Postgres
) -> None:
    upstream.latency_seconds = 0.3
    job_id = await pending_job(service)
    async with watching(service.url, job_id) as stream:
        await service.start_worker()
        await until(lambda: card_files(service))

        postgres.restart()

        *events, end = await stream.rest()
    assert (end.name, end.data["status"]) == ("end", "completed")
    assert end.data == await service.job(job_id)
    cards = [card["cardId"] for event in events for card in event.data.get("cards", [])]
    assert sorted(cards) == sorted(CARDS)


async def test_streams_outlive_a_long_absence_of_the_database(
    service: Service, upstream: SpeechServer, postgres: Postgres
) -> None:
    await service.start_api()
    upstream.latency_seconds = 0.3
    job_id = await pending_job(service)
    async with watching(service.url, job_id) as stream, watching(service.url, job_id) as other:
        assert await stream.next()
        assert await other.next()
        postgres.stop()
        try:
            await asyncio.gather(stream.heartbeat(), other.heartbeat())
            answer = await service.get(f"/api/tts/jobs/{job_id}/events")
            assert (answer.status, int(answer.headers["Retry-After"]) > 0) == (503, True)
            assert answer.headers["Content-Type"] == "application/problem+json"
        finally:
            postgres.start()
        await service.start_worker()
        ends = [(await stream.rest())[-1], (await other.rest())[-1]]

    assert [(end.name, end.data["status"]) for end in ends] == [("end", "completed")] * 2
    assert service.log("api").count("hears nothing") == 1


# The process


async def test_a_deploy_does_not_wait_for_those_who_watch(service: Service) -> None:
    first = await service.start_api()
    job_id = await pending_job(service)
    async with AsyncExitStack() as streams:
        watchers = [await streams.enter_async_context(watching(service.url, job_id)) for _ in range(20)]
        for stream in watchers:
            await stream.next()
        stopping = asyncio.create_task(service.stop(first))
        assert [await stream.rest() for stream in watchers] == [[]] * 20
        assert await stopping == 0
    assert "timeout graceful shutdown exceeded" not in service.log("api")
    assert "Traceback" not in service.log("api")

    await service.start_worker()
    await service.start_api()
    async with watching(service.url, job_id) as stream:
        assert (await stream.rest())[-1].name == "end"


# The client


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux cuts off who takes nothing")
async def test_a_client_that_reads_nothing_is_cut_off_and_holds_up_nobody(service: Service) -> None:
    api = await service.start_api()
    job_id = await pending_job(service)
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        url = urlsplit(service.url)
        stuck.connect((url.hostname, url.port))
        head = f"GET /api/tts/jobs/{job_id}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token('anna')}\r\n\r\n"
        stuck.sendall(head.encode())
        async with watching(service.url, job_id) as stream:
            count = 0
            async with asyncio.timeout(80):
                while is_connected(stuck):
                    count += 1
                    tell_much(service, job_id, count)
                    await stream.until(processedCount=count)

    assert "Traceback" not in service.log("api")
    assert await service.stop(api) == 0
    assert "timeout graceful shutdown exceeded" not in service.log("api")


def is_connected(client: socket.socket) -> bool:
    """As the server's end has it: a client that takes nothing is not told either that it was cut off."""
    ends = [
        f"{socket.inet_aton(host)[::-1].hex().upper()}:{port:04X}"
        for host, port in (client.getpeername(), client.getsockname())
    ]
    connections = [line.split()[1:4] for line in Path("/proc/net/tcp").read_text().splitlines()]
    return [*ends, "01"] in connections


def tell_much(service: Service, job_id: str, count: int) -> None:
    """A change that takes a hundred kilobytes to tell."""
    urls = [
        {"cardId": card, "audioUrlEn": None, "audioUrlFr": None, "error": f"{count} {'x' * 7_000}"} for card in CARDS
    ]
    service.sql(
        'UPDATE public."TtsJob" SET "processedCount" = %s, "resultUrls" = %s WHERE "id" = %s'
        " RETURNING pg_notify('tts_job', \"id\")",
        count,
        json.dumps(urls),
        job_id,
    )
