"""Tokens such as Memolist's own login gives out."""

import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import jwt

from shared.settings import ApiSettings, stop

HOURS = 24


@dataclass(frozen=True)
class Signing:
    """How tokens are signed, and what the API checks."""

    secret: str
    audience: str | None = None
    issuer: str | None = None
    user_claim: str = "sub"

    @classmethod
    def of(cls, settings: ApiSettings) -> "Signing":
        """As the settings say; without a secret, the end of the program."""
        if settings.jwt_secret is None:
            stop(f"JWT_SECRET: missing; with {settings.jwt_algorithm} only the issuer signs tokens: ask it for one")
        secret = settings.jwt_secret.get_secret_value()
        return cls(secret, settings.jwt_audience, settings.jwt_issuer, settings.jwt_user_claim)

    def token(self, user_id: str) -> str:
        """What lets this user in for `HOURS` hours."""
        now = int(time.time())
        claims = {"aud": self.audience, "iss": self.issuer, "iat": now, "exp": now + HOURS * 3600}
        given = {name: value for name, value in claims.items() if value is not None}
        # The API says it better, and once.
        warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)
        return jwt.encode({**given, self.user_claim: user_id}, self.secret, "HS256")

    def environment(self) -> dict[str, str]:
        """The same as settings of the API."""
        names = {"JWT_SECRET": self.secret, "JWT_AUDIENCE": self.audience, "JWT_ISSUER": self.issuer}
        given = {name: value for name, value in names.items() if value is not None}
        return {**given, "JWT_USER_CLAIM": self.user_claim}


def make_secret(file: Path) -> None:
    """A secret of this machine's own, in a file that is made only once."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(token_hex(32))
