"""What users do with jobs: make, price, cancel and repeat them. Reads what is asked, lets `shared/` do it, answers."""

import asyncio

from litestar import Router, post
from litestar.middleware import DefineMiddleware
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED
from procrastinate import App
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.contextvars import bind_contextvars, get_contextvars

from api import events, examples, generate_request, job_views
from api.bodies import UserRequest, read_json
from api.generate_request import GenerateRequest
from api.openapi import OF_A_BODY, OF_A_JOB, SECURITY, answer, problems
from api.openapi_operations import ApiOperation, DeckOperation, GenerateOperation
from api.schemas import Accepted, Estimate, JobAccepted
from shared import decks, idempotency, job_reads, jobs
from shared.clips import SIDES
from shared.database import Sessions
from shared.engine_defaults import ENGINES
from shared.errors import (
    DeckBelongsToAnother,
    InvalidRequest,
    JobHasEnded,
    JobNotRetryable,
    KeyReused,
    TooManyJobs,
)
from shared.estimate import estimate as estimate_clips
from shared.jobs import Phrase
from shared.keyed_lock import KeyedLock
from shared.plan import clips_of
from shared.queue import enqueue, take_out
from shared.settings import ApiSettings


@post(
    "/generate",
    status_code=HTTP_202_ACCEPTED,
    operation_id="generate",
    operation_class=GenerateOperation,
    summary="Make a deck's audio",
    responses={
        202: answer(examples.JOB_ACCEPTED, "The job is in the queue."),
        **problems(*OF_A_BODY, KeyReused(), TooManyJobs()),
    },
)
async def generate(
    request: UserRequest, sessions: Sessions, queue: App, settings: ApiSettings, users: KeyedLock
) -> JobAccepted:
    """Queues a job that gives every phrase its two voices. Only the deck's owner may.

    With the header Idempotency-Key the same request, sent again within a day, gets the same job.
    """
    user_id, key = request.user.id, _idempotency_key(request)
    wanted = generate_request.read(await read_json(request))
    digest = await asyncio.to_thread(lambda: wanted.digest) if key else ""
    # One after the other, before a connection is taken: a user's many requests must not leave none for others.
    async with users.hold(user_id), sessions.begin() as session:
        await jobs.lock_user(session, user_id)
        if key and (known := await idempotency.job_of(session, user_id, key, digest)):
            bind_contextvars(job_id=known)
            return JobAccepted(ok=True, job_id=known)
        phrases = await _check(session, user_id, wanted)
        await jobs.check_room(session, user_id, settings.max_active_jobs_per_user)
        job_id = await jobs.create(session, user_id, wanted.deck_id, phrases, wanted.regenerate, _request_id())
        await enqueue(queue, session, job_id, wanted.deck_id)
        if key:
            await idempotency.remember(session, user_id, key, digest, job_id)
    bind_contextvars(job_id=job_id, deck_id=wanted.deck_id)
    return JobAccepted(ok=True, job_id=job_id)


@post(
    "/estimate",
    status_code=HTTP_200_OK,
    operation_id="estimate",
    operation_class=DeckOperation,
    summary="What a job would cost",
    responses={200: answer(examples.ESTIMATE, "What it would come to, now."), **problems(*OF_A_BODY)},
)
async def estimate(request: UserRequest, sessions: Sessions, settings: ApiSettings) -> Estimate:
    """Takes the body of `generate`, queues nothing, and says what it would come to: exact for engines that bill by characters."""
    wanted = generate_request.read(await read_json(request))
    async with sessions.begin() as session:
        await decks.check_owner(session, wanted.deck_id, request.user.id, is_kept=False)
        cards = await decks.cards_of_deck(session, wanted.deck_id, generate_request.card_ids(wanted))
    phrases = await asyncio.to_thread(generate_request.check_phrases, wanted, cards)
    clips = await asyncio.to_thread(clips_of, phrases, {side: settings.voice(side) for side in SIDES})
    async with sessions.begin() as session:
        found = await estimate_clips(session, clips, wanted.regenerate)
    seconds = found.seconds(
        settings.request_interval_ms, settings.tts_max_in_flight, ENGINES[settings.tts_engine].seconds_per_clip
    )
    return Estimate(
        clips=found.clips,
        cached=found.cached,
        characters=found.characters,
        estimated_cost_usd=round(found.characters * settings.price_per_million_chars / 1_000_000, 6),
        estimated_seconds=round(seconds, 1),
    )


