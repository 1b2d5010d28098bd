"""What users see of their jobs."""

import asyncio
import base64
import binascii
from typing import Annotated

from litestar import get
from litestar.params import Parameter

from api import examples
from api.bodies import UserRequest
from api.job_answers import job_status, job_summary
from api.job_detail import job_detail
from api.openapi import OF_A_JOB, OF_A_TOKEN, answer, problems
from api.openapi_operations import ApiOperation, ListOperation
from api.schemas import STATUSES, DetailAnswer, JobAnswer, JobsAnswer
from shared import job_reads
from shared.database import Sessions
from shared.errors import InvalidRequest
from shared.settings import ApiSettings

Limit = Annotated[int, Parameter(ge=1, le=100)]


@get(
    "/status/{job_id:str}",
    operation_id="status",
    operation_class=ApiOperation,
    summary="How a job is going",
    responses={200: answer(examples.STATUS, "The job."), **problems(*OF_A_JOB)},
)
async def status(request: UserRequest, sessions: Sessions, job_id: str) -> JobAnswer:
    """The job as it stands. Another user's job does not exist."""
    async with sessions.begin() as session:
        return JobAnswer(job=job_status(await job_reads.find(session, job_id, request.user.id)))


@get(
    "/jobs/{job_id:str}",
    operation_id="job",
    operation_class=ApiOperation,
    summary="A job in full",
    responses={200: answer(examples.DETAIL, "The job, its clips and its cost."), **problems(*OF_A_JOB)},
)
async def job_in_full(request: UserRequest, sessions: Sessions, settings: ApiSettings, job_id: str) -> DetailAnswer:
    """The job with its phrases, a row for each clip, and what it used and cost."""
    async with sessions.begin() as session:
        found = await job_reads.find_in_full(session, job_id, request.user.id)
    return DetailAnswer(job=await asyncio.to_thread(job_detail, found, settings))


@get(
    "/jobs",
    operation_id="jobs",
    operation_class=ListOperation,
    summary="A user's jobs",
    responses={
        200: answer(examples.JOBS, "Up to `limit` jobs."),
        **problems(*OF_A_TOKEN, InvalidRequest("cursor must be the nextCursor of the answer before.")),
    },
)
async def jobs_of_user(
    request: UserRequest,
    sessions: Sessions,
    settings: ApiSettings,
    deck_id: Annotated[str | None, Parameter(query="deckId")] = None,
    with_status: Annotated[str | None, Parameter(query="status")] = None,
    limit: Limit = 20,
    cursor: str | None = None,
) -> JobsAnswer:
    """Newest first. `nextCursor` asks for those that follow; it is null at the end."""
    before_seq = _seq(cursor) if cursor is not None else None
    _check_status(with_status)
    async with sessions.begin() as session:
        # One more than asked for: is there a next page?
        found = await job_reads.page(session, request.user.id, deck_id, with_status, before_seq, limit + 1)
    shown = found[:limit]
    next_cursor = _cursor(shown[-1][1].seq) if len(found) > limit else None
    return JobsAnswer(jobs=[job_summary(job, record, settings) for job, record in shown], next_cursor=next_cursor)


def _check_status(status: str | None) -> None:
    # By hand: for a Literal that may be None Litestar reads "null" as None, and all jobs would be listed.
    if status not in (None, *STATUSES):
        raise InvalidRequest(f"status must be one of {', '.join(STATUSES)}.")


def _cursor(seq: int) -> str:
    return base64.urlsafe_b64encode(str(seq).encode()).decode().rstrip("=")


def _seq(cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode("ascii")
        seq = int(text) if text.isdecimal() else 0
    except (binascii.Error, ValueError):
        seq = 0
    # Nor anything that is only read like one.
    if not 1 <= seq < 2**63 or _cursor(seq) != cursor:
        raise InvalidRequest("cursor must be the nextCursor of the answer before.")
    return seq
