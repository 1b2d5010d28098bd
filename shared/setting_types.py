"""What a setting may look like: types that say in one line what is wrong with a value, and never show it."""

import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from shared.database_url import libpq_conninfo


def as_base_url(url: str) -> str:
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


def _without_text(fields: dict[str, Any]) -> dict[str, Any]:
    if "input" in fields:
        raise ValueError('must not hold "input": the text is always the card\'s')
    return fields


BaseUrl = Annotated[str, AfterValidator(as_base_url)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
FolderPath = Annotated[Path, AfterValidator(_writable_name)]
HeaderSecret = Annotated[SecretStr, AfterValidator(_header_value)]
# Decoded here and not by pydantic-settings, which would tell of this setting alone.
ExtraBody = Annotated[dict[str, Any], NoDecode, BeforeValidator(_json_object), AfterValidator(_without_text)]
AnyCase = BeforeValidator(_lower)
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
