"""Whether a database is at the schema that this version wants."""

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

import migrations
from shared.errors import SchemaBehind


async def check_schema(connection: AsyncConnection | AsyncSession) -> None:
    """Raises `SchemaBehind` where it is older, newer, or not there at all."""
    try:
        revision = await connection.scalar(text("SELECT version_num FROM tts.alembic_version"))
    except ProgrammingError:  # no such table
        raise SchemaBehind from None
    if revision != migrations.head():
        raise SchemaBehind
