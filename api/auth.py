"""Who is asking: every request under `/api/` brings a JWT. Knows nothing of decks."""

import warnings
from dataclasses import dataclass
from typing import Any

import jwt
import structlog
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp

from api.storable import is_storable
from shared.settings import ApiSettings

_LEEWAY_SECONDS = 30
_SAFE_SECRET_BYTES = 32  # RFC 7518, 3.2: no shorter than the hash
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class User:
    """Who is asking."""

    id: str


class Unauthorized(NotAuthorizedException):
    """401, with the header that says how to get in."""

    def __init__(self, reason: str) -> None:
        super().__init__(detail=reason, headers={"WWW-Authenticate": "Bearer"})


class TokenVerifier:
    """Reads tokens as `JWT_SECRET` and the settings beside it say."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        # PyJWT would say it at every token.
        warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)
        if len(settings.jwt_secret.get_secret_value().encode()) < _SAFE_SECRET_BYTES:
            _log.warning(f"JWT_SECRET has less than {_SAFE_SECRET_BYTES} bytes: it can be guessed from any token")

    def user_of(self, token: str) -> User:
        """Whose token it is. Raises `Unauthorized`."""
        settings = self._settings
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                settings.jwt_secret.get_secret_value(),
                algorithms=["HS256"],
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
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            # The others come from headers and claims that no honest issuer writes: a thousand brackets, a date in the year 10⁹.
            raise Unauthorized(f"The token is not valid ({type(error).__name__}).") from None
        user_id = claims.get(settings.jwt_user_claim)
        if not isinstance(user_id, str) or not user_id or not is_storable(user_id):
            raise Unauthorized(f"The token has no claim {settings.jwt_user_claim} that names a user.")
        return User(user_id)


class AuthMiddleware(AbstractAuthenticationMiddleware):
    """Lets in whoever brings a good `Authorization: Bearer` header."""

    def __init__(self, app: ASGIApp, verifier: TokenVerifier) -> None:
        super().__init__(app)
        self._verifier = verifier

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthorized("A token is needed: send the header Authorization: Bearer <jwt>.")
        return AuthenticationResult(user=self._verifier.user_of(token.strip()), auth=None)
