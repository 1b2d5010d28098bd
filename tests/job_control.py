"""The routes by which users steer their jobs, in words; and a lock held from outside, by which a test picks the moment."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, LiteralString

import psycopg

from tests.service import Answer, Service
from tests.shared_api import body_of, request

JSON = {"Content-Type": "application/json"}
WAITERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def cancel(service: Service, job_id: str, user: str = "anna") -> Answer:
    return await request(service, "POST", f"/api/tts/jobs/{job_id}/cancel", user=user)


async def retry(service: Service, job_id: str, user: str = "anna") -> Answer:
    return await request(service, "POST", f"/api/tts/jobs/{job_id}/retry", user=user)


async def generate(
    service: Service, of: list[dict[str, str]], deck_id: str = "deck", user: str = "anna", key: str | None = None
) -> Answer:
    """Posts a job, with an Idempotency-Key or without."""
    headers = JSON | ({"Idempotency-Key": key} if key is not None else {})
    return await request(service, "POST", "/api/tts/generate", body_of(of, deck_id), user, **headers)


async def estimate(
    service: Service, of: list[Any], deck_id: str = "deck", user: str = "anna", **more: Any
) -> dict[str, Any]:
    answer = await request(service, "POST", "/api/tts/estimate", body_of(of, deck_id, **more), user, **JSON)
    assert answer.status == 200, answer
    found: dict[str, Any] = answer.body
    assert found.keys() == {"clips", "cached", "characters", "estimatedCostUsd", "estimatedSeconds"}
    return found


async def detail(service: Service, job_id: str, user: str = "anna") -> dict[str, Any]:
    """The job in full. Whatever state it is in, its rows and its totals say the same."""
    answer = await service.get(f"/api/tts/jobs/{job_id}", user)
    assert answer.status == 200, answer
    job: dict[str, Any] = answer.body["job"]
    assert len(job["clips"]) == 2 * job["totalPhrases"] == 2 * len(job["phrases"])
    return job


def outcomes(job: dict[str, Any]) -> Counter[str]:
    """How many clips of a job in full are in which state."""
    return Counter(clip["status"] for clip in job["clips"])


def assert_adds_up(job: dict[str, Any]) -> None:
    """That a job's rows come to what its cost says."""
    done = [clip for clip in job["clips"] if clip["status"] == "done"]
    made = [clip for clip in done if not clip["cached"]]
    cost = job["cost"]
    assert (cost["clipsMade"], cost["clipsCached"]) == (len(made), len(done) - len(made)), job
    assert cost["charactersBilled"] == sum(clip["characters"] for clip in made)
    for clip in done:
        assert clip["bytes"] > 0, clip
        assert clip["durationMs"] > 0, clip
        assert all(clip[name] for name in ("url", "engine", "model", "voice", "checks")), clip


async def two_apis(service: Service, **environment: str) -> tuple[Service, Service]:
    """The service through either of two API processes."""
    await service.start_api(**environment)
    first = replace(service)
    await service.start_api(**environment)
    return first, replace(service)


@contextmanager
def locked(service: Service, statement: LiteralString, *parameters: Any) -> Iterator[None]:
    """Holds what the statement locks: whoever comes to it meanwhile waits."""
    with psycopg.connect(service.database_url) as connection:
        connection.execute(statement, parameters)
        yield


def waiters(service: Service) -> int:
    """How many connections wait for a lock."""
    return int(service.sql(WAITERS)[0][0])
