"""`python -m scripts.print_token USER`: a token, signed with JWT_SECRET, or with the secret of `just dev` where there is none."""

import sys

from scripts.home import CHECKOUT, Home
from scripts.local_settings import local_api_settings
from scripts.signing import Signing
from shared.settings import stop


def main() -> None:
    if len(sys.argv) != 2 or not sys.argv[1]:
        stop("name the user: just token USER")
    settings = local_api_settings(Home(CHECKOUT / ".local").jwt_secret)
    print(Signing.of(settings).token(sys.argv[1]))


if __name__ == "__main__":
    main()
