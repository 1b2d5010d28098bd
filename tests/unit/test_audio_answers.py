"""Answers that are no audio, or none that can be read: named, with what to do, and their words only where they may be seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.speech_audio import SAMPLE_RATE, pcm_of
from worker.audio import accept
from worker.errors import BadAudio
from worker.sound.first_words import LONGEST_WORDS, first_words

KEY = "sk-proj-a-key-that-nobody-may-see"


def refused(body: bytes) -> BadAudio:
    with pytest.raises(BadAudio) as caught:
        accept(body, "some words")
    return caught.value


@pytest.mark.parametrize("body", [b"", b" \n", b"\xef\xbb\xbf"])
def test_an_empty_answer_is_refused(body: bytes) -> None:
    assert str(refused(body)) == "The audio is empty."


@pytest.mark.parametrize(
    ("body", "reason", "words"),
    [
        (b'{"error": {"message": "no voice"}}', "The answer is JSON, not audio.", '{"error": {"message": "no voice"}}'),
        (b'\xef\xbb\xbf\n["no"]', "The answer is JSON, not audio.", '["no"]'),
        (
            b"<!DOCTYPE html><html><head><title>502 Bad\nGateway</title></head><body>nginx</body></html>",
            "The answer is HTML or XML, not audio.",
            "502 Bad Gateway",
        ),
        (
            b"\n<html><script>a < b</script><body><h1>Please</h1><p>log in</p></body></html>",
            "The answer is HTML or XML, not audio.",
            "Please log in",
        ),
        (b"upstream connect error\r\n", "The answer is text, not audio.", "upstream connect error"),
        ("modèle non chargé".encode(), "The answer is text, not audio.", "modèle non chargé"),
        (b'data: {"type": "speech.audio.delta"}\n\n', "The answer is text", 'data: {"type": "speech.audio.delta"}'),
    ],
)
def test_the_first_words_of_an_answer_that_is_none_are_told_apart_from_the_reason(
    body: bytes, reason: str, words: str
) -> None:
    error = refused(body)
    assert error.reason.startswith(reason)
    assert str(error) == f"{error.reason} It says: {words}"


def test_the_words_are_one_short_line_that_postgres_can_store() -> None:
    error = refused(b'{"detail": "a\x00b\x1b[31m\xe2\x80\xaec\n' + b"blah " * 1_000)
    words = str(error).partition("It says: ")[2]
    assert words.startswith('{"detail": "a b [31m c blah blah')
    assert words.isprintable()
    assert len(words) == LONGEST_WORDS


def test_a_key_among_the_words_is_hidden() -> None:
    assert KEY not in str(refused(f'{{"error": "Incorrect API key provided: {KEY}."}}'.encode()))


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"\0\0\0\x20ftypM4A \0\0", "MP4"),
        (b"\xff\xf1\x50\x80\1\x7f\xfc", "AAC"),
        (b"ADIF", "AAC"),
        (b"\x1aE\xdf\xa3\x01", "WebM"),
        (b"FORM\0\0\0\0AIFF", "AIFF"),
    ],
)
def test_audio_that_cannot_be_read_is_named_with_what_to_set(body: bytes, name: str) -> None:
    assert str(refused(body)).startswith(f"The audio is {name}, which is not supported. Make the server answer MP3")
    assert "TTS_EXTRA_BODY" in str(refused(body))


def test_bare_samples_cannot_be_recognised_and_that_is_said() -> None:
    bare = pcm_of("some words").tobytes()
    assert "raw PCM does not say what it is" in str(refused(bare))
    assert "response_format" in str(refused(bytes(2 * SAMPLE_RATE)))


@given(st.binary(max_size=600))
def test_any_bytes_are_refused_with_a_line_and_nothing_else_happens(body: bytes) -> None:
    assert str(refused(body)).isprintable()


@given(st.text(max_size=300))
def test_any_text_has_first_words_that_are_one_line(text: str) -> None:
    words = first_words(text.encode(errors="replace"))
    assert len(words) <= LONGEST_WORDS
    assert words.isprintable() or not words.strip()
