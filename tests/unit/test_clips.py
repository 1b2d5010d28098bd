"""From a card's text to what is spoken, and the keys that decide which audio is shared."""

import html
import subprocess
import sys
import unicodedata
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clips import Voice, clip_key, file_name, normalise, text_hash

ROOT = Path(__file__).parent.parent.parent
FAMILY = "👩\u200d👩\u200d👧"
VOICE = Voice("en", "speech", "https://api.openai.com/v1", "gpt-4o-mini-tts", "marin", "Read it.", 1.0, {"seed": 1})
OTHERS: dict[str, Any] = {
    "language": "fr",
    "engine": "espeak",
    "base_url": "http://localhost:8880/v1",
    "model": "kokoro",
    "name": "cedar",
    "instructions": "",
    "speed": 1.5,
    "extra_body": {"seed": 2},
}

texts = st.text(max_size=200)
# Pieces of markup make far more tags, entities and comments than random characters do.
pieces = st.sampled_from(
    [
        "<b>",
        "</b>",
        "<br/>",
        "<!--",
        "-->",
        "<script>",
        "</script>",
        "&amp;",
        "&lt;",
        "&#60;",
        "<",
        ">",
        "&",
        '"',
        "=",
        "a",
    ]
)
markup = st.lists(pieces | st.characters(), max_size=60).map("".join)
plain_texts = st.text(st.characters(exclude_characters="<&"), max_size=200)


# What is spoken


@pytest.mark.parametrize(
    "text",
    [
        "I <3 you",
        "a < b > c",
        "a<b and c>d",
        "<your name>",
        "Fill in <a verb>, then <an adjective>",
        "Q&A, R&D, fish & chips",
        "5 > 3 && 3 < 5",
        "x <- y -> z",
        "&unknown;",
        "café",
        "C'est l'été !",
        "don't … “quote”",
    ],
)
def test_words_that_only_look_like_markup_are_spoken(text: str) -> None:
    assert normalise(text) == text


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("<p>Hello</p><p>world</p>", "Hello world"),
        ("<b>un</b>believable", "unbelievable"),
        ("one<br>two<BR/>three<br />four", "one two three four"),
        ('<a href="https://example.org/?a=1&b=2" class=x>link</a>', "link"),
        ("<p title='a > b'>text</p>", "text"),
        ("<input disabled>text", "text"),
        ("<div data-id>text</div>", "text"),
        ('<font color="red" size=3>red</font>', "red"),
        ("before<!-- a\ncomment -->after", "before after"),
        ("<script>alert('<b>')</script>text", "text"),
        ("<STYLE type='text/css'>p > b { }</STYLE >text", "text"),
        ("fish &amp; chips", "fish & chips"),
        ("&eacute;t&#233; &#xE9;", "été é"),
        ("a&nbsp;b", "a b"),
        ("&#0;&#xD800;&#x110000;", "\ufffd\ufffd\ufffd"),
    ],
)
def test_markup_is_not_spoken(text: str, spoken: str) -> None:
    assert normalise(text) == spoken


def test_an_escaped_tag_is_text_and_is_unescaped_only_once() -> None:
    assert normalise("&lt;b&gt;") == "<b>"
    assert normalise("&amp;lt;b&amp;gt;") == "&lt;b&gt;"


def test_white_space_and_control_characters_are_folded() -> None:
    assert normalise(" \t a \r\n\n b\u00a0\u2003c\u2028d\x00e\x1f ") == "a b c d e"


def test_invisible_characters_and_direction_marks_are_removed() -> None:
    assert normalise("\ufeffhel\u200blo\u00ad \u200f\u202eworld\u202c\u2060") == "hello world"


def test_what_a_joiner_joins_stays_joined() -> None:
    assert normalise(f"a {FAMILY} b") == f"a {FAMILY} b"
    assert normalise("می\u200cخواهم") == "می\u200cخواهم"


@pytest.mark.parametrize(
    "text", ["", " ", "\u200b", "\u200d", "\u200c \u200d", "<br>", "<!-- x -->", "&nbsp;", "\x00", "\ufeff"]
)
def test_a_text_with_nothing_to_say_is_empty(text: str) -> None:
    assert normalise(text) == ""


@pytest.mark.parametrize("blank", ["\u3164", "\u2800", "\uffa0", "\u115f\u1160", "\u034f", "\ufe0f", "\U000e0100"])
def test_what_looks_blank_says_nothing_by_itself_and_stays_where_it_belongs_to_a_word(blank: str) -> None:
    assert normalise(f"{blank} {blank}{blank}\u200d") == ""
    assert normalise(f"{blank} one {blank}\n two") == "one two"
    assert normalise(f"❤{blank} a{blank}b") == f"❤{blank} a{blank}b"


