"""`DATABASE_URL` as people and Prisma write it, and what libpq is given."""

from contextlib import suppress
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr
from sqlalchemy import text

from shared.database import create_engine
from shared.database_url import libpq_conninfo, pools_transactions
from shared.settings import Settings

# Who waits for a host that is gone without a word.
PATIENCE = {
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
}
WORD = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30)


def given_to_libpq(url: str) -> dict[str, Any]:
    return dict(conninfo_to_dict(libpq_conninfo(url)))


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_every_part_of_the_url_arrives(scheme: str) -> None:
    assert (
        given_to_libpq(f"{scheme}://anna:pw@db.example:5433/memolist")
        == {
            "user": "anna",
            "password": "pw",
            "host": "db.example",
            "port": "5433",
            "dbname": "memolist",
        }
        | PATIENCE
    )


def test_what_only_prisma_understands_is_dropped() -> None:
    prisma = (
        "schema=public&connection_limit=5&pool_timeout=10&pgbouncer=true&socket_timeout=30&statement_cache_size=0"
        "&sslaccept=strict&sslidentity=client.p12&single_use_connections=true&max_idle_connection_lifetime=30"
    )
    assert given_to_libpq(f"postgresql://db/memolist?{prisma}") == given_to_libpq("postgresql://db/memolist")


def test_what_libpq_understands_is_kept() -> None:
    found = given_to_libpq(
        "postgresql://db/memolist?sslmode=require&gssencmode=require&schema=public&connect_timeout=30&application_name=a%20b"
        "&keepalives_idle=60&options=endpoint%3Dep-1"
    )
    assert [found["sslmode"], found["application_name"], found["options"]] == ["require", "a b", "endpoint=ep-1"]
    assert [found["connect_timeout"], found["keepalives_idle"], found["keepalives_count"]] == ["30", "60", "3"]


@pytest.mark.parametrize(
    ("parameters", "is_pooled"),
    [("", False), ("?pgbouncer=true", True), ("?schema=public&pgbouncer=TRUE", True), ("?pgbouncer=false", False)],
)
def test_a_pooler_in_transaction_mode_is_told_in_prisma_s_words(parameters: str, is_pooled: bool) -> None:
    assert pools_transactions(f"postgresql://db/memolist{parameters}") is is_pooled


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("postgresql:///memolist?host=/tmp/x", "/tmp/x"),
        ("postgresql:///memolist?host=%2Ftmp%2Fx", "/tmp/x"),
        ("postgresql://%2Ftmp%2Fx/memolist", "/tmp/x"),
        ("postgresql://anna@/memolist?host=/tmp/a%20b", "/tmp/a b"),
        ("postgresql://[::1]:5433/memolist", "::1"),
        ("postgresql://one:5432,two:5433/memolist", "one,two"),
    ],
)
def test_the_server_may_be_a_socket_an_ipv6_address_or_one_of_several(url: str, host: str) -> None:
    found = given_to_libpq(url)
    assert [found["host"], found["dbname"]] == [host, "memolist"]


@given(user=WORD, password=WORD, name=WORD)
def test_escaped_characters_arrive_as_they_are(user: str, password: str, name: str) -> None:
    found = given_to_libpq(
        f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@db/{quote(name, safe='')}?schema=public"
    )
    assert [found["user"], found["password"], found["dbname"], found["host"]] == [user, password, name, "db"]


@given(password=WORD)
def test_a_password_may_be_a_parameter(password: str) -> None:
    assert given_to_libpq(f"postgresql://db/x?password={quote(password, safe='+')}")["password"] == password


@pytest.mark.parametrize("password", ["p:w", "p+w", "p=w", "p&w", "p!w$*'()", "p;w", "pä"])
def test_characters_that_need_no_escape_arrive_as_they_are(password: str) -> None:
    assert given_to_libpq(f"postgresql://anna:{password}@db/memolist")["password"] == password


@pytest.mark.parametrize("schema", ["tts", "", "Public", "public,tts"])
def test_another_schema_is_an_error(schema: str) -> None:
    with pytest.raises(ValueError, match="only schema=public"):
        libpq_conninfo(f"postgresql://anna:s3cret@db/memolist?schema={schema}")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://anna:s3cret@db/memolist", "must start with postgresql://"),
        ("postgresql:anna:s3cret@db", "must start with postgresql://"),
        ("s3cret", "must start with postgresql://"),
        ("", "must start with postgresql://"),
        ("postgresql://anna:s3cret@[db/memolist", "not a URL"),
        ("postgresql://anna:s3cret%@db/memolist", "not a database URL"),
        ("postgresql://anna:s3cret@db/memolist?nonsense=s3cret", "no parameter nonsense$"),
        ("postgresql://anna:s3cret@db/memolist?sslmode=s3cret", "^invalid sslmode value"),
        ("postgresql://anna:s3cret@db/memolist?keepalives=s3cret", "keepalives must be a whole number"),
        ("postgresql://anna:s3cret@db:99999/memolist", "^invalid port number"),
        ("postgresql://anna:s3cret@db/memolist?sslrootcert=system&sslmode=require", "^weak sslmode"),
        ("postgresql://anna:s3cret?x@db/memolist", "not a database URL"),
        ("postgresql://anna:s3cret#x@db/memolist", "must be escaped"),
        ("postgresql://anna:s3cret/x@db/memolist", "must be escaped"),
        ("postgresql://anna:x@s3cret@db/memolist", "must be escaped"),
        ("postgresql://anna:s3cret\0x@db/memolist", "must be escaped"),
        ("postgresql://anna:s3cret\n@db/memolist", "must be escaped"),
        ("postgresql://db:s3cret/memolist", "must be escaped"),
    ],
)
def test_an_error_says_what_is_wrong_and_never_the_password(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        libpq_conninfo(url)
    assert "s3cret" not in f"{raised.value} {raised.value.__cause__}"
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


@given(st.text())
def test_any_other_text_is_a_url_or_such_an_error(text: str) -> None:
    for url in (text, f"postgresql://{text}", f"postgresql://db/x?{text}"):
        with suppress(ValueError):
            libpq_conninfo(url)


@pytest.mark.parametrize("mode", ["", "&pgbouncer=true"])
async def test_a_connection_works_in_utc_with_our_tables_first_whatever_the_url_says(
    database_url: str, mode: str
) -> None:
    url = f"{database_url}{'&' if '?' in database_url else '?'}schema=public&options=-c%20TimeZone%3DAsia/Tokyo{mode}"
    engine = create_engine(Settings(database_url=SecretStr(url)), 1, lock_timeout_seconds=7)
    shown = [f"current_setting('{name}')" for name in ("TimeZone", "search_path", "lock_timeout")]
    try:
        for _ in range(2):  # the second is a later transaction of the same connection
            async with engine.begin() as connection:
                found = (await connection.execute(text(f"SELECT {', '.join(shown)}"))).one()
            assert tuple(found) == ("UTC", "tts,public", "7s")
    finally:
        await engine.dispose()
