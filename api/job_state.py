"""A job as it was at one moment, as Server-Sent Events tell it. Written once, however many watch. Pure."""

from functools import cached_property
from hashlib import blake2s

import msgspec

from api.schemas import CardUrls, JobProgress, JobStatus
from shared.jobs import UNFINISHED


class JobState:
    """`read_at` is when its read began: of two states, the one that was read later is the newer."""

    def __init__(self, job: JobStatus, read_at: float) -> None:
        self.job = job
        self.read_at = read_at
        self._since: dict[str, bytes] = {}

    @property
    def has_ended(self) -> bool:
        return self.job.status not in UNFINISHED

    @cached_property
    def id(self) -> str:
        """The same for equal jobs only, in every process."""
        return blake2s(self._json, digest_size=8).hexdigest()

    @property
    def end_id(self) -> str:
        """Whoever has seen the event of this id knows all."""
        return f"end-{self.id}"

    @cached_property
    def snapshot(self) -> bytes:
        """All of it: what was known before is void."""
        return _event("snapshot", self.id, self._json)

    @property
    def end(self) -> bytes:
        """All of it, and that nothing will follow."""
        return _event("end", self.end_id, self._json)

    def since(self, before: "JobState") -> bytes:
        """What is new to somebody who knows the state before: progress, or a snapshot where the job began anew."""
        if before.id not in self._since:
            self._since[before.id] = self._write_since(before)
        return self._since[before.id]

    def _write_since(self, before: "JobState") -> bytes:
        if before._cards.keys() - self._cards.keys():
            return self.snapshot
        new = [entry for card_id, entry in self._cards.items() if before._cards.get(card_id) != entry]
        job = self.job
        progress = JobProgress(job.status, job.processed_count, job.total_phrases, job.error_message, new)
        return _event("progress", self.id, msgspec.json.encode(progress))

    @cached_property
    def _cards(self) -> dict[str | None, CardUrls]:
        return {entry.get("cardId"): entry for entry in self.job.result_urls}

    @cached_property
    def _json(self) -> bytes:
        return msgspec.json.encode(self.job)


def _event(name: str, event_id: str, data: bytes) -> bytes:
    # JSON has no line breaks of its own, so the data is one line.
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (event_id.encode(), name.encode(), data)
