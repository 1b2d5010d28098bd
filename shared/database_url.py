"""`DATABASE_URL` as Prisma writes it, turned into what libpq reads. Asks nobody."""

import re
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo, PGconn

# Prisma's own parameters (https://www.prisma.io/docs/orm/overview/databases/postgresql): libpq refuses names that it does not know.
_PRISMA_ONLY = frozenset(
    "schema connection_limit pool_timeout pgbouncer socket_timeout statement_cache_size sslaccept sslidentity"
    " single_use_connections max_idle_connection_lifetime".split()
)

# A host that is gone without a word (a failover, a pulled plug, a gateway that forgets idle connections) would otherwise hold
# an attempt to connect for minutes, a statement for a quarter of an hour, and who listens for hours. The URL may say otherwise.
_PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # milliseconds
}
_NUMBERS = (*_PATIENCE, "keepalives")
_PARAMETERS = _PRISMA_ONLY | {option.keyword.decode() for option in Conninfo.get_defaults()}
_UNESCAPED = "special characters in a user name or a password must be escaped: @ is %40, / is %2F, # is %23, ? is %3F"


def libpq_conninfo(database_url: str) -> str:
    """The same database for libpq. Raises `ValueError` without the URL, which may carry a password."""
    url = _libpq_url(database_url)
    try:
        given = conninfo_to_dict(url)
    except ProgrammingError:
        raise ValueError(_unreadable(database_url)) from None
    _check_port(str(given.get("port") or ""))
    patient = {name: given.get(name, value) for name, value in _PATIENCE.items()}
    _check_values(given | patient)
    return make_conninfo(url, **patient)


def _unreadable(database_url: str) -> str:
    """What is wrong with what libpq cannot read: often a parameter that it does not know."""
    # Where there is another @ it is part of a password with a question mark in it, and no parameter.
    for name, _ in _split(database_url)[1]:
        if name not in _PARAMETERS and name.replace("_", "").isalpha() and "@" not in database_url.partition("?")[2]:
            return f"Postgres knows no parameter {name}"
    return "not a database URL; one looks like postgresql://user:password@host:5432/name"


def _check_values(given: dict[str, Any]) -> None:
    """What libpq refuses before it asks anybody, such as a mode that it does not know: nobody need wait for that to change."""
    for name in _NUMBERS:
        if not re.fullmatch(r"-?[0-9]{1,9}", str(given.get(name) or 0)):
            raise ValueError(f"{name} must be a whole number")
    hosts = str(given.get("host") or given.get("hostaddr") or "").split(",")
    nowhere = {"host": ",".join("/dev/null" for _ in hosts), "password": "-"}  # no file is asked for one
    kept = {name: value for name, value in given.items() if name != "hostaddr"}
    attempt = PGconn.connect_start(make_conninfo(**kept | nowhere).encode())
    said = attempt.error_message.decode(errors="replace").strip()
    attempt.finish()
    if "connection to server" in said or "local socket" in said:  # as this one is, and the server's may not be
        return
    for value in given.values():
        said = said.replace(f': "{value}"', "").replace(f'"{value}"', "its value")
    raise ValueError(f"{said}: mend its parameters")


def _check_port(ports: str) -> None:
    # Part of a password, for instance, where that has a slash in it: libpq would show it when it cannot connect.
    if not all(port.isascii() and port.isdigit() for port in ports.split(",") if port):
        raise ValueError(_UNESCAPED)


def pools_transactions(database_url: str) -> bool:
    """Whether the URL says, in Prisma's words (`pgbouncer=true`), that it leads to a pooler in transaction mode."""
    return any(name == "pgbouncer" and value.lower() == "true" for name, value in _split(database_url)[1])


def _libpq_url(database_url: str) -> str:
    parts, parameters = _split(database_url)
    if any(name == "schema" and value != "public" for name, value in parameters):
        raise ValueError("only schema=public is possible: the job and card tables live there")
    kept = [(name, value) for name, value in parameters if name not in _PRISMA_ONLY]
    url = urlunsplit(("postgresql", parts.netloc, parts.path, urlencode(kept, quote_via=quote), ""))
    # urlunsplit drops the empty authority of "postgresql:///name?host=/socket", which libpq wants.
    return url if url.startswith("postgresql://") else url.replace("postgresql:", "postgresql://", 1)


def _split(database_url: str) -> tuple[SplitResult, list[tuple[str, str]]]:
    """The URL and its parameters."""
    try:
        parts = urlsplit(database_url)
        # As in libpq, a plus is a plus and no space.
        parameters = parse_qsl(parts.query.replace("+", "%2B"), keep_blank_values=True)
    except ValueError:
        raise ValueError("not a URL") from None
    if not database_url.startswith(("postgresql://", "postgres://")):
        raise ValueError("must start with postgresql://")
    if "#" in database_url or parts.netloc.count("@") > 1 or not database_url.isprintable():
        raise ValueError(_UNESCAPED)
    return parts, parameters
