"""The API as a client of the frontend's kind sees it: over HTTP, with a token, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from shared.jobs import Phrase, ResultUrl

TIMEOUT_SECONDS = 30


class RequestRefused(Exception):
    """The API did not answer as it should."""


@dataclass(frozen=True)
class JobStatus:
    """What `GET /api/tts/status/{id}` says."""

    status: str
    total_phrases: int
    processed_count: int
    error_message: str | None
    result_urls: list[ResultUrl]

    @property
    def has_ended(self) -> bool:
        return self.status not in ("pending", "processing")


class ApiClient:
    """One user's requests."""

    def __init__(self, base_url: str, token: str) -> None:
        # Proxies of the environment are for the way out, not for this machine.
        self._http = httpx2.Client(
            base_url=base_url, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT_SECONDS, trust_env=False
        )

    def generate(self, deck_id: str, phrases: Sequence[Phrase]) -> str:
        """The new job's id."""
        answer = self._json(self._http.post("/api/tts/generate", json={"deckId": deck_id, "phrases": list(phrases)}))
        return str(answer["jobId"])

    def status(self, job_id: str) -> JobStatus:
        job = self._json(self._http.get(f"/api/tts/status/{job_id}"))["job"]
        return JobStatus(
            job["status"], job["totalPhrases"], job["processedCount"], job["errorMessage"], job["resultUrls"]
        )

    def audio(self, url: str) -> bytes:
        """The MP3 at this URL, without a token, as a browser gets it."""
        answer = httpx2.get(url, timeout=TIMEOUT_SECONDS, trust_env=False)
        kind = answer.headers.get("content-type")
        if answer.status_code != httpx2.codes.OK or kind != "audio/mpeg":
            raise RequestRefused(f"GET {url} answers {answer.status_code}, {kind}")
        return answer.content

    def _json(self, answer: httpx2.Response) -> dict[str, Any]:
        if not answer.is_success:
            raise RequestRefused(
                f"{answer.request.method} {answer.url} answers {answer.status_code}: {answer.text[:500]}"
            )
        body: dict[str, Any] = answer.json()
        return body
