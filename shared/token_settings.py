"""How the API checks tokens: with a secret, a public key or an issuer's key set; exactly one, and one that fits the algorithm."""

from ipaddress import ip_address
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, field_validator

from shared.setting_sources import LogSettings

_NEAR = ("localhost", "local", "internal")
_NOT_FOR_HS256 = "needs JWT_ALGORITHM=RS256 or ES256, and no JWT_SECRET"
_OR_A_KEY = "or JWT_PUBLIC_KEY or JWT_JWKS_URL with their JWT_ALGORITHM"


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _key_set_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # its message shows the URL
        is_url = False
    if not is_url or any(character in url for character in "# \\") or not (url.isascii() and url.isprintable()):
        raise ValueError("must be a URL such as https://example.org/.well-known/jwks.json")
    if parts.username or parts.password:
        raise ValueError("must not carry a user name or a password")
    if parts.scheme == "http" and not _is_near(parts.hostname or ""):
        raise ValueError(
            "must be https, unless its host is on this network: over http anybody between could put in a key"
        )
    return url


def _is_near(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        # A name without a dot is that of a container or a service.
        return "." not in host or host.rpartition(".")[2] in _NEAR


class TokenSettings(LogSettings):
    """The issuer's key, and what its tokens must say. Each check knows the fields above it, but for those that are wrong themselves."""

    jwt_algorithm: Annotated[Literal["HS256", "RS256", "ES256"], BeforeValidator(_upper)] = "HS256"
    jwt_jwks_url: Annotated[str, AfterValidator(_key_set_url)] | None = None
    jwt_public_key: Annotated[str | None, Field(validate_default=True)] = None
    jwt_secret: Annotated[SecretStr | None, Field(validate_default=True)] = None
    jwt_audience: str | None = None
    jwt_issuer: str | None = None
    jwt_user_claim: str = "sub"

    @field_validator("jwt_jwks_url")
    @classmethod
    def _check_url(cls, url: str | None, others: ValidationInfo) -> str | None:
        if url and others.data.get("jwt_algorithm") == "HS256":
            raise ValueError(_NOT_FOR_HS256)
        return url

    @field_validator("jwt_public_key")
    @classmethod
    def _check_public_key(cls, text: str | None, others: ValidationInfo) -> str | None:
        algorithm = others.data.get("jwt_algorithm")
        url = others.data.get("jwt_jwks_url", "wrong")
        if text and url:
            raise ValueError("JWT_JWKS_URL is set as well: only one of the two can be")
        if text and algorithm == "HS256":
            raise ValueError(_NOT_FOR_HS256)
        if text and algorithm:
            from shared.public_key import load_public_key  # most have no such key: 50 ms

            load_public_key(text, algorithm)
        if not text and not url and algorithm in ("RS256", "ES256"):
            raise ValueError(f"missing; {algorithm} needs it, or JWT_JWKS_URL")
        return text

    @field_validator("jwt_secret")
    @classmethod
    def _check_secret(cls, secret: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        algorithm = others.data.get("jwt_algorithm")
        if secret and algorithm in ("RS256", "ES256"):
            raise ValueError(f"is for HS256, and JWT_ALGORITHM is {algorithm}")
        if secret and algorithm:
            _refuse_key(secret)
        if not secret and algorithm == "HS256" and {"jwt_jwks_url", "jwt_public_key"} <= others.data.keys():
            raise ValueError(f"missing; set it in the environment, .env or config.json, {_OR_A_KEY}")
        return secret


def _refuse_key(secret: SecretStr) -> None:
    """A key pair's public half is known to everybody: PyJWT takes none for a secret, and would refuse every token."""
    import jwt

    try:
        jwt.get_algorithm_by_name("HS256").prepare_key(secret.get_secret_value())
    except jwt.InvalidKeyError:
        raise ValueError("is a key or a certificate: a public key goes into JWT_PUBLIC_KEY") from None
