"""What is on the wire, in camelCase. Struct fields are the contract's names, and their types are what `/schema` says of them."""

from typing import Annotated, Literal, NotRequired, TypedDict, get_args

import msgspec
from msgspec import Meta

from shared.clips import Side

Status = Literal["pending", "processing", "completed", "failed", "cancelled"]
STATUSES: tuple[Status, ...] = get_args(Status)
ClipStatus = Literal["pending", "done", "skipped", "failed", "cancelled"]
Count = Annotated[int, Meta(ge=0)]
Timestamp = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
        description="UTC, ISO 8601, with milliseconds.",
        extra_json_schema={"extra": {"format": "date-time"}},
    ),
]
Processed = Annotated[Count, Meta(description="Phrases that are finished: done, skipped or failed.")]
Message = Annotated[str | None, Meta(description="Why it failed or, while it is processing, what it waits for.")]


class Wire(msgspec.Struct, rename="camel"):
    """JSON in camelCase."""


class JobAccepted(Wire):
    """The job is in the queue."""

    ok: Literal[True]
    job_id: str


class CardUrls(TypedDict):
    """What became of a card: a URL is null where its side was blank or failed, or is still to come."""

    cardId: str
    audioUrlEn: str | None
    audioUrlFr: str | None
    error: NotRequired[str]


class JobStatus(Wire):
    """A job as the frontend sees it."""

    id: str
    status: Status
    total_phrases: Count
    processed_count: Processed
    error_message: Message
    result_urls: Annotated[
        list[CardUrls], Meta(description="The cards that are finished so far, in the order of the phrases.")
    ]
    created_at: Timestamp
    completed_at: Timestamp | None


class JobProgress(Wire):
    """What is new about a job; `cards` are the entries of `resultUrls` that are new or changed."""

    status: Status
    processed_count: Processed
    total_phrases: Count
    error_message: Message
    cards: Annotated[list[CardUrls], Meta(description="The entries of resultUrls that are new or changed.")]


class PhraseFault(Wire):
    """What is wrong with the phrase at `index`."""

    index: Count
    card_id: Annotated[str | None, Meta(description="Null where it could not be read.")]
    message: str


class Problem(Wire):
    """Any error, as RFC 9457 has it; `errors` names every bad phrase."""

    ok: Literal[False]
    title: str
    status: int
    detail: str
    errors: Annotated[
        list[PhraseFault] | msgspec.UnsetType, Meta(description="Every bad phrase, where phrases are what is wrong.")
    ] = msgspec.UNSET


class Accepted(Wire):
    """It will be done."""

    ok: Literal[True]


class Estimate(Wire):
    """What a job would come to."""

    clips: Annotated[Count, Meta(description="That the job wants: a side that is blank is none.")]
    cached: Annotated[Count, Meta(description="Those that need not be made.")]
    characters: Annotated[Count, Meta(description="Of those that must be made.")]
    estimated_cost_usd: Annotated[float, Meta(ge=0, description="Exact for engines that bill by characters.")]
    estimated_seconds: Annotated[float, Meta(ge=0, description="About, for one worker with nothing else to do.")]


class Cost(Wire):
    """What a job has used so far, in all its runs."""

    clips_made: Count
    clips_cached: Count
    characters_billed: Count
    input_tokens: Count
    output_text_tokens: Count
    output_audio_tokens: Count
    usd: Annotated[float, Meta(ge=0, description="By tokens where the upstream counted any, else by characters.")]


class JobSummary(Wire):
    """A job in a list."""

    id: str
    deck_id: str | None
    status: Status
    total_phrases: Count
    processed_count: Processed
    error_message: Message
    created_at: Timestamp
    completed_at: Timestamp | None
    cost: Cost


class JobsAnswer(Wire):
    """Some jobs, newest first."""

    jobs: list[JobSummary]
    next_cursor: Annotated[str | None, Meta(description="Asks for the jobs that follow; null where none do.")]


class PhraseView(Wire):
    """One card's pair of texts, as it was posted."""

    text_en: str
    text_fr: str
    card_id: str


class ClipRow(Wire):
    """One side of one phrase. What is null is not known, or not yet."""

    card_id: str
    side: Side
    status: ClipStatus
    characters: Annotated[Count, Meta(description="Of the text as it is spoken.")]
    url: str | None
    bytes: Count | None
    duration_ms: Count | None
    cached: Annotated[bool | None, Meta(description="The job found it, rather than made it.")]
    engine: str | None
    model: str | None
    voice: str | None
    checks: Annotated[
        list[Literal["audio", "words"]],
        Meta(description="Those that it passed: `words` where the engine tells what it spoke."),
    ]
    error: str | None


class JobDetail(Wire):
    """A job in full."""

    id: str
    deck_id: str | None
    status: Status
    regenerate: bool
    total_phrases: Count
    processed_count: Processed
    error_message: Message
    created_at: Timestamp
    started_at: Timestamp | None
    completed_at: Timestamp | None
    phrases: list[PhraseView]
    clips: Annotated[list[ClipRow], Meta(description="Two for each phrase, in order: English, then French.")]
    cost: Cost


class DetailAnswer(Wire):
    """One job, in full."""

    job: JobDetail


class JobAnswer(Wire):
    """One job."""

    job: JobStatus


class Health(Wire):
    """It is well."""

    ok: Literal[True]
