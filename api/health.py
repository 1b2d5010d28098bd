"""Whether the API is alive, and whether it can work. Neither needs a token."""

from http import HTTPStatus

from litestar import get
from sqlalchemy.ext.asyncio import AsyncSession

from api.openapi import problems
from api.schemas import Health
from migrations.current import check_schema


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
    async with db_session.begin():
        await check_schema(db_session)
    return Health(ok=True)
