"""How every process reaches Postgres: one engine, one session factory. Nothing here knows a table."""

from typing import Any

import msgspec
from psycopg import AsyncConnection
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from shared.metrics import watch_pool
from shared.settings import Settings

# What every statement may raise while Postgres restarts or cannot be reached: trying again later helps.
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)

Sessions = async_sessionmaker[AsyncSession]


def create_engine(settings: Settings, pool_size: int) -> AsyncEngine:
    """An engine with at most `pool_size` connections. A connection that Postgres dropped is replaced when it is next taken."""

    async def connect() -> AsyncConnection[Any]:
        return await AsyncConnection.connect(settings.conninfo)

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
    return engine


def create_sessions(engine: AsyncEngine) -> Sessions:
    """Sessions that never read again what was committed. Each transaction begins and commits at the edge: `sessions.begin()`."""
    return async_sessionmaker(engine, expire_on_commit=False)
