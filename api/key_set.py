"""The issuer's keys, from its JWKS URL: fetched when needed, though never at a stranger's pace, and kept while the issuer is away."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any, Literal

import httpx2
import jwt
import structlog

from api.token_keys import Key, KeysAway, Unauthorized

_LIFETIME_SECONDS = 600  # how long a key that the issuer takes back stays good
_PAUSE_SECONDS = 30  # from one fetch to the next, whoever asks for whatever key
_PAUSE_WITHOUT_KEYS_SECONDS = 5
_TIMEOUT_SECONDS = 5
_MOST_BYTES = 256 * 1024
_KINDS = {"RS256": "RSA", "ES256": "EC"}
_log = structlog.get_logger(__name__)


class NotAKeySet(ValueError):
    """The answer is no key set with a key for our algorithm."""


class KeySet:
    """The keys that fit the algorithm. All who wait for a fetch share it."""

    def __init__(
        self,
        url: str,
        algorithm: Literal["RS256", "ES256"],
        lifetime_seconds: float = _LIFETIME_SECONDS,
        pause_seconds: float = _PAUSE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._algorithm = algorithm
        self._lifetime_seconds = lifetime_seconds
        self._pause_seconds = pause_seconds
        self._clock = clock
        self._keys: list[jwt.PyJWK] = []
        self._stale_at = self._next_fetch_at = 0.0
        self._is_away = False
        self._fetching: asyncio.Task[None] | None = None
        # Made here: reading the certificates takes 20 ms. Follows no redirect.
        self._http = httpx2.AsyncClient(timeout=_TIMEOUT_SECONDS, limits=httpx2.Limits(max_keepalive_connections=0))

    async def find(self, key_id: str | None) -> Key:
        """The key of this `kid`, or the only one for a token that names none. Raises `Unauthorized`, or `KeysAway`."""
        if self._clock() >= self._stale_at:
            await self._refresh(wait=not self._is_away)
        key = self._match(key_id)
        if key is None:
            await self._refresh()
            key = self._match(key_id)
        if key is None:
            raise KeysAway if self._is_away else Unauthorized("The token names no key that its issuer has.")
        found: Key = key.key
        return found

    def _match(self, key_id: str | None) -> jwt.PyJWK | None:
        if key_id is None:
            return self._keys[0] if len(self._keys) == 1 else None
        return next((key for key in self._keys if key.key_id == key_id), None)

    async def _refresh(self, *, wait: bool = True) -> None:
        """Waits for the fetch under way, or a new one unless the last was a moment ago."""
        now = self._clock()
        if self._fetching is None or self._fetching.done():
            if now < self._next_fetch_at:
                return
            pause = self._pause_seconds if self._keys else min(self._pause_seconds, _PAUSE_WITHOUT_KEYS_SECONDS)
            self._next_fetch_at = now + pause
            self._fetching = asyncio.create_task(self._fetch())
        if wait:
            # Whoever asked first may leave.
            await asyncio.shield(self._fetching)

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                self._keys = _keys_in(await self._download(), self._algorithm)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, RecursionError) as error:
            self._is_away = True
            reason = str(error) if isinstance(error, NotAKeySet) else type(error).__name__
            _log.warning("the keys at JWT_JWKS_URL cannot be fetched", reason=reason, kept=len(self._keys))
            return
        if self._is_away:
            _log.info("the keys at JWT_JWKS_URL are there again", keys=len(self._keys))
        self._is_away = False
        self._stale_at = self._clock() + self._lifetime_seconds

    async def _download(self) -> bytes:
        # Uncompressed, so that the limit holds for what is read.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        async with self._http.stream("GET", self._url, headers=headers) as answer:
            if answer.status_code != httpx2.codes.OK:
                raise NotAKeySet(f"status {answer.status_code}")
            body = b""
            async for part in answer.aiter_raw():
                body += part
                if len(body) > _MOST_BYTES:
                    raise NotAKeySet(f"more than {_MOST_BYTES} bytes")
        return body


def _keys_in(body: bytes, algorithm: str) -> list[jwt.PyJWK]:
    document = json.loads(body)
    members = document.get("keys") if isinstance(document, dict) else None
    keys = [key for member in members if (key := _key(member, algorithm))] if isinstance(members, list) else []
    if not keys:
        raise NotAKeySet(f"no key for {algorithm} in it")
    return keys


def _key(member: Any, algorithm: str) -> jwt.PyJWK | None:
    """This member of the set, if it is a public key that may sign with this algorithm."""
    if not isinstance(member, dict) or "d" in member or member.get("kty") != _KINDS[algorithm]:
        return None
    if member.get("use") not in (None, "sig") or member.get("alg") not in (None, algorithm):
        return None
    try:
        key = jwt.PyJWK(member, algorithm)
        key.Algorithm.prepare_key(key.key)  # the curve
    except jwt.PyJWTError:
        return None
    return None if key.Algorithm.check_key_length(key.key) else key
