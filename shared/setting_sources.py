"""Where settings come from: the environment, else `.env`, else `config.json`."""

import json
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic_settings import (
    BaseSettings,
    JsonConfigSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from shared.setting_types import AnyCase


class ConfigFileError(ValueError):
    """config.json must hold one JSON object with the names of `.env` in it."""


class UpperCaseJson(JsonConfigSettingsSource):
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


class LogSettings(BaseSettings):
    """What every program and command reads, and from where."""

    model_config = SettingsConfigDict(
        defer_build=True,  # only the class that a program reads is ever needed
        env_file=".env",
        env_file_encoding="utf-8-sig",
        json_file="config.json",
        json_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    log_level: Annotated[Literal["debug", "info", "warning", "error"], AnyCase] = "info"
    log_format: Annotated[Literal["console", "json"], AnyCase] = "console"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, dotenv_settings, UpperCaseJson(settings_cls)
