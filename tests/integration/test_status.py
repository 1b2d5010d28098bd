"""What `GET /api/tts/status/{jobId}` answers: the brief's example, key for key, and never another user's job."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from tests.postgres import Postgres
from tests.service import Service, phrases
from tests.shared_api import assert_problem, nothing_queued, request, shared_api

pytestmark = pytest.mark.asyncio(loop_scope="module")

# To the letter.
BRIEF = """
{
  "job": {
    "id": "job-id-xyz",
    "status": "completed",
    "totalPhrases": 2,
    "processedCount": 2,
    "errorMessage": null,
    "resultUrls": [
      {
        "cardId": "card-id-456",
        "audioUrlEn": "http://localhost/storage/tts/card-id-456_en.mp3",
        "audioUrlFr": "http://localhost/storage/tts/card-id-456_fr.mp3"
      },
      {
        "cardId": "card-id-789",
        "audioUrlEn": "http://localhost/storage/tts/card-id-789_en.mp3",
        "audioUrlFr": "http://localhost/storage/tts/card-id-789_fr.mp3"
      }
    ],
    "createdAt": "2026-02-02T10:00:00.000Z",
    "completedAt": "2026-02-02T10:05:00.000Z"
  }
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(
    postgres: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    async with shared_api(postgres, migrated_template, tmp_path_factory.mktemp("status")) as service:
        service.add_deck("deck-1", ["card-1", "card-2"])
        yield service
        assert "error of ours" not in service.log("api")


def put_job(api: Service, job_id: str, **changed: Any) -> None:
    """A row as Memolist's database may hold it; what is not changed is as the brief's example."""
    job = json.loads(BRIEF)["job"] | {"id": job_id, "userId": "anna", "deckId": "deck-1", "phrases": []} | changed
    names = ", ".join(f'"{name}"' for name in job)
    values = [json.dumps(value) if isinstance(value, list) else value for value in job.values()]
    api.sql(f'INSERT INTO public."TtsJob" ({names}) VALUES ({", ".join(["%s"] * len(values))})', *values)


async def test_the_answer_is_the_brief_s(api: Service) -> None:
    put_job(api, "job-id-xyz")

    answer = await api.get("/api/tts/status/job-id-xyz")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body == json.loads(BRIEF)


async def test_a_new_job_is_pending_and_has_no_urls_and_no_end(api: Service) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    job_id = await api.post("deck-1", phrases(["card-1", "card-2"]))

    job = await api.job(job_id)

    created_at = job.pop("createdAt")
    assert job == {
        "id": job_id,
        "status": "pending",
        "totalPhrases": 2,
        "processedCount": 0,
        "errorMessage": None,
        "resultUrls": [],
        "completedAt": None,
    }
    assert before < datetime.strptime(created_at, "%Y-%m-%dT%H:%M:%S.%f%z") < datetime.now(UTC)
    assert len(created_at) == len("2026-02-02T10:00:00.000Z")
    assert created_at.endswith("Z")


async def test_what_failed_carries_its_error(api: Service) -> None:
    entry = {"cardId": "card-1", "audioUrlEn": None, "audioUrlFr": "http://x/card-1_fr.mp3", "error": "no voice"}
    put_job(api, "failed-job", status="failed", errorMessage="1 of 2 clips failed", resultUrls=[entry])

    job = await api.job("failed-job")

    assert job["status"] == "failed"
    assert job["errorMessage"] == "1 of 2 clips failed"
    assert job["resultUrls"] == [entry]


async def test_a_row_without_urls_has_an_empty_list_of_them(api: Service) -> None:
    """The brief's column has no default."""
    put_job(api, "old-job", resultUrls=None)

    assert (await api.job("old-job"))["resultUrls"] == []


async def test_times_have_three_digits_of_a_second(api: Service) -> None:
    put_job(api, "odd-times", createdAt="2026-02-02 10:00:00.123999", completedAt="2026-12-31 23:59:59.9")

    job = await api.job("odd-times")

    assert job["createdAt"] == "2026-02-02T10:00:00.123Z"
    assert job["completedAt"] == "2026-12-31T23:59:59.900Z"


async def test_times_are_utc_on_a_server_elsewhere(
    postgres: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with shared_api(postgres, migrated_template, tmp_path_factory.mktemp("india")) as api:
        api.sql(f"ALTER DATABASE {urlsplit(api.database_url).path[1:]} SET timezone = 'Asia/Kolkata'")
        api.add_deck("deck-1", ["card-1"])

        created_at = (await api.job(await api.post("deck-1", phrases(["card-1"]))))["createdAt"]

    assert abs(datetime.strptime(created_at, "%Y-%m-%dT%H:%M:%S.%f%z") - datetime.now(UTC)) < timedelta(minutes=1)


async def test_another_user_s_job_is_not_there(api: Service) -> None:
    put_job(api, "job-of-bob", userId="bob")
    put_job(api, "job-of-nobody", userId=None)
    unknown = assert_problem(await api.get("/api/tts/status/not-there"), 404)

    for job_id in ("job-of-bob", "job-of-nobody"):
        assert assert_problem(await api.get(f"/api/tts/status/{job_id}"), 404) == unknown


@pytest.mark.parametrize(
    "job_id",
    [
        "%00",
        "a%00b",
        "x" * 10_000,
        "a/b",
        "a%2Fb",
        "..%2F..%2Fetc%2Fpasswd",
        "%2e%2e",
        "%FF",
        "%ED%A0%80",
        "%F0%9F%98%80",
        "%20",
        "%",
        "%zz",
        "'%3B%20DROP%20TABLE",
        "{job_id:str}",
    ],
    ids=range(15),
)
async def test_an_id_that_no_job_has_is_a_404(api: Service, job_id: str) -> None:
    with nothing_queued(api):
        assert_problem(await request(api, "GET", f"/api/tts/status/{job_id}"), 404)


async def test_what_comes_after_the_question_mark_does_no_harm(api: Service) -> None:
    put_job(api, "asked-for")

    assert (await request(api, "GET", "/api/tts/status/asked-for?x=%00&x=%FF&&=")).status == 200
    assert (await request(api, "GET", "/api/tts/status/asked-for/")).status == 200
