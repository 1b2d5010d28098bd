"""What becomes of each error that an upstream can answer with, and what may stand in its message."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from inspect import cleandoc
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.clips import Voice
from shared.errors import MemolistError
from tests.speech_server import SpeechServer
from worker.engines.speech import SpeechEngine
from worker.engines.upstream_errors import fault_of, retry_after_seconds
from worker.engines.upstream_words import MAX_WORDS
from worker.errors import (
    ClipRefused,
    KeyRejected,
    ModelNotFound,
    NothingThere,
    QuotaExhausted,
    RateLimited,
    UpstreamClosed,
    UpstreamFault,
    UpstreamGone,
)

KEY = "my-key-0123456789abcdef"
VOICE = Voice("fr", "speech", "", "m", "v", "", 1.0, {})
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


async def fault_for(status: int, body: Any, **details: Any) -> MemolistError:
    """The error that the engine raises where the server answers so."""
    async with SpeechServer() as server:
        server.fail("answer", status=status, body=body if isinstance(body, str) else json.dumps(body), **details)
        engine = SpeechEngine(KEY, server.url, 5, 1)
        with pytest.raises(MemolistError) as caught:
            await engine.speak("Bonjour", VOICE)
        await engine.close()
        return caught.value


def _error(code: str | None = None, kind: str | None = None, message: str = "The reason.") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (401, _error("invalid_api_key"), KeyRejected),
        (401, "", KeyRejected),
        (403, _error("invalid_api_key"), KeyRejected),
        (403, _error(None, None, "Your API key may not call this."), KeyRejected),
        (403, _error("unsupported_country_region_territory"), UpstreamClosed),
        (403, "<html><title>Forbidden</title></html>", UpstreamClosed),
        (403, _error("content_policy_violation"), ClipRefused),
        (403, _error("model_not_found"), ModelNotFound),
        (429, _error(None, "insufficient_quota"), QuotaExhausted),
        (429, _error("credit_balance_exhausted"), QuotaExhausted),
        (402, {"detail": "Pay first"}, QuotaExhausted),
        (402, _error("organization_spend_limit_exceeded"), QuotaExhausted),
        (403, _error("project_spend_limit_exceeded"), QuotaExhausted),
        (403, {"detail": {"code": "organization_usage_limit_exceeded"}}, QuotaExhausted),
        (404, _error("model_not_found"), ModelNotFound),
        (404, {"detail": "Model 'x' is not installed"}, ModelNotFound),
        (404, {"detail": "Not Found"}, NothingThere),
        (404, _error(message="Invalid URL (POST /audio/speech)"), NothingThere),
        (404, "<html><head><title>404 Not Found</title></head></html>", NothingThere),
        (404, "404 page not found\n", NothingThere),
        (404, _error("model_not_found", message="Not found"), ModelNotFound),
        (404, {"error": {"code": 404, "message": "No endpoints found for x."}}, ModelNotFound),
        (404, {"detail": "Model 'x' is not installed locally. You can download the model"}, ModelNotFound),
        (404, {"message": "Error loading model x: no such file"}, ModelNotFound),
        (410, "", ModelNotFound),
        (400, _error("model_not_found"), ModelNotFound),
        (400, {"detail": {"error": "invalid_model", "message": "Unsupported model: x"}}, ModelNotFound),
        (400, {"message": "No such model", "code": 400, "param": "model"}, ModelNotFound),
        (400, {"detail": {"error": "validation_error", "message": "Voice 'x' not found"}}, ClipRefused),
        (400, {"message": "Error loading voice: x", "code": 400, "param": "voice"}, ClipRefused),
        (400, _error(None, "invalid_request_error", "invalid model ID"), ModelNotFound),
        (400, _error(None, None, "No voice says: the model was not found, API key, insufficient_quota"), ClipRefused),
        (422, {"detail": [{"loc": ["body", "voice"], "msg": "unknown voice"}]}, ClipRefused),
        (413, "", ClipRefused),
        (408, "", UpstreamFault),
        (409, "", UpstreamFault),
        (429, _error("rate_limit_exceeded", "requests"), RateLimited),
        (429, "slow down", RateLimited),
        (503, _error("slow_down"), RateLimited),
        (500, _error("insufficient_quota"), UpstreamFault),
        (502, "<html><title>502 Bad Gateway</title></html>", UpstreamFault),
        (529, {"message": "overloaded"}, UpstreamFault),
        (503, {"error": "Model x/y is currently loading", "estimated_time": 20.0}, UpstreamGone),
        (503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}, UpstreamGone),
        (503, {"error": {"code": "model_loading", "message": "x: 12 of 35 GB", "type": "model_loading"}}, UpstreamGone),
        (404, {"detail": "The model x is still being loaded"}, UpstreamGone),
        (400, _error(None, None, "The model is loading"), ClipRefused),
        (500, _error(None, None, "Model x is loading"), UpstreamFault),
        (503, {"message": "could not load model: out of memory"}, UpstreamFault),
        (503, {"message": "nothing is said of 'the model is loading'"}, UpstreamFault),
    ],
)
async def test_each_answer_has_its_error(status: int, body: Any, fault: type[MemolistError]) -> None:
    error = await fault_for(status, body)
    assert type(error) is fault
    assert f"HTTP {status}" in str(error)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "Le disque est plein."}},
        {"detail": {"error": "x", "message": "Le disque est plein."}},
        {"detail": "Le disque est plein."},
        {"detail": [{"msg": "Le disque est plein."}]},
        {"error": "disk_full", "message": "Le disque est plein."},
        {"error": None, "message": "Le disque est plein."},
        {"title": "Le disque est plein.", "status": 500},
        {"message": "Le disque est plein."},
        {"error": "Le disque est plein."},
        "Le disque est plein.",
        "  Le disque\x00\r\nest\u2028plein.\x1b",
        "<!doctype html><html><head><style>a{}</style><title>Le disque est plein.</title></head></html>",
        "<h1>Le disque</h1><p>est plein.",
        "<h1>Le&nbsp;disque</h1><p>est plein&#46;",
    ],
)
async def test_the_upstreams_words_are_found_in_every_shape(body: Any) -> None:
    assert str(await fault_for(500, body)) == "The upstream is in trouble (HTTP 500: Le disque est plein.)"


async def test_fastapis_list_says_which_field_is_wrong() -> None:
    wrong = [
        {"loc": ["body", "voice"], "msg": "Field required", "type": "missing", "input": {"input": "Bonjour"}},
        {"loc": ["body", "options", 0], "msg": "Input should be a number"},
    ]
    message = str(await fault_for(422, {"detail": wrong}))
    assert "(HTTP 422: voice: Field required; options.0: Input should be a number)" in message
    assert "Bonjour" not in message


async def test_a_503_that_says_when_to_come_back_is_waited_for_but_not_for_long() -> None:
    for told, seconds in (("7", 7.0), ("3000", 60.0)):
        error = await fault_for(503, {"error": "busy"}, retry_after=told)
        assert isinstance(error, RateLimited)
        assert error.retry_after_seconds == seconds
        assert "come back later (HTTP 503: busy)" in str(error)


@pytest.mark.parametrize(("status", "kind"), [(401, KeyRejected), (402, QuotaExhausted), (404, ModelNotFound)])
async def test_what_to_do_is_said_however_much_the_upstream_says(status: int, kind: type[MemolistError]) -> None:
    message = str(await fault_for(status, {"detail": "so " * 10_000}))
    assert message.startswith(cleandoc(kind.__doc__ or ""))
    assert "so so so" in message
    assert len(message) <= len(kind.__doc__ or "") + MAX_WORDS + 3


async def test_the_wait_is_read_from_the_headers() -> None:
    error = await fault_for(429, "wait", retry_after="7", retry_after_ms="1500")
    assert isinstance(error, RateLimited)
    assert error.retry_after_seconds == 1.5
    error = await fault_for(429, "wait", retry_after="7", retry_after_ms="soon")
    assert isinstance(error, RateLimited)
    assert error.retry_after_seconds == 7


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "0"}, 0),
        ({"retry-after": " 2.5 "}, 2.5),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "9" * 5000}, 3600),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "99999999999"}, 3600),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=90), usegmt=True)}, 90),
        ({"retry-after": format_datetime(NOW + timedelta(days=90), usegmt=True)}, 3600),
        ({"retry-after": format_datetime(NOW - timedelta(seconds=1), usegmt=True)}, None),
        ({"retry-after": "Mon, 23 Nov 2026 12:00:30 -0000"}, 30),
        ({"retry-after": "Mon, 99 Foo 9999 99:99:99 GMT"}, None),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 -2300"}, 3600),
    ],
)
def test_a_wait_may_take_many_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_seconds(headers, NOW) == seconds


DATES = st.datetimes().map(lambda moment: format_datetime(moment.replace(tzinfo=UTC), usegmt=True))
DATE_LIKE = st.from_regex(r"Mon, [0-9]{1,3} Nov [0-9]{1,5} [0-9]{2}:[0-9]{2}:[0-9]{2} ([A-Z]{1,4}|[+-][0-9]{1,6})")


@given(
    st.dictionaries(
        st.sampled_from(["retry-after", "retry-after-ms"]), st.text() | st.floats().map(str) | DATES | DATE_LIKE
    )
)
def test_a_wait_is_never_nonsense(headers: dict[str, str]) -> None:
    seconds = retry_after_seconds(headers, NOW)
    assert seconds is None or 0 <= seconds <= 3600


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.text()
    | st.builds("{}{}{}".format, st.text(), st.just(KEY), st.text()),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from("error detail message msg code type".split()), inner)
    ),
    max_leaves=8,
)


def _status_error(status: int, body: object) -> openai.APIStatusError:
    response = httpx2.Response(status, request=httpx2.Request("POST", "http://upstream/v1"))
    return openai.APIStatusError("Error", response=response, body=body)


@given(st.integers(300, 599), JSON)
@example(400, f"{KEY}" * 50)
@example(500, f"\0{KEY[:9]}\u200b{KEY[9:]}")
@example(400, "\ud800")
def test_no_body_makes_a_message_that_cannot_be_shown(status: int, body: object) -> None:
    message = str(fault_of(_status_error(status, body), KEY))
    _assert_can_be_shown(message)
    assert KEY not in message


@given(st.text(min_size=8), st.sampled_from([ValueError, OSError, TimeoutError, openai.OpenAIError, RuntimeError]))
def test_no_other_error_makes_a_message_that_cannot_be_shown(words: str, kind: Callable[[str], Exception]) -> None:
    error = fault_of(kind(f"{KEY} {words}"), KEY)
    _assert_can_be_shown(str(error))
    assert KEY not in str(error)


def _assert_can_be_shown(message: str) -> None:
    assert message.splitlines() == [message]
    assert message.isprintable()
    assert len(message) <= MAX_WORDS + 200
    message.encode()


@pytest.mark.parametrize(
    "words",
    [
        "Incorrect API key: sk-proj-AbC_123-xyz.",
        "Incorrect API key: sk-ab***************wxyz.",
        "Header was 'Authorization: Bearer abc.def-ghi'",
        f"Illegal header value b'Bearer {KEY}'",
    ],
)
def test_anything_like_a_key_is_hidden(words: str) -> None:
    message = str(fault_of(_status_error(400, {"message": words}), KEY))
    assert "***" in message
    assert not any(secret in message for secret in ("AbC_123", "wxyz", "abc.def", KEY))


def test_a_word_made_up_for_a_server_without_keys_does_not_blank_the_message() -> None:
    assert "no voice" in str(fault_of(_status_error(400, {"message": "There is no voice x"}), "no"))
