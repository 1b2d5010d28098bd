"""The settings of an installation, in parts: what is wrong with one hides nothing that can do without it."""

from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError

from shared.keeping_settings import KeepingSettings
from shared.setting_sources import LogSettings
from shared.settings import ApiSettings, HeartbeatSettings, Settings, WorkerSettings, try_settings
from shared.storage_settings import AudioWriterSettings
from shared.voice_settings import EngineSettings
from worker.doctor.checkup import Problem, Skipped

Part = TypeVar("Part", bound=LogSettings)


class Installation:
    """Each part is called by who needs it, with the names of those settings in it that this one can spare.

    `Skipped` where another is wrong.
    """

    def __init__(self) -> None:
        self.database = _reader(Settings)
        self.storage = _reader(AudioWriterSettings)
        self.engine = _reader(EngineSettings)
        self.keeping = _reader(KeepingSettings)
        self.heartbeat = _reader(HeartbeatSettings)

    async def settings(self) -> str:
        """Every setting of the worker and of the API."""
        problems = list(dict.fromkeys(line for kind in (WorkerSettings, ApiSettings) for line in try_settings(kind)[1]))
        if len(problems) == 1 and problems[0].startswith("JWT_SECRET: missing;"):
            return "the worker's are good; no key for tokens is set here, and the API needs one where it runs"
        if problems:
            raise Problem("; ".join(problems))
        return "all good, of worker and API"


def _reader(kind: type[Part]) -> Callable[..., Part]:
    def read(*spared: str) -> Part:
        wrong = _wrong(kind)
        # How the log looks is nothing to any check.
        needed = wrong - {*spared, *LogSettings.model_fields}
        if needed:
            names = sorted(name.upper() if name in kind.model_fields else name for name in needed)
            raise Skipped(f"needs {', '.join(names)}: see the first line")
        # What is given here goes before the environment.
        return kind(**{name: kind.model_fields[name].get_default() for name in wrong})

    return read


def _wrong(kind: type[LogSettings]) -> set[str]:
    """The names of settings that are wrong; "the settings" where they could not be read at all."""
    try:
        kind()
    except ValidationError as error:
        return {str(detail["loc"][0]) for detail in error.errors(include_input=False) if detail["loc"]}
    except (OSError, ValueError):  # of a file
        return {"the settings"}
    return set()
