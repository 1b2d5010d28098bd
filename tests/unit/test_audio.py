"""What is accepted as audio of a text, on clips that espeak-ng and LAME really made."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import lameenc
import miniaudio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clips import Voice
from worker.audio import accept
from worker.engines.espeak import EspeakEngine
from worker.errors import BadAudio

ENGLISH = Voice("en", "espeak", "", "espeak-ng", "en-us", "", 1.0, {})
FRENCH = replace(ENGLISH, language="fr", name="fr")

ENGLISH_PHRASES = """a|Hi|I|OK|no|eye|the end|Good morning!|How are you?|See you later.|I don't know.|Where is the train station?
|1,234,567|in 1998|7|3.14|10:45 p.m.|$1,999.99|50%|the 21st of May|WWW|NASA|e.g.|Dr. Smith|Mr. and Mrs. O'Neil
|to be, or not to be|Nooooooo!|hahaha|Shh...|Ah!|rhythm|strengths|through|queue|thought|a/b|C++|user@example.com
|https://example.com/a?b=c|(to) give up|to look forward to sth.|… well …|🎉|I ❤️ you|日本語|I love 寿司|½|x² + y² = z²|snow-covered
|She sells seashells by the seashore.|It's raining cats and dogs, so take an umbrella with you when you leave.|MDCCCLXXXVIII
|The committee has not yet decided whether the proposal should be accepted, rejected, or sent back for further work.
|hippopotamus|antidisestablishmentarianism|you|we|thank you very much|What time is it?|Could you repeat that, please?"""
FRENCH_PHRASES = """a|y|eau|Oui|non|œuf|Salut|Bonjour !|Comment ça va ?|Ils parlaient.|Qu'est-ce que c'est ?|les oiseaux
|1 234 567|en 1998|99|3,14|22 h 45|1 999,99 €|50 %|le 21 mai|SNCF|TGV|p. ex.|M. et Mme Dupont|aujourd'hui
|être ou ne pas être|Nooooon !|hahaha|Chut…|Ah !|ils étaient beaux|heureusement|beaucoup|longtemps|queue|temps|et/ou
|Je ne sais pas.|Où est la gare ?|Il pleut des cordes, alors prends un parapluie avant de partir.|l'eau|d'accord|(se) lever
|Les chaussettes de l'archiduchesse sont-elles sèches, archi-sèches ?|Ils auraient voulu qu'elles eussent été là.|nous|vous
|anticonstitutionnellement|Merci beaucoup.|Quelle heure est-il ?|Pourriez-vous répéter, s'il vous plaît ?|…|Louis XIV|grenouille
|Le comité n'a pas encore décidé si la proposition devait être acceptée, rejetée ou renvoyée pour être retravaillée."""


def phrases(listed: str) -> list[str]:
    """Those listed, and pairs of them."""
    single = listed.replace("\n", "").split("|")
    return single + [f"{a}, {b}" for a, b in zip(single[::2], single[1::2], strict=False)]


@dataclass(frozen=True)
class Clip:
    text: str
    speed: float
    audio: bytes


@pytest.fixture(scope="module")
def engine() -> Iterator[EspeakEngine]:
    engine = EspeakEngine([ENGLISH, FRENCH])
    yield engine
    asyncio.run(engine.close())


def speak(engine: EspeakEngine, text: str, voice: Voice = ENGLISH) -> Clip:
    return Clip(text, voice.speed, asyncio.run(engine.speak(text, voice)).audio)


LONG = "The committee has not yet decided whether the proposal should be accepted, rejected, or sent back for further work."


@pytest.fixture(scope="module")
def clip(engine: EspeakEngine) -> Clip:
    return speak(engine, LONG)


def encode(pcm: bytes, sample_rate: int = 24_000) -> bytes:
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_channels(1)
    encoder.set_in_sample_rate(sample_rate)
    encoder.set_bit_rate(64)
    return bytes(encoder.encode(pcm) + encoder.flush())


def refusal(audio: bytes, text: str = LONG, speed: float = 1.0) -> str:
    with pytest.raises(BadAudio) as caught:
        accept(audio, text, speed)
    return str(caught.value)


def frame_starts(audio: bytes) -> list[int]:
    """The starts of LAME's frames at 64 kbit/s and 22,050 Hz: 208 bytes, or 209 where padded."""
    starts = [0]
    while starts[-1] < len(audio):
        starts.append(starts[-1] + 208 + (audio[starts[-1] + 2] >> 1 & 1))
    return starts[:-1]


def info_frame(announced: int) -> bytes:
    """A frame of silence at 64 kbit/s and 22,050 Hz whose Info header announces so many frames."""
    return (b"\xff\xf3\x80\xc4".ljust(13, b"\0") + b"Info\0\0\0\1" + announced.to_bytes(4, "big")).ljust(208, b"\0")


@pytest.mark.parametrize("speed", [0.25, 1.0, 4.0])
@pytest.mark.parametrize("voice", [ENGLISH, FRENCH], ids=["en", "fr"])
def test_real_speech_is_accepted(engine: EspeakEngine, voice: Voice, speed: float) -> None:
    voice = replace(voice, speed=speed)
    refused = {}
    for text in phrases(ENGLISH_PHRASES if voice.language == "en" else FRENCH_PHRASES):
        clip = speak(engine, text, voice)
        try:
            assert 100 < accept(clip.audio, text, speed).duration_ms < 60_000
        except BadAudio as error:
            refused[text] = str(error)
    assert not refused


