"""What the monitoring files name is there, in real processes, and moves when it should."""

import asyncio
import math
import signal
from collections.abc import Callable

import pytest

from tests.event_stream import watching
from tests.job_control import cancel
from tests.postgres import Postgres
from tests.scrape import Scrape, Scrapes, alert_rules, dashboard_expressions, selectors
from tests.service import GIVE_UP_SECONDS, Service, free_port, phrases
from tests.shared_api import request
from tests.speech_server import SpeechServer

CONSTANT = {"tts_database_connections_limit", "tts_pace_interval_seconds"}


class Watch:
    """Scrapes one process until it says what a step expects."""

    def __init__(self, scrapes: Scrapes, url: str) -> None:
        self._scrapes = scrapes
        self.url = url

    async def now(self) -> Scrape:
        return await self._scrapes.take(self.url)

    async def until(self, condition: Callable[[Scrape], bool]) -> Scrape:
        async with asyncio.timeout(GIVE_UP_SECONDS):
            while not condition(found := await self.now()):
                await asyncio.sleep(0.1)
        return found


@pytest.mark.timeout(300)
async def test_every_metric_that_the_files_name_exists_and_moves(
    service: Service, upstream: SpeechServer, postgres: Postgres
) -> None:
    service.environment["WORKER_HEARTBEAT_S"] = "2"  # who is only slow is no death to be counted
    scrapes = Scrapes()
    service.add_deck("deck", ["card-1", "card-2"])
    service.add_deck("other", ["card-3", "card-4"])
    await service.start_api()
    api = Watch(scrapes, service.url)

    await _jobs_wait_for_a_worker(service, api)
    worker, port = await _start_worker(service, TTS_REQUEST_INTERVAL_MS="10"), service.environment["WORKER_STATUS_PORT"]
    first = Watch(scrapes, f"http://127.0.0.1:{port}")
    await _clips_are_made_found_and_kept(service, api, first)
    await _clips_fail_and_others_are_asked_to_wait(service, upstream, first)
    await _the_storage_fails(service, first)
    await _the_upstream_is_away(service, upstream, api)
    second = Watch(scrapes, "")
    await _a_worker_dies(service, upstream, worker, first, second)
    await _requests_are_counted_by_route(service, api)
    await _the_database_is_away(service, postgres, api)

    wanted = selectors([*(rule["expr"] for rule in alert_rules()), *dashboard_expressions()])
    assert [it for it in wanted if not any(it.fits(series) for series in scrapes.series())] == []
    assert {it.name for it in wanted} - scrapes.moved() == CONSTANT


async def _start_worker(service: Service, **environment: str) -> asyncio.subprocess.Process:
    service.environment["WORKER_STATUS_PORT"] = str(free_port())
    return await service.start_worker(**environment)


async def _jobs_wait_for_a_worker(service: Service, api: Watch) -> None:
    seen = await api.now()
    assert seen.value("tts_workers") == seen.value("tts_jobs") == seen.value("tts_oldest_pending_job_seconds") == 0
    assert seen.value("tts_database_up") == 1
    job_id = await service.post("deck", phrases(["card-1"]))
    await service.post("other", phrases(["card-3"]))
    seen = await api.until(lambda it: it.value("tts_oldest_pending_job_seconds") > 0)
    assert seen.value("tts_jobs", status="pending") == seen.value("tts_queue_jobs", state="ready") == 2
    assert (await cancel(service, job_id)).status == 202
    seen = await api.until(lambda it: it.value("tts_jobs", status="pending") == 1)
    assert seen.value("tts_jobs_ended_total", status="cancelled") == 1
    async with watching(service.url, job_id) as stream:
        assert (await stream.rest())[-1].name == "end"
    await api.until(lambda it: it.value("tts_sse_watchers") == 0)  # a moment after its last event


async def _clips_are_made_found_and_kept(service: Service, api: Watch, worker: Watch) -> None:
    await worker.until(lambda it: it.value("tts_jobs_ended_total", status="completed") == 1)
    await api.until(lambda it: it.value("tts_workers") == 1)
    await service.made("deck", phrases(["card-1"]))
    await service.made("deck", phrases(["card-1"]))  # kept
    same = [{**phrase, "cardId": "card-4"} for phrase in phrases(["card-1"])]
    await service.made("other", same)
    await service.made("deck", [{"textEn": "", "textFr": "Le mot est card-1", "cardId": "card-2"}])
    seen = await worker.now()
    assert {
        outcome: seen.value("tts_clips_total", engine="speech", outcome=outcome)
        for outcome in ("made", "kept", "cached", "skipped", "failed", "superseded")
    } == {"made": 4, "kept": 2, "cached": 3, "skipped": 1, "failed": 0, "superseded": 0}
    characters = sum(len(phrase[side]) for phrase in phrases(["card-1", "card-3"]) for side in ("textEn", "textFr"))
    assert seen.value("tts_characters_total", engine="speech") == characters
    assert math.isclose(seen.value("tts_estimated_cost_dollars_total"), characters * 15 / 1_000_000)
    assert seen.value("tts_upstream_request_seconds_count", status="ok") == 4
    assert seen.value("tts_pace_wait_seconds_count") == 4
    assert seen.value("tts_pace_interval_seconds") == 0.01
    assert seen.value("tts_jobs_ended_total", status="completed") == 5
    assert seen.value("tts_database_connections", state="in_use") >= 1  # the pacer keeps one


