"""A connection that did not come about, for a person: which setting it was, what was said, and what to do."""

from typing import Any

from shared.errors import MemolistError

# Said by a server, or before one was asked: waiting would not mend it. The first that fits is taken.
_FOR_A_PERSON = {
    "password authentication failed": "put the right user and password into {setting} (POSTGRES_PASSWORD in compose)",
    "no password supplied": "put the password into {setting} (POSTGRES_PASSWORD in compose)",
    "certificate": "mend sslmode, sslrootcert and the like in {setting}",
    "SSL was required": "mend sslmode in {setting}, or let the server speak TLS",
    "pg_hba.conf": "let the server accept this user and address, or put others into {setting}",
    "not permitted to log in": "put another user into {setting}, or let this one log in",
    'FATAL:  role "': "put the right user into {setting}, or create it",
    'FATAL:  database "': "put the right database into {setting}, or create it",
    "no such database": "put the right database into {setting}, or name it to the pooler",
    "no such user": "put the right user into {setting}, or name it to the pooler",
    "invalid value for parameter": "mend the parameters of {setting}",
    "unrecognized configuration parameter": "mend the parameters of {setting}",
}
_FOR_A_WHILE = {
    "Connection refused": "start Postgres, or put its address into {setting}",
    "No such file": "start Postgres, or put its socket into {setting}",
    "resolve": "put a host that this machine knows into {setting}",
    "timeout": "is the address in {setting} right, and does a firewall let this machine through?",
    "connection slots": "raise max_connections, or run fewer workers and API processes",
    "too many": "raise max_connections, or run fewer workers and API processes",
    "starting up": "wait until Postgres has started",
}


class DatabaseUnreached(MemolistError):
    """The database cannot be reached."""

    def __init__(self, setting: str, error: BaseException) -> None:
        """`setting` is the name of the one that holds the address; `error` is psycopg's, whose words tell no password."""
        self.takes_a_person, said, advice = _read(error)
        super().__init__(f"{setting}: {said}: {advice.format(setting=setting)}")


def first_line(error: BaseException) -> str:
    """What a connection error says, for a person; the lines below are hints, one for each address that was tried."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def _read(error: Any) -> tuple[bool, str, str]:
    """Whether it takes a person, the line that says the most, and what to do."""
    for takes_a_person, advices in ((True, _FOR_A_PERSON), (False, _FOR_A_WHILE)):
        for words, advice in advices.items():
            # Several lines where a name has several addresses, or was tried with and without TLS.
            for line in str(error).splitlines():
                if words in line:
                    return takes_a_person, line.strip(" \t-"), advice
    return False, first_line(error), "see Postgres' log"
