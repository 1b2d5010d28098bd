"""How every process reaches Postgres: one engine, one session factory. Nothing here knows a table."""

from typing import Any

import msgspec
from psycopg import AsyncConnection
from sqlalchemy import Connection, event
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from shared.metrics import watch_pool
from shared.settings import Settings

# What every statement may raise while Postgres restarts or cannot be reached: trying again later helps.
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
# A process that is frozen, or cut off, in the middle of a transaction would keep its locks for as long.
IDLE_IN_TRANSACTION_SECONDS = 10
# Our tables are in `tts`, Memolist's in `public`; `TIMESTAMP` columns hold UTC whatever the server's time zone. Said by a
# statement and not while connecting: poolers refuse such parameters, or lose them.
_EXPECTED = {
    "search_path": "tts,public",
    "TimeZone": "UTC",
    "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_SECONDS}s",
}

Sessions = async_sessionmaker[AsyncSession]


def create_engine(settings: Settings, pool_size: int, lock_timeout_seconds: float = 0) -> AsyncEngine:
    """An engine with at most `pool_size` connections. A connection that Postgres dropped is replaced when it is next taken.

    A statement that waits for a lock for `lock_timeout_seconds` fails as if the database were away; 0 waits for ever.
    """
    expected = _EXPECTED | {"lock_timeout": f"{lock_timeout_seconds * 1000:.0f}ms"}

    async def connect() -> AsyncConnection[Any]:
        if settings.pools_transactions:  # a prepared statement would be looked for in another session
            return await AsyncConnection.connect(settings.conninfo, prepare_threshold=None)
        connection = await AsyncConnection.connect(settings.conninfo)
        await prepare_session(connection, expected)
        return connection

    engine = create_async_engine(
        "postgresql+psycopg://",
        async_creator=connect,
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        hide_parameters=True,  # an error's text would carry the phrases
        json_serializer=lambda value: msgspec.json.encode(value).decode(),
        json_deserializer=msgspec.json.decode,
    )
    watch_pool(engine)
    if settings.pools_transactions:
        _prepare_transactions(engine, expected)
    return engine


def create_sessions(engine: AsyncEngine) -> Sessions:
    """Sessions that never read again what was committed. Each transaction begins and commits at the edge: `sessions.begin()`."""
    return async_sessionmaker(engine, expire_on_commit=False)


async def prepare_session(connection: AsyncConnection[Any], expected: dict[str, str] = _EXPECTED) -> None:
    """Sets what all our statements expect, until the connection is closed; closes it where that fails."""
    is_autocommit = connection.autocommit
    try:
        await connection.set_autocommit(True)
        await connection.execute(_statement(expected, is_local=False))
        await connection.set_autocommit(is_autocommit)
    except BaseException:
        await connection.close()
        raise


def _prepare_transactions(engine: AsyncEngine, expected: dict[str, str]) -> None:
    """The same for each transaction on its own: the next one may be on another connection to the server, and others on this."""
    statement = _statement(expected, is_local=True).decode()

    @event.listens_for(engine.sync_engine, "begin")
    def prepare(connection: Connection) -> None:
        connection.exec_driver_sql(statement)


def _statement(expected: dict[str, str], is_local: bool) -> bytes:
    calls = (f"set_config('{name}', '{value}', {is_local})" for name, value in expected.items())
    return f"SELECT {', '.join(calls)}".encode()