def test_two_ways_to_write_a_letter_are_one_text() -> None:
    assert normalise("e\u0301te\u0301") == normalise("été") == "été"


@given(texts | markup)
def test_any_text_gives_composed_words_with_single_spaces(text: str) -> None:
    spoken = normalise(text)
    assert unicodedata.is_normalized("NFC", spoken)
    assert spoken == " ".join(spoken.split())
    assert not {unicodedata.category(character) for character in spoken if character not in "\u200c\u200d"} & {
        "Cc",
        "Cf",
    }


@given(plain_texts)
def test_a_text_without_markup_is_normalised_once_and_for_all(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(texts | markup)
def test_any_text_can_be_escaped_so_that_it_is_spoken_as_it_is(text: str) -> None:
    # An invisible character keeps the markup from being markup, and is then removed.
    broken = text.replace("<", "<\u2060").replace("&", "&\u2060")
    assert normalise(html.escape(text)) == normalise(broken)


def test_the_longest_and_worst_texts_are_done_in_no_time() -> None:
    program = """
from shared.clips import normalise
pieces = ["<!--", "<a ", "<a b", '<a b="', "<a b=c ", "&", "&a", "&#", "<script", "<script>", "<script><style>", "</script ",
          "<", "<b", "<b/", "<p class='", "= ", "\\u0301\\u0323", "\\u200d", "<a x" + " " * 50, "<!---", "--", "<data-", "<a data-a-"]
for piece in pieces:
    for text in (piece * 4096, "<a " + piece * 4096, "<script>" + piece * 4096, "<!--" + piece * 4096, "<a b='" + piece * 4096):
        normalise(text[:4096])
        normalise(text[:4095] + ">")
for _ in range(50):  # marks that have to change places
    normalise("a" + "\\u0301" * 2047 + "\\u0323" * 2048)
"""
    # All of them take less than a second where each is linear; one that is quadratic or worse takes minutes.
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=60, check=True)


# Keys


def test_every_part_of_a_voice_is_in_the_key() -> None:
    assert OTHERS.keys() == {field.name for field in fields(Voice)}
    keys = {clip_key("hello", VOICE), *(clip_key("hello", replace(VOICE, **{name: OTHERS[name]})) for name in OTHERS)}
    assert len(keys) == len(OTHERS) + 1


@given(texts, texts)
def test_keys_are_equal_where_the_texts_are(one: str, other: str) -> None:
    assert (clip_key(one, VOICE) == clip_key(other, VOICE)) == (one == other)
    assert (text_hash(one, "en") == text_hash(other, "en")) == (one == other)


def test_texts_that_sound_the_same_share_their_audio() -> None:
    texts = ["été & hiver", " e\u0301te\u0301 &amp;\n<b>hiver</b>", "\ufeffété <!-- x -->&#38; hiver"]
    assert len({clip_key(normalise(text), VOICE) for text in texts}) == 1


def test_the_order_of_the_extra_fields_does_not_matter() -> None:
    one, other = {"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}
    assert clip_key("hello", replace(VOICE, extra_body=one)) == clip_key("hello", replace(VOICE, extra_body=other))


def test_a_key_cannot_be_imitated_by_moving_text_from_one_part_to_another() -> None:
    one, other = replace(VOICE, model="a", name='b","c'), replace(VOICE, model='a","b', name="c")
    assert clip_key("hello", one) != clip_key("hello", other)


def test_keys_stay_what_they_are() -> None:
    """A change here loses all audio that was paid for: it belongs with a new `PIPELINE_VERSION`, on purpose."""
    assert clip_key("été", VOICE) == "77de748a7195e6d5a1ed253c16cc251a2ebfa9a0843cb3c79888e5c23778f49c"
    assert text_hash("été", "fr") == "256042af5f87e3e58f6d5614ba969191a11f374e96bda559771a1767e648d403"


def test_what_a_card_says_depends_on_its_text_and_language_alone() -> None:
    assert text_hash("chat", "en") != text_hash("chat", "fr")
    assert text_hash("chat", "fr") != text_hash("chats", "fr")
    assert text_hash("chat", "fr") != clip_key("chat", VOICE)


def test_a_text_that_is_no_valid_unicode_has_a_key_too() -> None:
    assert clip_key(normalise("\ud800"), VOICE) != clip_key(normalise("\udfff"), VOICE)


def test_a_card_has_one_file_for_each_side() -> None:
    assert [file_name("card.1", "en"), file_name("card.1", "fr")] == ["card.1_en.mp3", "card.1_fr.mp3"]


@given(st.text(alphabet="a\u0301\u0323\u0344\u0308\u0345\u0315.", min_size=40))
def test_many_marks_over_a_letter_come_out_as_nfc_has_them(text: str) -> None:
    assert normalise(text) == unicodedata.normalize("NFC", text)
