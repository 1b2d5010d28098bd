"""The settings of an installation, in parts: what is wrong with one does not hide the others."""

from typing import TypeVar

from shared.keeping_settings import KeepingSettings
from shared.setting_sources import LogSettings
from shared.settings import ApiSettings, Settings, WorkerSettings, try_settings
from shared.storage_settings import AudioWriterSettings
from shared.voice_settings import EngineSettings
from worker.doctor.checkup import Problem, Skipped

Part = TypeVar("Part", bound=LogSettings)


class Installation:
    """Reads the settings once."""

    def __init__(self) -> None:
        self.database, _ = try_settings(Settings)
        self.storage, _ = try_settings(AudioWriterSettings)
        self.engine, _ = try_settings(EngineSettings)
        self.keeping, _ = try_settings(KeepingSettings)
        self.worker, self._worker_problems = try_settings(WorkerSettings)
        self.api, self._api_problems = try_settings(ApiSettings)

    async def settings(self) -> str:
        """Every setting of the worker and of the API."""
        problems = list(dict.fromkeys([*self._worker_problems, *self._api_problems]))
        if len(problems) == 1 and problems[0].startswith("JWT_SECRET: missing;"):
            return "the worker's are good; no key for tokens is set here, and the API needs one where it runs"
        if problems:
            raise Problem("; ".join(problems))
        return "all good, of worker and API"


def need(part: Part | None, what: str) -> Part:
    """A part of the settings; `Skipped` where they are wrong."""
    if part is None:
        raise Skipped(f"{what} are wrong: see the first line")
    return part
