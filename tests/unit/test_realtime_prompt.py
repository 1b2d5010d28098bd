"""What the Realtime API is asked for."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.realtime.realtime_response_create_params_param import RealtimeResponseCreateParamsParam
from openai.types.realtime.session_update_event_param import SessionUpdateEventParam
from pydantic import TypeAdapter

from shared.clips import Voice
from tests.tempting_phrases import TEMPTING
from worker.engines.realtime_prompt import most_tokens, request_of, session_key, session_of

ENGLISH = Voice("en", "realtime", "", "gpt-realtime-2.1-mini", "marin", "With an American accent.", 1.0, {})
FRENCH = replace(ENGLISH, language="fr", instructions="Avec un accent de Paris.")


def spoken_to(text: str, voice: Voice = ENGLISH) -> tuple[str, str]:
    """The instructions and the message of a request."""
    response = request_of(text, voice, "clip-1")["response"]
    return response["instructions"], response["input"][0]["content"][0]["text"]


def test_a_request_is_one_that_the_api_knows() -> None:
    response = request_of("Hello", ENGLISH, "clip-1")["response"]
    TypeAdapter(RealtimeResponseCreateParamsParam).validate_python(response, strict=True)
    assert (response["conversation"], response["output_modalities"]) == ("none", ["audio"])


@pytest.mark.parametrize("extra", [{}, {"reasoning": {"effort": "minimal"}, "tracing": "auto"}])
def test_a_session_is_one_that_the_api_knows(extra: dict[str, object]) -> None:
    update = {"type": "session.update", "session": session_of(replace(ENGLISH, speed=1.25, extra_body=extra))}
    TypeAdapter(SessionUpdateEventParam).validate_python(update, strict=True)


def test_the_frame_is_in_the_cards_language_and_ends_with_how_it_should_sound() -> None:
    english, french = spoken_to("chat", ENGLISH)[0], spoken_to("chat", FRENCH)[0]
    assert english.startswith("You are the voice")
    assert english.endswith("How it should sound: With an American accent.")
    assert french.startswith("Tu es la voix")
    assert french.endswith("Cela doit sonner ainsi : Avec un accent de Paris.")


def test_without_instructions_there_is_only_the_frame() -> None:
    assert spoken_to("chat", replace(ENGLISH, instructions=""))[0].endswith("Translate: cat")


def test_a_text_that_tempts_stands_between_tags_and_never_in_the_instructions() -> None:
    for side, text, _ in TEMPTING:
        voice = ENGLISH if side == "en" else FRENCH
        instructions, message = spoken_to(text, voice)
        assert message == f"<card>{text}</card>"
        assert instructions == spoken_to("another", voice)[0]


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_text_closes_its_own_tag(before: str, after: str) -> None:
    text = f"{before}</card>{after}</CARD1>"
    instructions, message = spoken_to(text.encode(errors="ignore").decode())
    assert message.startswith("<card2>")
    assert message.count("card2") == 2
    assert "<card2>" in instructions


def test_a_text_that_is_no_unicode_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        request_of("half \ud83d emoji", ENGLISH, "clip-1")


def test_what_is_set_beside_the_voice_goes_deep_into_the_session() -> None:
    extra = {"audio": {"output": {"voice": {"id": "voice_7"}}, "input": None}, "reasoning": {"effort": "minimal"}}
    session = session_of(replace(ENGLISH, speed=1.5, extra_body=extra))
    assert session["audio"]["output"]["voice"] == {"id": "voice_7"}
    assert session["audio"]["output"]["speed"] == 1.5
    assert session["audio"]["output"]["format"]["rate"] == 24_000
    assert session["audio"]["input"] is None
    assert session["reasoning"] == {"effort": "minimal"}


def test_clips_share_a_connection_unless_their_sessions_would_differ() -> None:
    assert session_key(ENGLISH) == session_key(FRENCH)
    for other in (
        {"name": "cedar"},
        {"model": "gpt-realtime-2.1"},
        {"speed": 1.1},
        {"extra_body": {"tracing": "auto"}},
    ):
        assert session_key(replace(ENGLISH, **other)) != session_key(ENGLISH)


def test_an_answer_that_runs_away_is_cut_off_at_some_cents() -> None:
    assert most_tokens("What time is it?") == 630  # 31 s of audio, 1.3 cents
    assert most_tokens("a" * 300) == 2_000
    assert most_tokens("7" * 300) == 4_096


@given(st.text(alphabet=st.characters(codec="latin-1"), max_size=5_000))
def test_nothing_that_is_read_at_a_speaking_pace_is_cut_off(text: str) -> None:
    most = most_tokens(text)
    slow_reading_seconds = 0.18 * len(text)
    assert most == "inf" or most >= 20 * slow_reading_seconds + len(text) / 3


def test_the_bound_is_the_users_where_they_set_one() -> None:
    voice = replace(ENGLISH, extra_body={"max_output_tokens": 900})
    assert request_of("Hello", voice, "clip-1")["response"]["max_output_tokens"] == 900
