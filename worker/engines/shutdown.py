"""OpenAI shuts its speech models down on 2027-01-06: who is told, when, and what to do then. Knows nothing of requests."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime
from urllib.parse import urlsplit

import structlog

from worker.errors import ModelNotFound

LAST_MONTH_BEGINS = date(2026, 12, 6)
SHUTDOWN_DAY = date(2027, 1, 6)
WHAT_TO_DO = "set TTS_ENGINE=realtime, take TTS_MODEL out, keep everything else"

# With all their snapshots: https://developers.openai.com/api/docs/deprecations
_FAMILIES = ("tts-1", "gpt-4o-mini-tts")
# A worker may run for months: it looks at the calendar this often.
_CHECK_SECONDS = 3_600.0
_log = structlog.get_logger(__name__)


def utc_today() -> date:
    return datetime.now(UTC).date()


def is_openai(base_url: str) -> bool:
    """OpenAI itself, its regional hosts included; not a server that speaks its dialect."""
    host = urlsplit(base_url).hostname or ""
    return host == "api.openai.com" or host.endswith(".api.openai.com")


def ends(base_url: str, model: str) -> bool:
    """Whether this model, there, is one of those that are shut down."""
    return is_openai(base_url) and any(model == family or model.startswith(f"{family}-") for family in _FAMILIES)


class ModelShutdown:
    """Warns of it once at the start, and from a month before once a day; says afterwards what a missing model means."""

    def __init__(
        self,
        base_url: str,
        model: str = "gpt-4o-mini-tts",
        today: Callable[[], date] = utc_today,
        check_seconds: float = _CHECK_SECONDS,
    ) -> None:
        self._base_url = base_url
        self._model = model
        self._today = today
        self._check_seconds = check_seconds
        self._warned_on: date | None = None

    async def run(self) -> None:
        """Warns until it is cancelled, or at once returns where there is nothing to warn of."""
        while ends(self._base_url, self._model):
            self.run_once()
            await asyncio.sleep(self._check_seconds)

    def run_once(self) -> None:
        """Warns, if it is time to."""
        today = self._today()
        first = self._warned_on is None
        if first or (today >= LAST_MONTH_BEGINS and today != self._warned_on):
            self._warned_on = today
            verb = "has shut" if today >= SHUTDOWN_DAY else "shuts"
            _log.warning(
                f"OpenAI {verb} this speech model down on {SHUTDOWN_DAY}: {WHAT_TO_DO}; see docs/switching.md",
                base_url=self._base_url,
                model=self._model,
                days_left=max((SHUTDOWN_DAY - today).days, 0),
            )

    def explain(self, missing: ModelNotFound, model: str) -> ModelNotFound:
        """What a person should read where the upstream knows no `model`: the reason, where this is it."""
        if self._today() < SHUTDOWN_DAY or not ends(self._base_url, model):
            return missing
        explained = ModelNotFound(
            f"OpenAI shut the speech model {model} down on {SHUTDOWN_DAY}: {WHAT_TO_DO}, restart the worker, and run the job"
            " again. Audio that is already made stays and is not bought again."
        )
        explained.status = missing.status
        return explained
