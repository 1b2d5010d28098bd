"""Whether a database has the schema that this version wants."""

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

import migrations
from shared.errors import SchemaBehind


async def check_schema(connection: AsyncConnection | AsyncSession) -> None:
    """Raises `SchemaBehind` where it is older, or not there at all.

    A newer one will do, since migrations only add: during a deploy the database is migrated first, and old processes go on, may be
    started again, and stay in the balancer until new ones take over. Revisions are numbers of four digits.
    """
    try:
        revision = await connection.scalar(text("SELECT version_num FROM tts.alembic_version"))
    except ProgrammingError:  # no such table
        raise SchemaBehind from None
    if not (revision or "").isdigit() or revision < migrations.head():
        raise SchemaBehind
