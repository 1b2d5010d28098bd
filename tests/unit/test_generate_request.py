"""The body of `generate`: whatever comes, it is a request or an `InvalidRequest`, and what is said of it can be sent."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.generate_request import MAX_CARD_ID_LENGTH, MAX_PHRASES, MAX_TEXT_LENGTH, card_ids, check_phrases, read
from shared.clips import normalise
from shared.errors import InvalidRequest
from shared.jobs import Phrase

CARDS = ("card-0", "card-1", "card-2", "a")

# Python's own writer escapes lone surrogates, and writes NaN as no JSON has it.
texts = st.text(st.characters(codec=None), max_size=20) | st.sampled_from(
    ["", "<b></b>", "&nbsp;", "a\0", "\ud83d", *CARDS]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
phrase_like = st.fixed_dictionaries(
    {}, optional={"textEn": texts | values, "textFr": texts | values, "cardId": st.sampled_from(CARDS) | texts | values}
)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "deckId": texts | values,
        "phrases": st.lists(phrase_like | values, max_size=6) | values,
        "regenerate": st.booleans() | values,
    },
)


def checked(body: bytes) -> list[Phrase]:
    request = read(body)
    assert card_ids(request) <= {
        phrase["cardId"]
        for phrase in request.phrases
        if isinstance(phrase, dict) and "cardId" in phrase and isinstance(phrase["cardId"], str)
    }
    return check_phrases(request, CARDS)


@given(body=bodies | values)
def test_any_json_is_a_good_request_or_an_invalid_one_that_can_be_told(body: Any) -> None:
    try:
        phrases = checked(json.dumps(body).encode())
    except InvalidRequest as error:
        assert_can_be_sent(error, body)
    else:
        assert_good(phrases)


@given(body=st.binary(max_size=200))
def test_any_bytes_are_a_good_request_or_an_invalid_one(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        checked(body)


@given(body=bodies, cut=st.integers(0, 100))
def test_half_a_body_is_an_invalid_request(body: Any, cut: int) -> None:
    whole = json.dumps(body).encode()

    with pytest.raises(InvalidRequest):
        checked(whole[: min(cut, len(whole) - 1)])


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=len(CARDS)))
def test_a_request_is_taken_exactly_if_each_phrase_has_something_to_say(sides: list[tuple[str, str]]) -> None:
    phrases = [{"textEn": en, "textFr": fr, "cardId": card} for (en, fr), card in zip(sides, CARDS, strict=False)]
    bad = [
        index
        for index, (en, fr) in enumerate(sides)
        if not (_storable(en + "|" + fr) and normalise(en) + normalise(fr))
    ]

    if bad:
        with pytest.raises(InvalidRequest) as caught:
            checked(json.dumps({"deckId": "d", "phrases": phrases}).encode())
        assert sorted({error.index for error in caught.value.errors}) == bad
    else:
        assert checked(json.dumps({"deckId": "d", "phrases": phrases}).encode()) == phrases


def assert_can_be_sent(error: InvalidRequest, body: Any) -> None:
    str(error).encode()
    for fault in error.errors:
        assert 0 <= fault.index < len(body["phrases"])
        assert fault.message.encode()
        if fault.card_id is not None:
            fault.card_id.encode()
            assert len(fault.card_id) <= MAX_CARD_ID_LENGTH
    indexes = [fault.index for fault in error.errors]
    assert indexes == sorted(indexes)


def assert_good(phrases: list[Phrase]) -> None:
    assert 1 <= len(phrases) <= MAX_PHRASES
    ids = [phrase["cardId"] for phrase in phrases]
    assert len(set(ids)) == len(ids)
    assert set(ids) <= set(CARDS)
    for phrase in phrases:
        assert phrase.keys() == {"textEn", "textFr", "cardId"}
        assert normalise(phrase["textEn"]) or normalise(phrase["textFr"])
        for text in phrase.values():
            assert len(text) <= MAX_TEXT_LENGTH
            assert _storable(text)


def _storable(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


@pytest.mark.parametrize("extra", [b'"x":[' + b"[]," * 400_000 + b"[]]", b'"phrases":[' + b"[]," * 400_000 + b"[]]"])
def test_a_large_body_must_be_large_by_its_texts(extra: bytes) -> None:
    with pytest.raises(InvalidRequest, match="far more"):
        read(b'{"deckId":"deck","phrases":[{}],' + extra + b"}")
