"""How every process reaches Postgres: one engine, one session factory. Nothing here knows a table."""

from typing import Any

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.errors import IdleInTransactionSessionTimeout, ReadOnlySqlTransaction, TransactionTimeout
from sqlalchemy import Connection, ExceptionContext, event, text
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from shared.errors import DatabaseAway
from shared.metrics import watch_pool
from shared.settings import Settings

# What every statement may raise while Postgres restarts, cannot be reached, or only reads (a standby, a disk that is full), and
# where it ended a transaction that this process, frozen or too busy, left open: trying again later helps. First psycopg's.
_AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    ReadOnlySqlTransaction,
    IdleInTransactionSessionTimeout,
    TransactionTimeout,
)
# The same as our engine raises it.
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout, DatabaseAway)
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
    event.listen(engine.sync_engine, "handle_error", _as_away)
    if settings.pools_transactions:
        _prepare_transactions(engine, expected)
    return engine


def create_sessions(engine: AsyncEngine) -> Sessions:
    """Sessions that never read again what was committed. Each transaction begins and commits at the edge: `sessions.begin()`."""
    return async_sessionmaker(engine, expire_on_commit=False)


def is_away(error: BaseException | None) -> bool:
    """Whether this, psycopg's or our engine's, says that the database is away."""
    return isinstance(error, _AWAY + DATABASE_AWAY)


async def check_writable(session: AsyncSession) -> None:
    """Raises `DatabaseAway` where Postgres answers, and only reads."""
    if await session.scalar(text("SELECT current_setting('transaction_read_only')")) == "on":
        raise DatabaseAway


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


def _as_away(context: ExceptionContext) -> OperationalError | None:
    """What to raise instead: for psycopg, and so for SQLAlchemy, some absences are internal errors."""
    told = context.sqlalchemy_exception
    if not isinstance(told, InternalError) or not is_away(context.original_exception):
        return None
    return OperationalError(told.statement, told.params, context.original_exception, told.hide_parameters)


def _prepare_transactions(engine: AsyncEngine, expected: dict[str, str]) -> None:
    """The same for each transaction on its own: the next one may be on another connection to the server, and others on this."""
    statement = _statement(expected, is_local=True).decode()

    @event.listens_for(engine.sync_engine, "begin")
    def prepare(connection: Connection) -> None:
        connection.exec_driver_sql(statement)


def _statement(expected: dict[str, str], is_local: bool) -> bytes:
    calls = (f"set_config('{name}', '{value}', {is_local})" for name, value in expected.items())
    return f"SELECT {', '.join(calls)}".encode()
