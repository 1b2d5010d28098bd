"""Whether the API is alive, and whether it can work. Neither needs a token."""

from litestar import get

from api import examples
from api.openapi import answer, problems
from api.openapi_operations import ApiOperation
from api.schemas import Health
from migrations.current import check_schema
from shared.database import Sessions, check_writable
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
async def ready(sessions: Sessions) -> Health:
    """The database answers, can be written to, and its schema is the one that this version wants."""
    async with sessions.begin() as session:
        await check_schema(session)
        await check_writable(session)
    return Health(ok=True)