@post(
    "/jobs/{job_id:str}/cancel",
    status_code=HTTP_202_ACCEPTED,
    operation_id="cancel",
    operation_class=ApiOperation,
    summary="Stop a job",
    responses={
        202: answer(examples.ACCEPTED, "It is cancelled, or about to be."),
        **problems(*OF_A_JOB, JobHasEnded()),
    },
)
async def cancel(request: UserRequest, sessions: Sessions, users: KeyedLock, job_id: str) -> Accepted:
    """A job that waits ends at once, one that runs within a second or so. What is made already stays, and stays listed."""
    async with users.hold(request.user.id), sessions.begin() as session:
        await job_reads.find(session, job_id, request.user.id)
        is_running = await take_out(session, job_id)
        await jobs.cancel(session, job_id, request.user.id, is_running)
    bind_contextvars(job_id=job_id)
    return Accepted(ok=True)


@post(
    "/jobs/{job_id:str}/retry",
    status_code=HTTP_202_ACCEPTED,
    operation_id="retry",
    operation_class=ApiOperation,
    summary="Make what a job still lacks",
    responses={
        202: answer(examples.JOB_ACCEPTED, "The job is in the queue again."),
        **problems(*OF_A_JOB, DeckBelongsToAnother(), JobNotRetryable(), TooManyJobs()),
    },
)
async def retry(
    request: UserRequest, sessions: Sessions, queue: App, settings: ApiSettings, users: KeyedLock, job_id: str
) -> JobAccepted:
    """Queues a failed or cancelled job once more, under its own id: only what is missing is made."""
    user_id = request.user.id
    async with users.hold(user_id), sessions.begin() as session:
        await jobs.lock_user(session, user_id)
        job = await job_reads.find(session, job_id, user_id)
        await decks.check_owner(session, job.deck_id or "", user_id)
        await jobs.retry(session, job_id, user_id, settings.max_active_jobs_per_user, _request_id())
        await enqueue(queue, session, job_id, job.deck_id or "")
    bind_contextvars(job_id=job_id, deck_id=job.deck_id)
    return JobAccepted(ok=True, job_id=job_id)


async def _check(session: AsyncSession, user_id: str, wanted: GenerateRequest) -> list[Phrase]:
    """The phrases, all of them good, of a deck that is the user's."""
    await decks.check_owner(session, wanted.deck_id, user_id)
    cards = await decks.cards_of_deck(session, wanted.deck_id, generate_request.card_ids(wanted))
    # In a thread: 400 texts at their longest and worst take half a second.
    return await asyncio.to_thread(generate_request.check_phrases, wanted, cards)


def _request_id() -> str | None:
    """As it stands in this request's log."""
    return get_contextvars().get("request_id")


def _idempotency_key(request: UserRequest) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= generate_request.MAX_KEY_LENGTH:
        raise InvalidRequest(f"Idempotency-Key must have 1 to {generate_request.MAX_KEY_LENGTH} characters.")
    return key


def routes(authenticate: DefineMiddleware) -> Router:
    """All of them, behind the token."""
    handlers = [
        events.events,
        generate,
        estimate,
        job_views.status,
        job_views.jobs_of_user,
        job_views.job_in_full,
        cancel,
        retry,
    ]
    return Router("/api/tts", route_handlers=handlers, middleware=[authenticate], tags=["jobs"], security=SECURITY)
