"""Every setting of the service, by program. Read once, by a program's `main`."""

import sys
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import Field, ValidationError

from shared.database_url import libpq_conninfo, pools_transactions
from shared.keeping_settings import KeepingSettings
from shared.setting_sources import ConfigFileError, LogSettings
from shared.setting_types import DatabaseUrl, Seconds
from shared.storage_settings import AudioUrlSettings, AudioWriterSettings
from shared.token_settings import TokenSettings
from shared.voice_settings import EngineSettings, VoiceSettings


class Settings(LogSettings):
    """What the API, the worker and the migrations have in common."""

    database_url: DatabaseUrl
    direct_url: DatabaseUrl | None = None

    @property
    def conninfo(self) -> str:
        """`DATABASE_URL` as libpq reads it. Carries the password: never to be logged."""
        return libpq_conninfo(self.database_url.get_secret_value())

    @property
    def direct_conninfo(self) -> str:
        """The same of `DIRECT_URL`, where it is set: for what a pooler in transaction mode cannot do."""
        return libpq_conninfo((self.direct_url or self.database_url).get_secret_value())

    @property
    def pools_transactions(self) -> bool:
        """Whether `DATABASE_URL` leads to a pooler in transaction mode: nothing may be left in a session."""
        return pools_transactions(self.database_url.get_secret_value())


class StorageSettings(AudioUrlSettings, Settings):
    """Where audio is kept, and how it is reached."""


class ApiSettings(TokenSettings, VoiceSettings, StorageSettings):
    """What the API needs: it starts without an OpenAI key."""

    api_host: str = "127.0.0.1"
    api_port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    api_serves_audio: bool = False
    max_active_jobs_per_user: Annotated[int, Field(ge=1, le=1_000_000)] = 20


class SweepSettings(KeepingSettings, AudioWriterSettings, StorageSettings):
    """What it takes to clear away what nobody needs any more."""


class HeartbeatSettings(LogSettings):
    """After how long a worker counts as dead."""

    worker_heartbeat_s: Seconds = 3


class WorkerSettings(HeartbeatSettings, EngineSettings, SweepSettings):
    """What the worker needs."""

    tts_max_attempts: Annotated[int, Field(ge=1, le=100)] = 3
    tts_outage_patience_s: Annotated[float, Field(ge=0, le=31_536_000, allow_inf_nan=False)] = 3_600
    poll_interval_ms: Annotated[int, Field(ge=100, le=3_600_000)] = 5_000
    worker_concurrency: Annotated[int, Field(ge=1, le=10_000)] = 256
    worker_shutdown_timeout_s: Seconds = 20
    worker_status_host: str = "127.0.0.1"
    worker_status_port: Annotated[int | None, Field(ge=1, le=65_535)] = None


AnySettings = TypeVar("AnySettings", bound=LogSettings)


def read_settings(kind: type[AnySettings]) -> AnySettings:
    """The settings of one program, or the end of it: exit code 1 and one line that names what is wrong, never a value."""
    settings, problems = try_settings(kind)
    if settings is None:
        stop("; ".join(problems))
    return settings


def try_settings(kind: type[AnySettings]) -> tuple[AnySettings | None, list[str]]:
    """The settings of one program; or None, and a line for each that is wrong."""
    try:
        return kind(), []
    except ValidationError as error:
        return None, [_line(detail) for detail in error.errors(include_input=False, include_url=False)]
    except ConfigFileError as error:
        return None, [str(error)]
    except (OSError, ValueError) as error:
        return None, [f".env: cannot be read as UTF-8 text ({type(error).__name__})"]


def stop(line: str) -> NoReturn:
    """Ends a program that cannot start, with one line for the person who started it."""
    print(f"Cannot start: {line}", file=sys.stderr)  # noqa: T201
    raise SystemExit(1)


def _line(detail: Any) -> str:
    name = ".".join(str(part) for part in detail["loc"][:1]).upper()
    message = detail["msg"].removeprefix("Value error, ")
    if not name:
        return str(message)
    return (
        f"{name}: missing; set it in the environment, .env or config.json"
        if detail["type"] == "missing"
        else f"{name}: {message}"
    )
