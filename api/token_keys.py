"""The key that a token is checked with: the one of the settings, or the one that it names of the issuer's key set."""

import warnings
from typing import Protocol

import jwt
import structlog
from litestar.exceptions import NotAuthorizedException, ServiceUnavailableException

from shared.public_key import PublicKey, load_public_key
from shared.settings import ApiSettings

Key = str | PublicKey
_RETRY_AFTER_SECONDS = "5"
_SAFE_SECRET_BYTES = 32  # RFC 7518, 3.2: no shorter than the hash
_log = structlog.get_logger(__name__)


class Unauthorized(NotAuthorizedException):
    """401, with the header that says how to get in."""

    def __init__(self, reason: str) -> None:
        super().__init__(detail=reason, headers={"WWW-Authenticate": "Bearer"})


class KeysAway(ServiceUnavailableException):
    """503: nobody can say whether the token is good. After a 401 its user would log in again, in vain."""

    def __init__(self) -> None:
        super().__init__(
            detail="The keys that tokens are checked with cannot be fetched just now. Try again in a few seconds.",
            headers={"Retry-After": _RETRY_AFTER_SECONDS},
        )


class Keys(Protocol):
    """Where keys come from."""

    async def find(self, key_id: str | None) -> Key:
        """The key of this `kid`. Raises `Unauthorized`, or `KeysAway`."""


class OneKey:
    """The secret or the public key of the settings, whatever a token calls it."""

    def __init__(self, key: Key) -> None:
        self._key = key

    async def find(self, key_id: str | None) -> Key:
        return self._key


def keys_of(settings: ApiSettings) -> Keys:
    """The one source of keys that the settings name."""
    if settings.jwt_algorithm != "HS256" and settings.jwt_jwks_url:
        from api.key_set import KeySet  # its HTTP client has no other use here

        return KeySet(settings.jwt_jwks_url, settings.jwt_algorithm)
    if settings.jwt_algorithm != "HS256" and settings.jwt_public_key:
        return OneKey(load_public_key(settings.jwt_public_key, settings.jwt_algorithm))
    assert settings.jwt_secret  # noqa: S101 — the settings see to it
    return OneKey(_checked(settings.jwt_secret.get_secret_value()))


def _checked(secret: str) -> str:
    # PyJWT would say it at every token.
    warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)
    if len(secret.encode()) < _SAFE_SECRET_BYTES:
        _log.warning(f"JWT_SECRET has less than {_SAFE_SECRET_BYTES} bytes: it can be guessed from any token")
    return secret
