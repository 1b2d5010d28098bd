"""The bucket of a test, seen past the door and with its owner's key."""

import json
import re
from pathlib import Path

import obstore
from obstore.store import S3Store


def open_directly(moto_url: str, bucket: str) -> S3Store:
    return S3Store(
        bucket,
        endpoint=moto_url,
        region="us-east-1",
        access_key_id="AKIATEST",
        secret_access_key="a-secret-of-the-tests",
        client_options={"allow_http": True},
    )


def objects(moto_url: str, bucket: str) -> dict[str, tuple[int, str]]:
    """Everything in the bucket, the hidden too: size and ETag."""
    pages = obstore.list(open_directly(moto_url, bucket))
    return {one["path"]: (one["size"], one["e_tag"] or "") for page in pages for one in page}


def clips(moto_url: str, bucket: str) -> list[bytes]:
    """The audio of all clips in the cache."""
    store = open_directly(moto_url, bucket)
    paths = [one["path"] for page in obstore.list(store, prefix=".cache") for one in page]
    return [bytes(obstore.get(store, path).bytes()) for path in paths if path.endswith(".mp3")]


def documented_policy(name: str, bucket: str) -> str:
    """A policy of docs/storage.md, found by the `Sid` of its first statement, for this bucket."""
    text = (Path(__file__).parent.parent / "docs" / "storage.md").read_text(encoding="utf-8")
    for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL):
        policy = json.loads(block)
        if isinstance(policy, dict) and policy["Statement"][0]["Sid"] == name:
            return json.dumps(policy).replace("YOUR-BUCKET", bucket)
    raise LookupError(name)
