"""The OpenAPI document as a whole, and what it says of answers."""

from litestar.exceptions import HTTPException
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, Example, SecurityScheme
from litestar.plugins.problem_details import ProblemDetailsException
from litestar.status_codes import HTTP_413_REQUEST_ENTITY_TOO_LARGE
from msgspec import Struct, convert

from api.bodies import UnsupportedBody
from api.openapi_operations import PROBLEM
from api.openapi_page import Page
from api.problems import problem_of
from api.schemas import Problem
from api.token_keys import Unauthorized
from shared.errors import (
    DatabaseAway,
    DeckBelongsToAnother,
    DeckNotFound,
    InvalidRequest,
    JobNotFound,
    MemolistError,
    PhraseError,
)

_BEARER = "token"
_DESCRIPTION = """
Two voices, English and French, for every flashcard of a deck: post up to 200 phrases, watch the job, play what it made.
Every route under `/api/tts` needs a JWT. Every error is a problem detail (RFC 9457).
""".strip()
SECURITY = [{_BEARER: list[str]()}]

_BAD_PHRASE = PhraseError(1, "card-id-789", "the deck has no such card")
# What may go wrong with every route of jobs, with those of one job, and with those that take a deck's phrases.
OF_A_TOKEN = (Unauthorized("A token is needed: send one header Authorization: Bearer <jwt>."), DatabaseAway())
OF_A_JOB = (*OF_A_TOKEN, JobNotFound())
OF_A_BODY = (
    *OF_A_TOKEN,
    InvalidRequest("1 of 2 phrases cannot be taken; nothing was queued.", [_BAD_PHRASE]),
    DeckBelongsToAnother(),
    DeckNotFound(),
    HTTPException(status_code=HTTP_413_REQUEST_ENTITY_TOO_LARGE),
    UnsupportedBody("Send the body as Content-Type: application/json."),
)


def openapi_config() -> OpenAPIConfig:
    """`GET /schema` is the page, `GET /schema/openapi.json` the document."""
    return OpenAPIConfig(
        title="Memolist TTS",
        version="1",
        description=_DESCRIPTION,
        path="/schema",
        use_handler_docstrings=True,
        components=Components(
            security_schemes={_BEARER: SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")}
        ),
        render_plugins=[Page(path="/"), JsonRenderPlugin()],
    )


def answer(example: Struct, description: str) -> ResponseSpec:
    """An answer that is no error."""
    return _spec(example, description, "application/json")


def problems(*errors: MemolistError | HTTPException) -> dict[int, ResponseSpec]:
    """The errors that a route may answer with. An example is what is answered: it comes from who answers."""
    return {it.status_code: _spec(_body(it), it.detail, PROBLEM) for it in map(problem_of, errors)}


def _body(problem: ProblemDetailsException) -> Problem:
    fields = {"status": problem.status_code, "title": problem.title, "detail": problem.detail}
    return convert(fields | dict(problem.extra or {}), Problem)


def _spec(example: Struct, description: str, media_type: str) -> ResponseSpec:
    examples = [Example(value=example)]
    return ResponseSpec(type(example), False, description, media_type, examples)
