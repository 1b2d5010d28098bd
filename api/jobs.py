"""The routes of a job: read what is asked, let `shared/` do it, answer."""

import asyncio
from http import HTTPStatus
from typing import Any

from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.exceptions import HTTPException, InternalServerException
from litestar.middleware import DefineMiddleware
from litestar.status_codes import HTTP_202_ACCEPTED, HTTP_415_UNSUPPORTED_MEDIA_TYPE
from procrastinate import App
from sqlalchemy.ext.asyncio import AsyncSession

from api import generate_request
from api.auth import User
from api.openapi import SECURITY, GenerateOperation, StatusOperation, problems
from api.schemas import JobAccepted, JobAnswer, job_status
from shared import decks, jobs
from shared.errors import InvalidRequest
from shared.queue import enqueue

_Request = Request[User, Any, State]


@post(
    "/generate",
    status_code=HTTP_202_ACCEPTED,
    operation_id="generate",
    operation_class=GenerateOperation,
    summary="Make a deck's audio",
    responses=problems(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
)
async def generate(request: _Request, db_session: AsyncSession, queue: App) -> JobAccepted:
    """Queues a job that gives every phrase its two voices. Only the deck's owner may."""
    wanted = await _read(request)
    async with db_session.begin():
        await decks.check_owner(db_session, wanted.deck_id, request.user.id)
        cards = await decks.cards_of_deck(db_session, wanted.deck_id, generate_request.card_ids(wanted))
        # In a thread: 400 texts at their longest and worst take half a second.
        phrases = await asyncio.to_thread(generate_request.check_phrases, wanted, cards)
        job_id = await jobs.create(db_session, request.user.id, wanted.deck_id, phrases, wanted.regenerate)
        await enqueue(queue, db_session, job_id, wanted.deck_id)
    return JobAccepted(ok=True, job_id=job_id)


@get(
    "/status/{job_id:str}",
    operation_id="status",
    operation_class=StatusOperation,
    summary="How a job is going",
    responses=problems(HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE),
)
async def status(request: _Request, db_session: AsyncSession, job_id: str) -> JobAnswer:
    """The job as it stands. Another user's job does not exist."""
    async with db_session.begin():
        return JobAnswer(job=job_status(await jobs.find(db_session, job_id, request.user.id)))


async def _read(request: _Request) -> generate_request.GenerateRequest:
    media_type, _ = request.content_type
    if media_type != "application/json":
        raise HTTPException(
            "Send the body as Content-Type: application/json.", status_code=HTTP_415_UNSUPPORTED_MEDIA_TYPE
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException("Send the body uncompressed.", status_code=HTTP_415_UNSUPPORTED_MEDIA_TYPE)
    return generate_request.read(await _body(request))


async def _body(request: _Request) -> bytes:
    try:
        return await request.body()
    except InternalServerException:  # what Litestar makes of a client that left
        raise InvalidRequest("The body ended before its time.") from None


def routes(authenticate: DefineMiddleware) -> Router:
    """All of them, behind the token."""
    return Router(
        "/api/tts", route_handlers=[generate, status], middleware=[authenticate], tags=["jobs"], security=SECURITY
    )