def test_the_longest_text_is_accepted(engine: EspeakEngine) -> None:
    clip = speak(engine, (LONG + " ") * 35)
    assert len(clip.text) > 4_000
    assert accept(clip.audio, clip.text).duration_ms > 200_000


def test_speech_cut_at_any_byte_is_refused(clip: Clip) -> None:
    edges = set(frame_starts(clip.audio))
    for at in random.Random(7).sample(sorted(set(range(1, len(clip.audio))) - edges), 300):
        assert "MP3" in refusal(clip.audio[:at])


def test_speech_cut_between_frames_is_refused_where_a_header_announces_more(clip: Clip) -> None:
    starts = frame_starts(clip.audio)
    whole = info_frame(len(starts)) + clip.audio
    assert accept(whole, LONG).duration_ms > 5_000
    assert "announces" in refusal(whole[: 208 + starts[-2]])
    assert accept((info_frame(0) + clip.audio)[: 208 + starts[-2]], LONG)  # a streaming encoder announces nothing


def test_speech_cut_between_frames_is_refused_where_too_few_words_are_left(clip: Clip) -> None:
    starts = frame_starts(clip.audio)
    assert "too short" in refusal(clip.audio[: starts[len(starts) // 6]])


def test_tags_before_between_and_behind_are_passed_over(clip: Clip) -> None:
    id3v2 = b"ID3\4\0\0\0\0\1\0" + bytes(128)
    apev2 = b"APETAGEX\xd0\7\0\0\x28\0\0\0" + bytes(7) + b"\x80" + bytes(8)
    apev2 += bytes(8) + apev2
    id3v1 = b"TAG".ljust(128, b"\0")
    bare = accept(clip.audio, LONG)
    for tagged in (id3v2 + clip.audio, clip.audio + id3v1, clip.audio + apev2, id3v2 + clip.audio + apev2 + id3v1):
        # Before an APEv2 tag the decoder leaves out the last frame: 26 ms of padding.
        assert accept(tagged, LONG).duration_ms == pytest.approx(bare.duration_ms, abs=30)
    assert accept((id3v2 + clip.audio) * 2, LONG + LONG).duration_ms > 1.9 * bare.duration_ms
    assert "cut short" in refusal(clip.audio + id3v2[:50])


def test_stereo_is_accepted() -> None:
    noise = random.Random(1).randbytes(2 * 2 * 24_000)
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_channels(2)
    encoder.set_in_sample_rate(24_000)
    audio = bytes(encoder.encode(noise) + encoder.flush())
    assert accept(audio, "one second").duration_ms == pytest.approx(1_000, abs=100)


@pytest.mark.parametrize(
    ("audio", "named"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\n<!DOCTYPE html><html><body>502 Bad Gateway</body></html>", "HTML"),
        (b'{"error": {"message": "no"}}', "JSON"),
        (b"RIFF\0\0\0\0WAVEfmt ", "WAV"),
        (b"OggS\0\2", "Ogg"),
        (b"fLaC\0\0\0\x22", "FLAC"),
        (b"\xff\xf1\x50\x80\1\x7f\xfc", "AAC"),
        (b"\0\0\0\x20ftypM4A ", "MP4"),
        (b"upstream connect error", "Not an MP3"),
        (b"\xff\xfb\xff\xff" * 100, "Not an MP3"),
        (b"ID3", "MP3"),
        (b"ID3\4\0\0\0\0\0\0", "no audio"),
    ],
)
def test_what_is_no_mp3_is_refused_by_name(audio: bytes, named: str) -> None:
    assert named in refusal(audio)


def test_frames_that_do_not_decode_are_refused(clip: Clip) -> None:
    starts = frame_starts(clip.audio)
    broken = b"".join(clip.audio[at : at + 4] + b"\xff" * (end - at - 4) for at, end in pairwise(starts))
    refusal(broken)


def test_silence_is_refused_where_there_is_something_to_say() -> None:
    silence = encode(bytes(2 * 24_000))
    assert "silent" in refusal(silence, "one second")
    assert "silent" in refusal(silence, "7")
    for text in ("…", "!?", "🎉"):
        assert accept(silence, text).duration_ms == pytest.approx(1_000, abs=100)


def test_silence_around_the_words_counts_for_nothing(clip: Clip) -> None:
    pcm = miniaudio.mp3_read_s16(clip.audio).samples.tobytes()
    padding = bytes(10 * 2 * 22_050)
    assert accept(encode(pcm + padding, 22_050), LONG).duration_ms > 15_000
    assert "too short" in refusal(encode(padding + pcm[: 2 * 22_050] + padding, 22_050))


def test_audio_of_another_length_of_text_is_refused(engine: EspeakEngine, clip: Clip) -> None:
    repeated = speak(engine, (LONG + " ") * 3)
    for short in ("Hi", "bonjour", "Where is it?"):
        assert "too long" in refusal(repeated.audio, short)
        assert "too short" in refusal(speak(engine, short).audio)


@given(st.binary(max_size=600))
def test_any_bytes_are_refused_and_nothing_else_happens(body: bytes) -> None:
    refusal(body)


@given(st.binary(min_size=1, max_size=400))
def test_any_body_of_a_frame_is_judged_and_nothing_else_happens(body: bytes) -> None:
    frame = b"\xff\xf3\x80\xc4" + body.ljust(204, b"\0")[:204]
    refusal(frame * 3, "some words that take a second")
