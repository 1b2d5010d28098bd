"""The bucket: how it is opened, and under which names and headers things lie in it."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from obstore.store import S3Store

from shared.storage_settings import AudioWriterSettings

CACHE = ".cache"
# A copy takes them along. The URL stays and the audio changes: ask each time, an unchanged file costs a 304.
HEADERS = {"Content-Type": "audio/mpeg", "Cache-Control": "no-cache"}
# S3's own times are whole seconds, and those of the last copy.
MADE_AT = "made-at"


def open_bucket(settings: AudioWriterSettings, timeout_seconds: float, retries: int) -> S3Store:
    """The bucket of the settings; one request, with its tries, ends in less than a minute. Raises `obstore`'s errors."""
    _forget_empty_settings()
    endpoint = settings.aws_endpoint_url
    return S3Store(
        settings.aws_s3_bucket,
        region=settings.aws_region or "us-east-1",
        virtual_hosted_style_request=endpoint is None and "." not in (settings.aws_s3_bucket or ""),
        disable_bulk_delete=True,  # not every store has it
        client_options={
            "allow_http": (endpoint or "").startswith("http://"),
            "timeout": timedelta(seconds=timeout_seconds),
            "connect_timeout": timedelta(seconds=min(timeout_seconds, 5)),
        },
        retry_config={
            "max_retries": retries,
            "retry_timeout": timedelta(seconds=30),
            "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2},
        },
        **_given(settings),
    )


def clip_headers(made_at: datetime) -> dict[str, str]:
    """What a clip is stored with."""
    return HEADERS | {MADE_AT: made_at.isoformat()}


def made_at(attributes: dict[str, str], last_modified: datetime) -> datetime:
    """When a clip was made, by the clock of the worker that made it."""
    try:
        made = datetime.fromisoformat(attributes[MADE_AT])
    except (KeyError, ValueError):
        return last_modified  # put there by somebody else
    return made if made.tzinfo else made.replace(tzinfo=UTC)


def _given(settings: AudioWriterSettings) -> dict[str, Any]:
    """Without keys obstore looks for some itself."""
    key_id, secret = settings.aws_access_key_id, settings.aws_secret_access_key
    keys = (
        {"access_key_id": key_id.get_secret_value(), "secret_access_key": secret.get_secret_value()}
        if key_id and secret
        else {}
    )
    return keys | ({"endpoint": settings.aws_endpoint_url} if settings.aws_endpoint_url else {})


def _forget_empty_settings() -> None:
    # Compose hands over what is not set as empty, and obstore reads the environment too: it would sign with an empty key.
    for name in [name for name, value in os.environ.items() if name.startswith("AWS_") and not value]:
        del os.environ[name]
