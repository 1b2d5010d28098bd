"""Every setting of the service: from the environment, else `.env`, else `config.json`. Read once, by a program's `main`."""

import json
import sys
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    JsonConfigSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from shared.clips import Side, Voice
from shared.database_url import libpq_conninfo

OPENAI_BASE_URL = "https://api.openai.com/v1"

EngineName = Literal["speech", "espeak"]


def _base_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_base = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # its message shows the URL
        is_base = False
    if not is_base or any(character in url for character in "?# ") or not url.isprintable():
        raise ValueError("must be an http(s) URL such as https://example.org/v1")
    if parts.username or parts.password:
        raise ValueError("must not carry a user name or a password")
    return url.rstrip("/")


def _writable_name(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise ValueError("there is no such home directory") from None


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _database_url(url: SecretStr) -> SecretStr:
    libpq_conninfo(url.get_secret_value())
    return url


def _header_value(key: SecretStr) -> SecretStr:
    value = key.get_secret_value()
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise ValueError("must be ASCII characters without spaces: it is sent in an HTTP header")
    return key


def _json_object(value: Any) -> Any:
    try:
        content = json.loads(value) if isinstance(value, str) else value
        json.dumps(content, allow_nan=False)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise ValueError('must be a JSON object such as {"seed": 1}')
    return content


BaseUrl = Annotated[str, AfterValidator(_base_url)]
# Decoded here and not by pydantic-settings, which would tell of this setting alone.
JsonObject = Annotated[dict[str, Any], NoDecode, BeforeValidator(_json_object)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]


class Settings(BaseSettings):
    """What the API, the worker and the migrations have in common."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8-sig",
        json_file="config.json",
        json_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    database_url: Annotated[SecretStr, AfterValidator(_database_url)]
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = "info"
    log_format: Annotated[Literal["console", "json"], BeforeValidator(_lower)] = "console"

    @property
    def conninfo(self) -> str:
        """`DATABASE_URL` as libpq reads it, with our search path and time zone. Carries the password: never to be logged."""
        return libpq_conninfo(self.database_url.get_secret_value())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, dotenv_settings, _UpperCaseJson(settings_cls)


class StorageSettings(Settings):
    """Where audio is kept, and how it is reached."""

    storage_type: Literal["local"] = "local"
    storage_dir: Annotated[Path, AfterValidator(_writable_name)] = Path("/app/storage/tts")
    public_base_url: BaseUrl = "http://localhost/storage/tts"


class ApiSettings(StorageSettings):
    """What the API needs: it starts without an OpenAI key."""

    api_host: str = "127.0.0.1"
    api_port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    api_serves_audio: bool = False
    jwt_secret: Annotated[SecretStr, Field(min_length=1)]
    jwt_audience: str | None = None
    jwt_issuer: str | None = None
    jwt_user_claim: str = "sub"


class WorkerSettings(StorageSettings):
    """What the worker needs."""

    tts_engine: EngineName = "speech"
    openai_api_key: Annotated[SecretStr, AfterValidator(_header_value), Field(validate_default=True)] = SecretStr("")
    openai_base_url: BaseUrl = OPENAI_BASE_URL
    tts_model: str | None = None
    tts_voice_en: str | None = None
    tts_voice_fr: str | None = None
    tts_instructions_en: str = (
        "Read the text exactly as it is written, in American English, with a natural accent,"
        " clearly and at an even pace, as for someone who is learning the language."
    )
    tts_instructions_fr: str = (
        "Lis le texte exactement comme il est écrit, en français de France, avec un accent naturel,"
        " clairement et à un rythme régulier, comme pour une personne qui apprend la langue."
    )
    tts_speed: Annotated[float, Field(ge=0.25, le=4.0)] = 1.0
    tts_extra_body: JsonObject = Field(default_factory=dict)
    tts_request_interval_ms: Annotated[float, Field(ge=0, le=3_600_000)] | None = None
    tts_max_in_flight: Annotated[int, Field(ge=1, le=1_000)] = 8
    tts_max_attempts: Annotated[int, Field(ge=1, le=100)] = 3
    tts_request_timeout_s: Seconds = 60
    tts_outage_patience_s: Annotated[float, Field(ge=0, le=31_536_000, allow_inf_nan=False)] = 3_600
    poll_interval_ms: Annotated[int, Field(ge=100, le=3_600_000)] = 5_000
    worker_concurrency: Annotated[int, Field(ge=1, le=10_000)] = 256
    worker_heartbeat_s: Seconds = 3
    worker_shutdown_timeout_s: Seconds = 20

    @field_validator("openai_api_key")
    @classmethod
    def _check_key(cls, key: SecretStr, others: ValidationInfo) -> SecretStr:
        if others.data.get("tts_engine") == "speech" and not key.get_secret_value():
            raise ValueError("missing; the speech engine needs it (any word will do for a server that asks for none)")
        return key

    @property
    def request_interval_ms(self) -> float:
        """Least time between two requests to the upstream, over all workers."""
        if self.tts_request_interval_ms is not None:
            return self.tts_request_interval_ms
        return 0 if self.tts_engine == "espeak" else 500

    def voice(self, side: Side) -> Voice:
        """Who speaks this side."""
        if self.tts_engine == "espeak":
            default = {"en": "en-us", "fr": "fr"}[side]
            base_url, model, instructions = "", self.tts_model or "espeak-ng", ""
        else:
            default = "marin"
            base_url, model = self.openai_base_url, self.tts_model or "gpt-4o-mini-tts"
            instructions = self.tts_instructions_en if side == "en" else self.tts_instructions_fr
        chosen = self.tts_voice_en if side == "en" else self.tts_voice_fr
        return Voice(
            side, self.tts_engine, base_url, model, chosen or default, instructions, self.tts_speed, self.tts_extra_body
        )


AnySettings = TypeVar("AnySettings", bound=Settings)


def read_settings(kind: type[AnySettings]) -> AnySettings:
    """The settings of one program, or the end of it: exit code 1 and one line that names what is wrong, never a value."""
    try:
        return kind()  # type: ignore[call-arg]
    except ValidationError as error:
        stop("; ".join(_line(detail) for detail in error.errors(include_input=False, include_url=False)))
    except ConfigFileError as error:
        stop(str(error))
    except (OSError, ValueError) as error:
        stop(f".env: cannot be read as UTF-8 text ({type(error).__name__})")


def stop(line: str) -> NoReturn:
    """Ends a program that cannot start, with one line for the person who started it."""
    print(f"Cannot start: {line}", file=sys.stderr)  # noqa: T201
    raise SystemExit(1)


class ConfigFileError(ValueError):
    """config.json must hold one JSON object with the names of `.env` in it."""


class _UpperCaseJson(JsonConfigSettingsSource):
    """`config.json` with the names of the environment: `DATABASE_URL`, not `database_url`."""

    def _read_file(self, file_path: Path | Traversable) -> dict[str, Any]:
        try:
            values = json.loads(file_path.read_text(encoding="utf-8").removeprefix("\ufeff"))
        except OSError as error:
            raise ConfigFileError(f"config.json: cannot be read ({type(error).__name__})") from error
        except (ValueError, RecursionError) as error:
            raise ConfigFileError("config.json: not valid JSON") from error
        if not isinstance(values, dict):
            raise ConfigFileError(ConfigFileError.__doc__)
        return {name.lower(): value for name, value in values.items() if value not in (None, "")}


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
