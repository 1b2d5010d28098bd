"""The word check as a whole: models that answer, texts against themselves, one word changed, hostile texts, the message."""

import string
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.clips import SIDES, Side, normalise
from tests.tempting_phrases import TEMPTING
from worker.errors import OtherWords
from worker.spoken.meeting import MOST_WAYS, compare, meet
from worker.spoken.readings import readings
from worker.words import check_words

# Content words that no rule makes alike, nor may two of them in a row be another one.
_CONTENT: dict[Side, tuple[str, ...]] = {
    "en": tuple(
        "apple river quickly blue shoulder never don't seventeen Tuesday bread knocked whispering it's café 42 1984 50% $5".split()
    ),
    "fr": tuple(
        "pomme fleuve bleu épaule jamais dix-sept mardi pain frappé l'école c'est œuf 42 1984 10h30 garçon".split()
    ),
}
_HOSTILE = [
    "a(a) ",
    "_ _ ",
    "1 11 ",
    "1/2 ",
    "+ ",
    "10:30 ",
    "$1.11 ",
    "1,000 ",
    "IV ",
    "((((",
    "'",
    "a'",
    "1(",
    "I'd've ",
    "100 and ",
    "½",
]


@pytest.mark.parametrize(("side", "text", "answer"), TEMPTING)
def test_a_model_that_answers_is_caught(side: Side, text: str, answer: str) -> None:
    with pytest.raises(OtherWords):
        check_words(answer, text, side)


@pytest.mark.parametrize(("side", "text"), [(side, text) for side, text, _ in TEMPTING])
def test_a_tempting_card_that_is_read_is_accepted_in_any_case_and_punctuation(side: Side, text: str) -> None:
    for said in (text, text.upper(), text.lower(), text.rstrip(" .?!…"), f"“{text}”", text.replace("'", "’")):
        check_words(said, text, side)


def test_there_are_a_hundred_tempting_cards_at_least_and_in_both_languages() -> None:
    assert len({(side, text) for side, text, _ in TEMPTING}) >= 100
    assert {side for side, _, _ in TEMPTING} == set(SIDES)


@given(st.sampled_from(SIDES), st.text(max_size=60).map(normalise))
def test_a_text_matches_itself_and_its_decomposed_form(side: Side, text: str) -> None:
    check_words(text, text, side)
    check_words(unicodedata.normalize("NFD", text), text, side)


@given(st.sampled_from(SIDES), st.text(string.printable + "éàçœ€°½…–’«»", max_size=40).map(normalise))
def test_a_text_of_keyboard_characters_matches_itself(side: Side, text: str) -> None:
    check_words(text, text, side)


@st.composite
def _sentences(draw: st.DrawFn) -> tuple[Side, list[str]]:
    side = draw(st.sampled_from(SIDES))
    return side, draw(st.lists(st.sampled_from(_CONTENT[side]), min_size=1, max_size=8))


@given(_sentences(), st.sampled_from([" ", ", ", " … ", "! ", "; ", " – « "]))
def test_case_and_punctuation_do_not_matter(sentence: tuple[Side, list[str]], between: str) -> None:
    side, words = sentence
    assume(not any(word[0] in "0123456789$" for word in words) or between == ", ")
    check_words(between.join(words).upper(), " ".join(words), side)
    check_words(" ".join(words), between.join(words) + "?", side)


@given(_sentences(), st.data())
def test_a_missing_word_is_refused(sentence: tuple[Side, list[str]], data: st.DataObject) -> None:
    side, words = sentence
    at = data.draw(st.integers(0, len(words) - 1))
    _assert_refused(words[:at] + words[at + 1 :], words, side)


@given(_sentences(), st.data())
def test_a_word_too_many_is_refused(sentence: tuple[Side, list[str]], data: st.DataObject) -> None:
    side, words = sentence
    at = data.draw(st.integers(0, len(words)))
    _assert_refused([*words[:at], data.draw(st.sampled_from(_CONTENT[side])), *words[at:]], words, side)


@given(_sentences(), st.data())
def test_another_word_is_refused(sentence: tuple[Side, list[str]], data: st.DataObject) -> None:
    side, words = sentence
    at = data.draw(st.integers(0, len(words) - 1))
    other = data.draw(st.sampled_from([word for word in _CONTENT[side] if word != words[at]]))
    _assert_refused([*words[:at], other, *words[at + 1 :]], words, side)


def _assert_refused(said: list[str], words: list[str], side: Side) -> None:
    with pytest.raises(OtherWords):
        check_words(" ".join(said), " ".join(words), side)


@given(st.sampled_from(SIDES), st.integers(0, 10**12))
def test_no_number_is_taken_for_its_neighbour_or_a_tenth_of_it(side: Side, number: int) -> None:
    for other in (number + 1, number * 10 + 1, number // 10 if number > 9 else number + 2):
        _assert_refused([str(other)], [str(number)], side)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("piece", _HOSTILE)
def test_a_hostile_text_costs_steps_in_proportion_to_its_length(piece: str, side: Side) -> None:
    slots = readings(normalise((piece * 4096)[:4096]), side)
    assert meet(slots, slots)
    _, steps = compare(slots, slots)
    assert len(slots) <= 3 * 4096
    assert max(map(len, slots)) <= 128
    assert steps <= 2 * MOST_WAYS * sum(map(len, slots))
    _, steps_of_half = compare(slots, slots[: len(slots) // 2])
    assert steps_of_half <= 2 * MOST_WAYS * sum(map(len, slots))


@given(st.sampled_from(SIDES), st.text("0123456789.,/:-– €$%hmkIVXe()'°²½nst=+_#", max_size=16).map(normalise))
def test_figures_in_any_order_are_read_without_a_fault(side: Side, text: str) -> None:
    check_words(text, text, side)


def test_what_is_far_too_long_for_the_card_is_refused_unread() -> None:
    with pytest.raises(OtherWords):
        check_words("1/2 " * 100_000, "Hello", "en")


def test_the_message_quotes_what_was_said_and_the_reason_does_not() -> None:
    with pytest.raises(OtherWords) as caught:
        check_words("Sure! It is\nhalf past three.", "What time is it?", "en")
    assert str(caught.value) == 'The audio says other words than the card: "Sure! It is half past three."'
    assert caught.value.reason == "The audio says other words than the card."


def test_the_message_is_one_short_printable_line_whatever_was_said() -> None:
    with pytest.raises(OtherWords) as caught:
        check_words("Once \x00upon\u2028a\u202etime " * 10_000, "Hello", "en")
    assert len(str(caught.value)) < 250
    assert str(caught.value).isprintable()


def test_silence_is_told_as_such() -> None:
    with pytest.raises(OtherWords, match=r"^The audio says no words at all\.$"):
        check_words("", "Hello", "en")


def test_a_symbol_alone_may_be_named_or_passed_over() -> None:
    for said in ("", "!", "Exclamation mark."):
        check_words(said, "!", "en")
