"""Whether the API is alive, and whether it can work. Neither needs a token."""

from http import HTTPStatus

from litestar import get
from litestar.exceptions import ServiceUnavailableException
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession

import migrations
from api.openapi import problems
from api.schemas import Health


class SchemaBehind(ServiceUnavailableException):
    """503: the API is newer, or older, than the database."""

    def __init__(self) -> None:
        super().__init__(
            "The database is not at this version's schema: run `just migrate`.", headers={"Retry-After": "5"}
        )


@get("/health", operation_id="health", summary="Alive", tags=["health"])
async def health() -> Health:
    """The process answers."""
    return Health(ok=True)


@get(
    "/ready",
    operation_id="ready",
    summary="Ready",
    tags=["health"],
    responses=problems(HTTPStatus.SERVICE_UNAVAILABLE),
)
async def ready(db_session: AsyncSession) -> Health:
    """The database answers, and its schema is the one that this version wants."""
    try:
        async with db_session.begin():
            revision = await db_session.scalar(text("SELECT version_num FROM tts.alembic_version"))
    except ProgrammingError:  # no such table
        raise SchemaBehind from None
    if revision != migrations.head():
        raise SchemaBehind
    return Health(ok=True)
