"""Waits for a database that this version can work on. Compose starts things in any order, and Postgres may take its time."""

from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from migrations.current import check_schema
from shared.database import DATABASE_AWAY
from shared.database_faults import DatabaseUnreached
from shared.pooling import check_pooling
from shared.settings import Settings

_WAIT_SECONDS = 2
_log = structlog.get_logger(__name__)


async def wait_for_database(
    database: AsyncEngine, settings: Settings, sleep: Callable[[float], Awaitable[None]]
) -> None:
    """Returns once there is work that could be done.

    Raises `SchemaBehind`, `PoolerMisfit` or `DatabaseUnreached` when it takes a person to get there.
    """
    while True:
        try:
            return await _check(database, settings)
        except DatabaseUnreached as error:
            if error.takes_a_person:
                raise
            _log.warning("the database cannot be reached; trying again", reason=error.reason)
        await sleep(_WAIT_SECONDS)


async def _check(database: AsyncEngine, settings: Settings) -> None:
    await check_pooling(settings)
    try:
        async with database.connect() as connection:
            await check_schema(connection)
    except DATABASE_AWAY as error:
        raise DatabaseUnreached("DATABASE_URL", error.__cause__ or error) from error
