"""Waits for a database that this version can work on. Compose starts things in any order, and Postgres may take its time."""

from collections.abc import Awaitable, Callable

import psycopg
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from migrations.current import check_schema
from shared.database import DATABASE_AWAY
from shared.pooling import check_pooling
from shared.settings import Settings
from shared.tracebacks import kind_and_words

_WAIT_SECONDS = 2
_log = structlog.get_logger(__name__)


async def wait_for_database(
    database: AsyncEngine, settings: Settings, sleep: Callable[[float], Awaitable[None]]
) -> None:
    """Returns once there is work that could be done. Raises `SchemaBehind` or `PoolerMisfit` when it takes a person to get there."""
    while not await _is_ready(database, settings):
        await sleep(_WAIT_SECONDS)


async def _is_ready(database: AsyncEngine, settings: Settings) -> bool:
    try:
        async with database.connect() as connection:
            await check_schema(connection)
        await check_pooling(settings)
    except (*DATABASE_AWAY, psycopg.OperationalError) as error:
        _log.warning("the database cannot be reached; trying again", reason=kind_and_words(error.__cause__ or error))
        return False
    return True


def first_line(error: BaseException) -> str:
    """What a connection error says, for a person; the lines below are hints, one for each address that was tried."""
    return (str(error).splitlines() or [type(error).__name__])[0]
