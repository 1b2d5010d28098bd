"""What S3's errors mean and what to do: one line each. Never the error itself, which quotes requests, and with them key names."""

import re

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from shared.storage_settings import AudioWriterSettings

# FileNotFoundError is obstore's word for a 404.
S3_ERRORS = (BaseError, FileNotFoundError)
_BY_CODE = {
    "NoSuchBucket": "AWS_S3_BUCKET: there is no bucket {bucket} at {place}",
    "NoSuchKey": "a clip is missing in bucket {bucket}",
    "AccessDenied": "AWS_ACCESS_KEY_ID: access to bucket {bucket} is denied; docs/storage.md has the policy that the worker needs",
    "InvalidAccessKeyId": "AWS_ACCESS_KEY_ID: {place} does not know it",
    "SignatureDoesNotMatch": "AWS_SECRET_ACCESS_KEY: it does not belong to AWS_ACCESS_KEY_ID",
    "ExpiredToken": "AWS_ACCESS_KEY_ID: these temporary credentials have expired",
    "InvalidToken": "AWS_ACCESS_KEY_ID: these temporary credentials are not valid",
    "RequestTimeTooSkewed": "the clock of this machine is wrong by more than 15 minutes: set it, by NTP for example",
    "PermanentRedirect": "AWS_REGION: bucket {bucket} is in another region",
    "AuthorizationHeaderMalformed": "AWS_REGION: bucket {bucket} is in another region",
    "IllegalLocationConstraintException": "AWS_REGION: bucket {bucket} is in another region",
    "SlowDown": "{place} asks to slow down, and went on asking when tried again; the job can be run again later",
}
_IN_TEXT = {
    "incorrectly configured region": _BY_CODE["PermanentRedirect"],
    "code: 30": _BY_CODE["PermanentRedirect"],
    "code: 503": _BY_CODE["SlowDown"],
    "code: 5": "{place} is in trouble, and was still when tried again; the job can be run again later",
    "TimedOut": "{place} does not answer in time",
    "error sending request": "{setting}: {place} cannot be reached, or breaks the connection",
}


def explain(error: Exception, settings: AudioWriterSettings) -> str:
    """One line for a person, that names the setting to look at, where there is one."""
    text = str(error)
    endpoint = settings.aws_endpoint_url
    found = {
        "bucket": settings.aws_s3_bucket,
        "place": endpoint or f"S3 in {settings.aws_region}",
        "setting": "AWS_ENDPOINT_URL" if endpoint else "AWS_REGION",
    }
    return _sentence(error, text, settings).format_map(found) + _other_region(text)


def _sentence(error: Exception, text: str, settings: AudioWriterSettings) -> str:
    if _is_about_credentials(text, settings):
        return (
            "AWS_ACCESS_KEY_ID: there are no credentials: set it and AWS_SECRET_ACCESS_KEY, or give this machine a role"
        )
    code = re.search(r"<Code>(\w+)</Code>", text)
    if code and code[1] in _BY_CODE:
        return _BY_CODE[code[1]]
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return _BY_CODE["AccessDenied"]
    if isinstance(error, FileNotFoundError):
        return _BY_CODE["NoSuchKey"]
    for part, sentence in _IN_TEXT.items():
        if part in text:
            return sentence
    status = re.search(r"status code: (\d+)", text)
    return "{place} refuses the request (" + (code[1] if code else status[1] if status else type(error).__name__) + ")"


def _is_about_credentials(text: str, settings: AudioWriterSettings) -> bool:
    """Whether the request that failed was none to the bucket, but to who gives out credentials."""
    url = re.search(r"Error performing \w+ (\S+)", text)
    bucket = settings.aws_s3_bucket
    return url is not None and f"//{bucket}." not in url[1] and f"/{bucket}/" not in f"{url[1]}/"


def _other_region(text: str) -> str:
    region = re.search(r"<Region>([\w-]+)</Region>|expecting '([\w-]+)'", text)
    return f": {region[1] or region[2]}" if region else ""
