"""What the user's own settings say to programs on this machine. The database is always ours: theirs is never even read."""

import json
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from shared.settings import ApiSettings, Settings, WorkerSettings, read_settings

OURS = {
    "database_url": "postgresql:///unused",
    "storage_type": "local",
    "storage_dir": ".",
    "public_base_url": "http://unused",
    # Tokens are this machine's own.
    "jwt_algorithm": "HS256",
    "jwt_public_key": None,
    "jwt_jwks_url": None,
}


class _Local(Settings):
    """Settings in which the database and the storage are not the user's business."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *sources: PydanticBaseSettingsSource, **named: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return InitSettingsSource(settings_cls, OURS), *super().settings_customise_sources(
            settings_cls, *sources, **named
        )


class _Wish(_Local):
    tts_engine: str = ""
    openai_api_key: SecretStr = SecretStr("")


class _Engine(_Local, WorkerSettings):
    pass


class LocalApiSettings(_Local, ApiSettings):
    """Where the API listens, and how tokens are signed."""


def local_api_settings(jwt_secret: Path) -> LocalApiSettings:
    """The user's own, with the secret in this file, if it is there, where they name none."""
    secret = {"jwt_secret": jwt_secret.read_text()} if jwt_secret.exists() else {}

    class WithSecret(LocalApiSettings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *sources: Any, **named: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            first = super().settings_customise_sources(settings_cls, *sources, **named)
            return *first, InitSettingsSource(settings_cls, secret)

    return read_settings(WithSecret)


def engine_environment() -> dict[str, str]:
    """The worker's settings of the engine: espeak, unless the user names one and, for speech, has its key."""
    wish = read_settings(_Wish)
    if not wish.tts_engine or (wish.tts_engine == "speech" and not wish.openai_api_key.get_secret_value()):
        return {"TTS_ENGINE": "espeak"}
    values = read_settings(_Engine).model_dump(exclude_none=True)
    return {name.upper(): _text(value) for name, value in values.items() if name.startswith(("tts_", "openai_"))}


def _text(value: Any) -> str:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case dict():
            return json.dumps(value)
        case _:
            return str(value)
