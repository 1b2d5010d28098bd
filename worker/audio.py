"""No trust in a 200: is this body audio of that text? Pure and CPU-bound: run it in a thread. Knows no engine and no storage."""

from dataclasses import dataclass

from worker.sound import mp3
from worker.sound.decoding import Recording, open_recording
from worker.sound.encoding import Mp3Encoder
from worker.sound.kinds import Kind
from worker.sound.loudness import Loudness
from worker.sound.plausibility import Bounds, bounds_of


@dataclass(frozen=True)
class AcceptedAudio:
    """Audio that is good, as MP3."""

    mp3: bytes
    duration_ms: int


def accept(audio: bytes, text: str, speed: float = 1.0) -> AcceptedAudio:
    """The audio, if it is whole and could be `text` at `speed`; raises BadAudio otherwise.

    An MP3 is kept byte for byte; WAV, FLAC and Ogg become one.
    """
    bounds = bounds_of(text, speed)
    recording = open_recording(audio)
    bounds.check_length(recording.announced_ms)
    if recording.kind is Kind.MP3:
        return AcceptedAudio(audio, _listen(recording, bounds))
    encoder = Mp3Encoder(recording.sample_rate)
    _listen(recording, bounds, encoder)
    encoded = encoder.finish()
    return AcceptedAudio(encoded, mp3.measure(encoded).ms)


def _listen(recording: Recording, bounds: Bounds, encoder: Mp3Encoder | None = None) -> int:
    """Hears all of the recording, encodes it on the way, and gives its milliseconds.

    What goes on for too long is given up there: a few kB of FLAC can hold days of silence.
    """
    loudness, samples = Loudness(recording.sample_rate), 0
    for block in recording.blocks():
        samples += len(block)
        bounds.check_length(samples * 1000 / recording.sample_rate)
        loudness.hear(block)
        if encoder:
            encoder.encode(block)
    bounds.check_sound(loudness.heard())
    return round(samples * 1000 / recording.sample_rate)