async def _clips_fail_and_others_are_asked_to_wait(service: Service, upstream: SpeechServer, worker: Watch) -> None:
    upstream.fail("rate_limit_exceeded", times=1, retry_after_ms="700")
    upstream.fail("refused", text="never")
    upstream.fail("silent", times=1, text="again")
    of = [{"textEn": "Say it again", "textFr": "Say never", "cardId": "card-1"}]
    assert (await service.ended(await service.post("deck", of)))["status"] == "failed"
    upstream.heal()
    seen = await worker.now()
    assert seen.value("tts_upstream_rate_limited_total") == 1
    assert math.isclose(seen.value("tts_pace_held_seconds_total"), 0.7)
    assert seen.value("tts_upstream_request_seconds_count", status="429") == 1
    assert seen.value("tts_upstream_request_seconds_count", status="400") == 1
    assert seen.value("tts_clip_failed_tries_total", reason="rate_limited") == 1
    assert seen.value("tts_clip_failed_tries_total", reason="bad_audio") == 1
    assert seen.value("tts_clips_total", outcome="failed") == 1
    assert seen.value("tts_clips_total", outcome="failed", reason="clip_refused") == 1
    assert seen.value("tts_jobs_ended_total", status="failed") == 1


async def _the_storage_fails(service: Service, worker: Watch) -> None:
    unmounted = service.storage.rename(service.storage.with_name("unmounted"))
    job = await service.ended(await service.post("deck", phrases(["card-1"], " on no disk")))
    unmounted.rename(service.storage)
    assert job["status"] == "failed"
    seen = await worker.now()
    assert seen.value("tts_storage_errors_total", storage="local") >= 1
    assert seen.value("tts_clips_total", outcome="failed", reason="storage_fault") == 2


async def _the_upstream_is_away(service: Service, upstream: SpeechServer, api: Watch) -> None:
    await upstream.stop()
    job_id = await service.post("deck", phrases(["card-1"], " once more"))
    seen = await api.until(lambda it: it.value("tts_jobs_waiting_for_upstream") == 1)
    assert seen.value("tts_jobs", status="processing") == 1
    await upstream.start()
    assert (await service.ended(job_id))["status"] == "completed"


async def _a_worker_dies(
    service: Service, upstream: SpeechServer, worker: asyncio.subprocess.Process, first: Watch, second: Watch
) -> None:
    upstream.fail("hang")
    job_id = await service.post("deck", phrases(["card-2"]))
    seen = await first.until(lambda it: it.value("tts_upstream_requests_in_flight") == 2)
    assert seen.value("tts_worker_jobs") == 1
    await _start_worker(service)
    second.url = f"http://127.0.0.1:{service.environment['WORKER_STATUS_PORT']}"
    assert (await second.now()).value("tts_job_deaths_total") == 0
    async with watching(service.url, job_id):
        await Watch(first._scrapes, service.url).until(lambda it: it.value("tts_sse_watchers") == 1)
    await service.stop(worker, signal.SIGKILL)
    upstream.heal()
    assert (await service.ended(job_id))["status"] == "completed"
    seen = await second.now()
    assert seen.value("tts_job_deaths_total") == seen.value("tts_jobs_rescued_total", cause="death") == 1


async def _requests_are_counted_by_route(service: Service, api: Watch) -> None:
    before = await api.now()
    await request(service, "GET", "/api/tts/status/of-nobody?text=Bonjour")
    await request(service, "PROPFIND", "/tea")
    await request(service, "GET", "/api/tts/jobs", user=None)
    after = await api.now()

    def more(**labels: str) -> float:
        name = "tts_http_requests_total"
        return after.value(name, **labels) - before.value(name, **labels)

    assert more(route="/api/tts/status/{job_id}", method="GET", status="404") == 1
    assert more(route="none", method="other", status="404") == 1
    assert more(route="/api/tts/jobs", method="GET", status="401") == 1
    assert after.value("tts_http_requests_total", route="/api/tts/generate", method="POST", status="202") == 10


async def _the_database_is_away(service: Service, postgres: Postgres, api: Watch) -> None:
    postgres.stop()
    try:
        seen = await api.until(lambda it: it.value("tts_database_up") == 0)
        assert math.isnan(seen.value("tts_jobs"))
        assert math.isnan(seen.value("tts_workers"))
        assert (await service.get("/api/tts/jobs")).status == 503
    finally:
        postgres.start()
    seen = await api.until(lambda it: it.value("tts_database_up") == 1 and it.value("tts_workers") >= 1)
    assert seen.value("tts_http_requests_total", route="/api/tts/jobs", status="503") == 1
