"""Where audio is kept and how it is reached: a folder, or a bucket of S3 or of a store that speaks its language."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from shared.setting_sources import LogSettings
from shared.setting_types import BaseUrl, FolderPath, HeaderSecret

LOCAL_URL = "http://localhost/storage/tts"


class AudioUrlSettings(LogSettings):
    """What every program may know of the storage."""

    storage_type: Literal["local", "s3"] = "local"
    storage_dir: FolderPath = Path("/app/storage/tts")
    aws_endpoint_url: BaseUrl | None = None
    aws_region: Annotated[str | None, Field(validate_default=True)] = None
    aws_s3_bucket: Annotated[str | None, Field(validate_default=True)] = None
    public_base_url: Annotated[BaseUrl, Field(validate_default=True)] = ""

    @field_validator("aws_region", "aws_s3_bucket")
    @classmethod
    def _check_name(cls, name: str | None) -> str | None:
        if name is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", name):
            raise ValueError("must be a name such as AWS gives it, not a URL")
        return name

    @field_validator("public_base_url", mode="before")
    @classmethod
    def _find_url(cls, url: Any, others: ValidationInfo) -> Any:
        return url or _default_url(others.data)


class AudioWriterSettings(AudioUrlSettings):
    """What it takes to write audio. Without keys the ordinary AWS chain finds some: web identity, container, instance."""

    aws_access_key_id: HeaderSecret | None = None
    aws_secret_access_key: Annotated[HeaderSecret | None, Field(validate_default=True)] = None

    @field_validator("aws_region")
    @classmethod
    def _check_region(cls, region: str | None, others: ValidationInfo) -> str | None:
        # A store that is not AWS' takes any, as a rule.
        is_needed = others.data.get("storage_type") == "s3" and others.data.get("aws_endpoint_url", "") is None
        if is_needed and region is None:
            raise ValueError("missing; STORAGE_TYPE=s3 needs it, or AWS_ENDPOINT_URL for a store that is not AWS'")
        return region

    @field_validator("aws_s3_bucket")
    @classmethod
    def _check_bucket(cls, bucket: str | None, others: ValidationInfo) -> str | None:
        if bucket is None and others.data.get("storage_type") == "s3":
            raise ValueError("missing; STORAGE_TYPE=s3 needs it")
        return bucket

    @field_validator("aws_secret_access_key")
    @classmethod
    def _check_pair(cls, secret: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        key_id = others.data.get("aws_access_key_id", secret)
        if (key_id is None) != (secret is None):
            raise ValueError("goes together with AWS_ACCESS_KEY_ID: set both, or neither")
        return secret


def _default_url(place: dict[str, Any]) -> str:
    if place.get("storage_type") != "s3":
        return LOCAL_URL
    names = ("aws_endpoint_url", "aws_region", "aws_s3_bucket")
    if not all(name in place for name in names):
        return LOCAL_URL  # one of them is wrong, and is told
    endpoint, region, bucket = (place[name] for name in names)
    if not bucket or not (endpoint or region):
        raise ValueError("missing; with STORAGE_TYPE=s3 set it, or AWS_S3_BUCKET and AWS_REGION")
    if endpoint:
        return f"{endpoint}/{bucket}"
    # A certificate for *.s3… covers no name with dots.
    return (
        f"https://s3.{region}.amazonaws.com/{bucket}"
        if "." in bucket
        else f"https://{bucket}.s3.{region}.amazonaws.com"
    )
