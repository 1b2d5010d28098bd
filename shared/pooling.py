"""Whether an address leads to a database as it must: notifications and session settings need a server connection of one's own."""

import asyncio
from typing import Any

import psycopg
from psycopg import AsyncConnection

from shared.database_faults import DatabaseUnreached
from shared.errors import PoolerMisfit
from shared.settings import Settings

_PATIENCE_SECONDS = 15
# One may see nothing of it where others use the pooler, too.
_ROUNDS = 8
_POOLED = "leads through a pooler in transaction mode, where notifications and a session's settings are lost"
_SAY_SO = "add pgbouncer=true to the parameters of DATABASE_URL"


async def check_pooling(settings: Settings) -> None:
    """Raises `PoolerMisfit` with the setting and the remedy, `DatabaseUnreached` where nobody answers or will have us."""
    direct = "DIRECT_URL" if settings.direct_url else "DATABASE_URL"
    if not await _keeps_sessions(direct, settings.direct_conninfo):
        also = "" if settings.direct_url or settings.pools_transactions else f"; and {_SAY_SO}"
        raise PoolerMisfit(f"{direct} {_POOLED}: set DIRECT_URL to the database itself, or to session mode{also}")
    if not settings.direct_url or await _keeps_sessions("DATABASE_URL", settings.conninfo):
        return
    if not settings.pools_transactions:
        raise PoolerMisfit(f"DATABASE_URL {_POOLED}: {_SAY_SO}")


async def _keeps_sessions(name: str, conninfo: str) -> bool:
    try:
        async with (
            await _connect(conninfo) as one,
            asyncio.timeout(_PATIENCE_SECONDS),
            await _connect(conninfo) as other,
        ):
            return await _are_apart(one, other)
    except TimeoutError:
        raise PoolerMisfit(
            f"{name}: two connections at once got no answer within {_PATIENCE_SECONDS} s: does a pooler have too few of them?"
        ) from None
    except psycopg.OperationalError as error:
        raise DatabaseUnreached(name, error) from error


async def _are_apart(one: AsyncConnection[Any], other: AsyncConnection[Any]) -> bool:
    """Whether each has a process of the server to itself. In transaction mode a pooler gives away whichever is free."""
    processes, processes_of_other = set(), set()
    for _ in range(_ROUNDS):
        processes |= {await _process(one), await _process(one)}
        processes_of_other.add(await _process(other))
        if len(processes) > 1 or len(processes_of_other) > 1 or processes & processes_of_other:
            return False
    return True


async def _connect(conninfo: str) -> AsyncConnection[Any]:
    return await AsyncConnection.connect(conninfo, autocommit=True, prepare_threshold=None)


async def _process(connection: AsyncConnection[Any]) -> int:
    row = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
    return int(row[0]) if row else 0
