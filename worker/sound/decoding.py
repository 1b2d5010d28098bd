"""From the bytes of a whole file to its samples: mono, 16 bits, block by block, and not one block further than wanted."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import miniaudio
import numpy as np

from worker.errors import BadAudio
from worker.sound import flac, mp3, ogg, wav
from worker.sound import thresholds as at
from worker.sound.kinds import Kind, kind_of
from worker.sound.loudness import Block

_BLOCK_SECONDS = 10
# Encoders pad, decoders trim what was padded and swallow the Info frame: up to three of an MP3's longest frames.
_TRIMMED_SAMPLES = 3 * 1152


@dataclass(frozen=True)
class Recording:
    """Audio that was opened, not decoded. `frames` is what it announces, None where it does not; `fewest_frames` what must come."""

    kind: Kind
    sample_rate: int
    frames: int | None
    fewest_frames: int
    decode: Callable[[], Iterator[Block]]

    @property
    def announced_ms(self) -> float:
        """How long it says it is; 0 where it does not."""
        return (self.frames or 0) * 1000 / self.sample_rate

    def blocks(self) -> Iterator[Block]:
        """The samples, in their order. Raises BadAudio where they end too early."""
        decoded = 0
        try:
            for block in self.decode():
                decoded += len(block)
                yield block
        except (miniaudio.MiniaudioError, RuntimeError) as error:  # the latter is what soundfile raises
            raise BadAudio(f"The {self.kind.value} does not decode.") from error
        if decoded < self.fewest_frames:
            raise BadAudio(f"The {self.kind.value} does not decode to its end.")


def open_recording(body: bytes) -> Recording:
    """What this body is. Raises BadAudio where it is no audio, not whole, or nothing that speech is sent as."""
    if len(body) > at.LARGEST_BODY_BYTES:
        raise BadAudio(f"The answer is too large: {len(body) >> 20} MB.")
    recording = _OPENERS[kind_of(body)](body)
    if not at.LOWEST_SAMPLE_RATE <= recording.sample_rate <= at.HIGHEST_SAMPLE_RATE:
        raise BadAudio(f"The audio has a sample rate of {recording.sample_rate} Hz, expected 8,000 to 48,000.")
    return recording


def _open_mp3(body: bytes) -> Recording:
    length = mp3.measure(body)
    fewest = length.samples - _TRIMMED_SAMPLES
    return Recording(
        Kind.MP3, length.sample_rate, length.samples, fewest, lambda: _miniaudio_blocks(body, length.sample_rate)
    )


def _open_wav(body: bytes) -> Recording:
    whole, made_as, frames = wav.repaired(body)
    return Recording(
        Kind.WAV, made_as.sample_rate, frames, frames, lambda: _miniaudio_blocks(whole, made_as.sample_rate)
    )


def _open_flac(body: bytes) -> Recording:
    info = flac.read_info(body)
    return Recording(
        Kind.FLAC, info.sample_rate, info.frames, info.frames or 1, lambda: _miniaudio_blocks(body, info.sample_rate)
    )


def _open_ogg(body: bytes) -> Recording:
    # Not at the top: of all servers known, none answers Ogg unless it is asked to.
    import soundfile

    ogg.check_whole(body)
    try:
        file = soundfile.SoundFile(io.BytesIO(body))
    except soundfile.LibsndfileError as error:
        raise BadAudio("The Ogg does not decode.") from error

    def blocks() -> Iterator[Block]:
        with file:
            while len(block := file.read(_BLOCK_SECONDS * file.samplerate, dtype="float32", always_2d=True)):
                yield np.clip(block.mean(axis=1) * 32767, -32768, 32767).astype(np.int16)

    return Recording(Kind.OGG, file.samplerate, file.frames, file.frames, blocks)


def _miniaudio_blocks(body: bytes, sample_rate: int) -> Iterator[Block]:
    """At the rate it has, so that nothing is resampled; several channels are mixed into one."""
    stream = miniaudio.stream_memory(
        body, miniaudio.SampleFormat.SIGNED16, 1, sample_rate, frames_to_read=_BLOCK_SECONDS * sample_rate
    )
    for samples in stream:
        yield np.frombuffer(samples, dtype=np.int16)


_OPENERS = {Kind.MP3: _open_mp3, Kind.WAV: _open_wav, Kind.FLAC: _open_flac, Kind.OGG: _open_ogg}
