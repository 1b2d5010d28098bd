"""Whether the API is alive, and whether it can work. Neither needs a token."""

from litestar import get
from sqlalchemy.ext.asyncio import AsyncSession

from api import examples
from api.openapi import answer, problems
from api.openapi_operations import ApiOperation
from api.schemas import Health
from migrations.current import check_schema
from shared.errors import DatabaseAway


@get(
    "/health",
    operation_id="health",
    summary="Alive",
    tags=["health"],
    responses={200: answer(examples.HEALTHY, "It is.")},
)
async def health() -> Health:
    """The process answers."""
    return Health(ok=True)


@get(
    "/ready",
    operation_id="ready",
    operation_class=ApiOperation,
    summary="Ready",
    tags=["health"],
    responses={200: answer(examples.HEALTHY, "It is."), **problems(DatabaseAway())},
)
async def ready(db_session: AsyncSession) -> Health:
    """The database answers, and its schema is the one that this version wants."""
    async with db_session.begin():
        await check_schema(db_session)
    return Health(ok=True)
