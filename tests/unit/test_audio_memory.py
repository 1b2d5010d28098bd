"""Audio that is too much is refused before it fills the memory: each case runs in a process of its own, whose peak is measured."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Importing the gate takes some 60 MB; what accepting adds must stay near the size of the body.
PROGRAM = """
import resource, time
from tests.audio_files import as_flac, as_mp3, as_vorbis, as_opus, as_wav
from worker.audio import accept
from worker.errors import BadAudio
body, text = {body}
accept(as_vorbis(bytes(48_000), 24_000), "…")  # what is loaded once
before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
try:
    print("accepted", accept(body, text).duration_ms)
except BadAudio as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before >> 10)
print(time.process_time() - began)
"""
LONG_TEXT = "'The train is late again. ' * 160"


def judged(body: str) -> tuple[str, int, float]:
    """What was said of this body, the MB that took beyond what making the body had taken, and the seconds of CPU."""
    run = subprocess.run([sys.executable, "-c", PROGRAM.format(body=body)], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    said, megabytes, seconds = run.stdout.splitlines()
    return said, int(megabytes), float(seconds)


def test_a_body_beyond_all_speech_is_refused_unread() -> None:
    said, _, seconds = judged("b'RIFF' + bytes(40 << 20), 'Hi'")
    assert said == "The answer is too large: 40 MB."
    assert seconds < 0.1


@pytest.mark.parametrize(
    "body",
    [
        # A second of silence over and over: hours of it in some MB.
        "as_mp3(bytes(2 * 8_000 * 60), 8_000) * 60, {text}",
        # The frames of a FLAC without its length, repeated.
        "(lambda one: one[:21] + bytes([one[21] & 0xF0]) + bytes(4) + one[26:42] + one[42:] * 400)"
        "(as_flac(bytes(2 * 48_000 * 10), 48_000)), {text}",
        "as_vorbis(bytes(2 * 8_000 * 3_600), 8_000), {text}",
        "as_opus(bytes(2 * 8_000 * 300), 8_000), {text}",
        "as_wav(bytes(8_000 * 3_000), 8_000, bits=8), {text}",
    ],
    ids=["mp3", "flac", "vorbis", "opus", "wav"],
)
@pytest.mark.parametrize("text", ["'Hi'", "'The train is late again. ' * 30"], ids=["word", "page"])
def test_hours_of_nothing_in_a_small_body_are_refused_within_a_few_megabytes(body: str, text: str) -> None:
    said, megabytes, seconds = judged(body.format(text=text))
    assert said.startswith("The ")
    assert megabytes < 64
    assert seconds < 10


def test_the_longest_text_takes_no_more_memory_than_its_own_bytes() -> None:
    said, megabytes, _ = judged(
        "(lambda pcm: (as_wav(pcm, 24_000), " + LONG_TEXT + "))(__import__('tests.speech_audio', fromlist=['x'])"
        ".pcm_of(" + LONG_TEXT + ").tobytes())"
    )
    assert said.startswith("accepted 28")
    assert megabytes < 48
