"""Speech with no network and no key, for development: espeak-ng.

It is imported only when an engine is made: espeak-ng is GPL, and a production install does not have it.
"""

import asyncio
import ctypes
import os
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from shared.clips import Voice
from worker.engines import Speech
from worker.engines.pcm import wav_of
from worker.errors import EngineUnavailable

WORDS_PER_MINUTE = 175  # espeak-ng's own normal
SLOWEST, FASTEST = 80, 450  # below, espeak-ng takes no notice; above, its words are no longer words

# From espeak-ng's speak_lib.h. Neither espeakSSML nor espeakPHONEMES is among the flags: "<break/>" and "[[h@l'oU]]" are read out.
_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_RATE = 1
_FLAGS = 0x0001 | 0x1000  # the text is UTF-8; end with a pause, so that no clip is cut off or empty
_OK = 0

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
# The library is one global state, for every engine of this process.
_one_at_a_time = Lock()


class EspeakEngine:
    """Speaks in its own thread, one text after the other. The same text sounds the same each time, but not to the byte."""

    upstream = "espeak"

    def __init__(self, voices: Iterable[Voice]) -> None:
        """Raises EngineUnavailable where the libraries are missing, or do not know one of `voices`."""
        self._library = _Library()
        for voice in voices:
            if not self._library.knows(voice.name):
                raise EngineUnavailable(
                    f'TTS_VOICE_{voice.language.upper()}: espeak-ng knows no voice "{voice.name}"; '
                    "it knows en, en-us, fr, fr-be and many more."
                )
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="espeak")

    async def speak(self, text: str, voice: Voice) -> Speech:
        """The text as a mono WAV."""
        loop = asyncio.get_running_loop()
        return Speech(await loop.run_in_executor(self._thread, self._library.wav, text, voice))

    async def close(self) -> None:
        """Drops what is waiting, and ends the thread."""
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)


class _Library:
    """espeak-ng, loaded."""

    def __init__(self) -> None:
        try:
            import espeakng_loader

            self._espeak = ctypes.CDLL(espeakng_loader.get_library_path())
            self._data = _ShortPath(espeakng_loader.get_data_path())
        except (ImportError, OSError, RuntimeError) as error:
            raise EngineUnavailable(
                f"TTS_ENGINE: espeak needs the extra `espeak` (espeakng-loader): {error}"
            ) from error
        self._pcm = bytearray()
        self._callback = _Callback(self._receive)
        self._declare()
        with _one_at_a_time:
            self._sample_rate: int = self._espeak.espeak_Initialize(
                _SYNCHRONOUS, 0, self._data.path.encode(), _DONT_EXIT
            )
        if self._sample_rate <= 0:
            raise EngineUnavailable(f"TTS_ENGINE: espeak-ng cannot read its data in {self._data.path}")

    def knows(self, voice_name: str) -> bool:
        with _one_at_a_time:
            return bool(self._espeak.espeak_SetVoiceByName(voice_name.encode()) == _OK)

    def wav(self, text: str, voice: Voice) -> bytes:
        return wav_of(self._say(text, voice), self._sample_rate)

    def _say(self, text: str, voice: Voice) -> bytes:
        """The text as 16-bit mono PCM."""
        spoken = text.encode(errors="replace") + b"\0"
        rate = min(max(round(WORDS_PER_MINUTE * voice.speed), SLOWEST), FASTEST)
        with _one_at_a_time:
            self._pcm.clear()
            self._espeak.espeak_SetSynthCallback(self._callback)  # another engine's may be set
            self._espeak.espeak_SetVoiceByName(voice.name.encode())
            self._espeak.espeak_SetParameter(_RATE, rate, 0)
            self._espeak.espeak_Synth(spoken, len(spoken), 0, 1, 0, _FLAGS, None, None)
            return bytes(self._pcm)

    def _receive(self, samples: int | None, count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._pcm += ctypes.string_at(samples, count * 2)
        return 0  # go on

    def _declare(self) -> None:
        """Argument types: without them ctypes passes a pointer or a size as 32 bits."""
        number, size, pointer = ctypes.c_int, ctypes.c_size_t, ctypes.c_void_p
        self._espeak.espeak_Initialize.argtypes = [number, number, ctypes.c_char_p, number]
        self._espeak.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
        self._espeak.espeak_SetParameter.argtypes = [number, number, number]
        self._espeak.espeak_SetSynthCallback.argtypes = [_Callback]
        self._espeak.espeak_Synth.argtypes = [ctypes.c_char_p, size, *[number] * 4, pointer, pointer]


class _ShortPath:
    """Another way to a folder: espeak-ng's buffer for the path of its data is 160 bytes, and a venv may lie deep in a tree."""

    def __init__(self, folder: str) -> None:
        self._link = tempfile.TemporaryDirectory(prefix="espeak-")  # gone with this object
        self.path = str(Path(self._link.name) / "data")
        os.symlink(folder, self.path)
