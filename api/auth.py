"""Who is asking: every request under `/api/` brings a JWT. Knows nothing of decks."""

from dataclasses import dataclass
from typing import Any, Self

import jwt
from litestar.connection import ASGIConnection
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp
from structlog.contextvars import bind_contextvars

from api.storable import is_storable
from api.token_keys import Key, Unauthorized, keys_of
from shared.settings import ApiSettings

_LEEWAY_SECONDS = 30
_LONGEST_TOKEN = 16 * 1024  # nginx lets headers of 20 KiB through
_LAST_SECOND = 253_402_300_799  # of the year 9999
# The others come from headers and claims that no honest issuer writes: a thousand brackets, a date in the year 10⁹.
_BAD_TOKEN = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)


@dataclass(frozen=True)
class User:
    """Who is asking, and until when the token lets them: seconds as in `time.time()`."""

    id: str
    good_until: float


class TokenVerifier:
    """Reads tokens as the settings say that they are made."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._keys = keys_of(settings)

    def __deepcopy__(self, _: dict[int, Any]) -> Self:
        """Itself: Litestar copies a route with all that hangs on it, and all routes share one set of keys."""
        return self

    async def user_of(self, token: str) -> User:
        """Whose token it is. Raises `Unauthorized`, or `KeysAway` where nobody can say."""
        claims = self._claims(token, await self._keys.find(self._key_id(token)))
        user_id = claims.get(self._settings.jwt_user_claim)
        if not isinstance(user_id, str) or not user_id or not is_storable(user_id):
            raise Unauthorized(f"The token has no claim {self._settings.jwt_user_claim} that names a user.")
        return User(user_id, float(min(claims["exp"], _LAST_SECOND)) + _LEEWAY_SECONDS)

    def _key_id(self, token: str) -> str | None:
        if len(token) > _LONGEST_TOKEN:
            raise Unauthorized(f"The token is longer than {_LONGEST_TOKEN} characters.")
        try:
            header = jwt.get_unverified_header(token)
        except _BAD_TOKEN as error:
            raise _invalid(error) from None
        # Before a key is looked for: what is refused anyway costs no fetch.
        if header.get("alg") != self._settings.jwt_algorithm:
            raise Unauthorized("The token is signed with another algorithm.")
        return header.get("kid")

    def _claims(self, token: str, key: Key) -> dict[str, Any]:
        settings = self._settings
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[settings.jwt_algorithm],
                audience=settings.jwt_audience,
                issuer=settings.jwt_issuer,
                leeway=_LEEWAY_SECONDS,
                options={
                    "require": ["exp"],
                    "verify_aud": settings.jwt_audience is not None,
                    # Claims that nothing here reads: whatever the issuer puts there.
                    "verify_sub": False,
                    "verify_jti": False,
                },
            )
        except jwt.ExpiredSignatureError:
            raise Unauthorized("The token has expired: ask for a new one.") from None
        except _BAD_TOKEN as error:
            raise _invalid(error) from None
        # PyJWT reads the text "9999999999" as a date.
        if not all(type(claims.get(name, 0)) in (int, float) for name in ("exp", "nbf", "iat")):
            raise Unauthorized("The token has a date that is not a number.")
        return claims


def _invalid(error: Exception) -> Unauthorized:
    return Unauthorized(f"The token is not valid ({type(error).__name__}).")


class AuthMiddleware(AbstractAuthenticationMiddleware):
    """Lets in whoever brings one good `Authorization: Bearer` header."""

    def __init__(self, app: ASGIApp, verifier: TokenVerifier) -> None:
        super().__init__(app)
        self._verifier = verifier

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        # With two of them, a proxy before us might have read the other.
        header, *others = connection.headers.getall("authorization", [""])
        scheme, _, token = header.partition(" ")
        if others or scheme.lower() != "bearer" or not token.strip():
            raise Unauthorized("A token is needed: send one header Authorization: Bearer <jwt>.")
        user = await self._verifier.user_of(token.strip())
        bind_contextvars(user_id=user.id)
        return AuthenticationResult(user=user, auth=None)
