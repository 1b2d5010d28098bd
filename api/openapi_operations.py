"""What `/schema` says of each operation beside its answers: all that Litestar cannot read from the handler."""

from dataclasses import dataclass

from litestar.openapi.spec import (
    Example,
    Link,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    Reference,
    RequestBody,
    Schema,
)

from api import examples
from api.generate_request import CARD_ID, MAX_CARD_ID_LENGTH, MAX_KEY_LENGTH, MAX_PHRASES, MAX_TEXT_LENGTH
from api.schemas import STATUSES

PROBLEM = "application/problem+json"
EVENT_STREAM = "text/event-stream"

_STRING = OpenAPIType.STRING
_NO_NUL = r"^[^\u0000]*$"
_RETRY_AFTER = OpenAPIHeader(Schema(type=OpenAPIType.INTEGER, minimum=1), description="Seconds.", required=True)
_CHALLENGE = OpenAPIHeader(Schema(type=_STRING, const="Bearer"), required=True)
_HEADERS = {
    "401": {"WWW-Authenticate": _CHALLENGE},
    "429": {"Retry-After": _RETRY_AFTER},
    "503": {"Retry-After": _RETRY_AFTER},
}
_JOB_ID = Parameter("job_id", "path", Schema(type=_STRING), "A job of the caller's.", True, example=examples.JOB_ID)
_KEY = Parameter(
    "Idempotency-Key",
    "header",
    Schema(type=_STRING, min_length=1, max_length=MAX_KEY_LENGTH),
    "The same key with the same body gets the same job for 24 hours, however often it is sent.",
    example=examples.IDEMPOTENCY_KEY,
)
_LAST_EVENT_ID = Parameter(
    "Last-Event-ID",
    "header",
    Schema(type=_STRING),
    "The id of the last event that was seen. After that of an unchanged job's `end` the answer is a 204.",
    example=examples.LAST_EVENT_ID,
)
_FILTERS = (
    Parameter("deckId", "query", Schema(type=_STRING), "Only jobs of this deck.", example=examples.GENERATE["deckId"]),
    Parameter("status", "query", Schema(type=_STRING, enum=list(STATUSES)), "Only jobs in this state."),
    Parameter(
        "limit", "query", Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=100, default=20), "Jobs in an answer."
    ),
    Parameter("cursor", "query", Schema(type=_STRING, min_length=1), "`nextCursor` of the answer before, as it came."),
)


@dataclass
class ApiOperation(Operation):
    """Any operation of ours: its errors are problems, and have the headers that go with them."""

    def __post_init__(self) -> None:
        # Litestar notes a 400 of its own for every route with a parameter.
        self.responses = {
            code: answer
            for code, answer in (self.responses or {}).items()
            if code < "400" or PROBLEM in _content(answer)
        }
        for code in self.responses.keys() & _HEADERS.keys():
            _response(self.responses[code]).headers = {**_HEADERS[code]}
        self.describe(_JOB_ID)

    def describe(self, *parameters: Parameter) -> None:
        """Says more of parameters that the handler names."""
        known = {parameter.name: parameter for parameter in parameters}
        own = [known.get(parameter.name, parameter) for parameter in self._parameters()]
        self.parameters = [*own] or None

    def add(self, parameter: Parameter) -> None:
        """Says that there is one that the handler reads by itself."""
        self.parameters = [*self._parameters(), parameter]

    def _parameters(self) -> list[Parameter]:
        return [parameter for parameter in self.parameters or [] if isinstance(parameter, Parameter)]


@dataclass
class DeckOperation(ApiOperation):
    """Takes a deck's phrases: the handler reads the body by hand."""

    def __post_init__(self) -> None:
        super().__post_init__()
        body = OpenAPIMediaType(_body(), examples={"deck": Example(value=examples.GENERATE)})
        self.request_body = RequestBody({"application/json": body}, "At most 20 MiB, uncompressed.", required=True)


@dataclass
class GenerateOperation(DeckOperation):
    """Makes a job, of which other operations know more."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.add(_KEY)
        _response((self.responses or {})["202"]).links = {
            name: Link(operation_id=name, parameters={"job_id": "$response.body#/jobId"})
            for name in ("status", "job", "events", "cancel")
        }


@dataclass
class ListOperation(ApiOperation):
    """Picks jobs."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.describe(*_FILTERS)


@dataclass
class EventsOperation(ApiOperation):
    """Streams: Litestar knows the data, here come the events around it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.add(_LAST_EVENT_ID)
        stream = _content((self.responses or {})["200"])[EVENT_STREAM]
        assert isinstance(stream.schema, Schema)  # noqa: S101
        job, progress = stream.schema.one_of or []
        stream.schema = Schema(one_of=[_event("snapshot", job), _event("progress", progress), _event("end", job)])


def _event(name: str, data: Schema | Reference) -> Schema:
    return _object(
        {
            "event": Schema(type=_STRING, const=name),
            "id": Schema(type=_STRING),
            "data": Schema(type=_STRING, content_media_type="application/json", content_schema=data),
        }
    )


def _body() -> Schema:
    text = Schema(
        type=_STRING, max_length=MAX_TEXT_LENGTH, pattern=_NO_NUL, description="One side may be blank, not both."
    )
    card_id = Schema(
        type=_STRING,
        max_length=MAX_CARD_ID_LENGTH,
        pattern=f"^{CARD_ID.pattern}$",
        description="A card of the deck, once in a job.",
    )
    phrase = _object({"textEn": text, "textFr": text, "cardId": card_id})
    return _object(
        {
            "deckId": Schema(type=_STRING, min_length=1, pattern=_NO_NUL, description="A deck of the caller's."),
            "phrases": Schema(type=OpenAPIType.ARRAY, min_items=1, max_items=MAX_PHRASES, items=phrase),
        },
        regenerate=Schema(type=OpenAPIType.BOOLEAN, default=False, description="Make all audio anew."),
    )


def _object(required: dict[str, Schema], **optional: Schema) -> Schema:
    return Schema(type=OpenAPIType.OBJECT, properties={**required, **optional}, required=list(required))


def _response(answer: OpenAPIResponse | Reference) -> OpenAPIResponse:
    assert isinstance(answer, OpenAPIResponse)  # noqa: S101 — Litestar refers to schemas only
    return answer


def _content(answer: OpenAPIResponse | Reference) -> dict[str, OpenAPIMediaType]:
    return _response(answer).content or {}
