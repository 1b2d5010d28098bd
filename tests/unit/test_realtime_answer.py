"""One answer, made of events that no upstream should send."""

import base64
from typing import Any

import pytest

from worker.engines.realtime_answer import Answer
from worker.errors import BadAudio
from worker.sound.thresholds import LARGEST_BODY_BYTES

_DELTA_BYTES = 6 << 20


@pytest.fixture
def answer() -> Answer:
    begun = Answer("clip-1", "sk-test-0123456789abcdef")
    begun.take({"type": "response.created", "response": {"id": "resp-1", "metadata": {"request": "clip-1"}}})
    return begun


def audio(pcm: bytes) -> dict[str, Any]:
    delta = base64.b64encode(pcm).decode()
    return {"type": "response.output_audio.delta", "response_id": "resp-1", "delta": delta}


def done(**usage: Any) -> dict[str, Any]:
    return {"type": "response.done", "response": {"id": "resp-1", "status": "completed", "usage": usage}}


def test_audio_without_end_is_given_up_before_it_fills_the_memory(answer: Answer) -> None:
    delta = audio(bytes(_DELTA_BYTES))
    for _ in range(LARGEST_BODY_BYTES // _DELTA_BYTES):
        answer.take(delta)
    with pytest.raises(BadAudio, match="too large"):
        answer.take(delta)


@pytest.mark.parametrize("tokens", [2**31, 10**30, -1, "7", None, 1.5])
def test_a_count_of_tokens_that_cannot_be_is_none(answer: Answer, tokens: object) -> None:
    """What is stored is a 32-bit integer: beyond it, the job could not be written down."""
    answer.take(audio(bytes(480)))
    answer.take({"type": "response.output_audio_transcript.done", "response_id": "resp-1", "transcript": "Hello"})
    answer.take(done(input_tokens=tokens, output_tokens=tokens))
    usage = answer.speech().usage
    assert (usage.input_tokens, usage.output_text_tokens, usage.output_audio_tokens) == (0, 0, 0)
