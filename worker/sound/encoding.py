"""Samples made into MP3 by LAME, block by block."""

import lameenc

from worker.sound.loudness import Block

# Of espeak-ng's speech the spectrum is off by 6.2 dB at 32 kbit/s, 3.8 at 48, 2.9 at 64 and 1.9 at 96, which no learner's
# loudspeaker shows; a clip of 2.5 seconds takes 20 kB.
BITRATE_KBPS = 64
# LAME's scale from 0 (best) to 9. By the same measure 5 is as good as 2 for half the time: some 8 ms for 2.5 seconds.
_QUALITY = 5
# All that MP3 has. Others become the next higher one: nothing is lost.
_SAMPLE_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


class Mp3Encoder:
    """One MP3 in the making: mono, at the sample rate of its samples where MP3 has it."""

    def __init__(self, sample_rate: int) -> None:
        self._lame = lameenc.Encoder()
        self._lame.silence()
        self._lame.set_channels(1)
        self._lame.set_in_sample_rate(sample_rate)
        self._lame.set_out_sample_rate(next(rate for rate in _SAMPLE_RATES if rate >= sample_rate))
        self._lame.set_bit_rate(BITRATE_KBPS)
        self._lame.set_quality(_QUALITY)
        self._mp3 = bytearray()

    def encode(self, block: Block) -> None:
        """The next samples."""
        self._mp3 += self._lame.encode(block.tobytes())

    def finish(self) -> bytes:
        """The whole MP3. Nothing may be encoded afterwards."""
        self._mp3 += self._lame.flush()
        return bytes(self._mp3)
