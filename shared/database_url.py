"""`DATABASE_URL` as Prisma writes it, turned into what libpq reads. Pure."""

from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

# Prisma's own parameters (https://www.prisma.io/docs/orm/overview/databases/postgresql): libpq refuses names that it does not know.
_PRISMA_ONLY = frozenset(
    "schema connection_limit pool_timeout pgbouncer socket_timeout statement_cache_size sslaccept sslidentity"
    " single_use_connections max_idle_connection_lifetime".split()
)


# Our tables are in `tts`, Memolist's in `public`; `TIMESTAMP` columns hold UTC whatever the server's time zone.
# A process that is frozen, or cut off, in the middle of a transaction would keep its locks for as long.
IDLE_IN_TRANSACTION_SECONDS = 10
_SESSION_OPTIONS = (
    f"-c search_path=tts,public -c TimeZone=UTC -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_SECONDS}s"
)
# A host that drops packets would otherwise hold a connection attempt for minutes.
_CONNECT_TIMEOUT_SECONDS = 5
_UNESCAPED = "special characters in a user name or a password must be escaped: @ is %40, / is %2F, # is %23, ? is %3F"


def libpq_conninfo(database_url: str) -> str:
    """The same database for libpq, with our search path and time zone. Raises `ValueError` without the URL, which may carry a password."""
    url = _without_prisma_parameters(database_url)
    try:
        given = conninfo_to_dict(url)
        _check_port(str(given.get("port") or ""))
        return make_conninfo(
            url,
            options=" ".join(filter(None, [str(given.get("options") or ""), _SESSION_OPTIONS])),
            connect_timeout=given.get("connect_timeout", _CONNECT_TIMEOUT_SECONDS),
        )
    except ProgrammingError:
        raise ValueError("not a database URL; one looks like postgresql://user:password@host:5432/name") from None


def _check_port(ports: str) -> None:
    # Part of a password, for instance, where that has a slash in it: libpq would show it when it cannot connect.
    if not all(port.isascii() and port.isdigit() for port in ports.split(",") if port):
        raise ValueError(_UNESCAPED)


def _without_prisma_parameters(database_url: str) -> str:
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
    if any(name == "schema" and value != "public" for name, value in parameters):
        raise ValueError("only schema=public is possible: the job and card tables live there")
    kept = [(name, value) for name, value in parameters if name not in _PRISMA_ONLY]
    url = urlunsplit(("postgresql", parts.netloc, parts.path, urlencode(kept, quote_via=quote), ""))
    # urlunsplit drops the empty authority of "postgresql:///name?host=/socket", which libpq wants.
    return url if url.startswith("postgresql://") else url.replace("postgresql:", "postgresql://", 1)
