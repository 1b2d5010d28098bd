"""`python -S -m shared.probe URL`: a container's health check. Says what the answer said, where it was not a good one.

The standard library alone, and without `site`: it runs every few seconds.
"""

import sys
from urllib.error import HTTPError
from urllib.request import urlopen

_PATIENCE_SECONDS = 4


def main() -> None:
    try:
        urlopen(sys.argv[1], timeout=_PATIENCE_SECONDS).close()  # noqa: S310
    except HTTPError as error:
        sys.exit(f"{error}: {error.read(1_000).decode(errors='replace')}")
    except OSError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
