"""How Alembic meets the database: one connection, one transaction for all steps, one run at a time."""

import psycopg
from alembic import context
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, NullPool, create_engine, text

CONNECT_TIMEOUT_SECONDS = 10


def connect() -> psycopg.Connection:
    """A connection to the URL in the settings, whose own options are kept."""
    conninfo = context.config.attributes["conninfo"]
    timeout = conninfo_to_dict(conninfo).get("connect_timeout", CONNECT_TIMEOUT_SECONDS)
    return psycopg.connect(conninfo, connect_timeout=timeout, prepare_threshold=None)


def prepare(connection: Connection) -> None:
    """Takes the lock, then makes sure of schema `tts`, since Alembic's own table lives in it."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('memolist tts migrations', 0))"))
    # LOCAL: it ends with the transaction, and so works behind PgBouncer too.
    connection.execute(text("SET LOCAL search_path = tts, public"))
    connection.execute(text("SET LOCAL TimeZone = 'UTC'"))
    # Not IF NOT EXISTS, which asks for the right to create schemas even where an administrator made this one.
    if connection.scalar(text("SELECT to_regnamespace('tts') IS NULL")):
        connection.execute(text("CREATE SCHEMA tts"))


# READ COMMITTED whatever the role's default: the run that waited for the lock must see what the other one did.
engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool, isolation_level="READ COMMITTED")
with engine.begin() as connection:
    prepare(connection)
    context.configure(connection=connection, version_table_schema="tts")
    context.run_migrations()
