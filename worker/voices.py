"""`python -m worker.voices [--sample TEXT] [--to FOLDER]`: says a phrase in each language, and what came of it. Needs no database.

It asks the engine as the worker does, with its settings, and checks the answer as the worker does.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.clips import SIDES, Side, Voice, normalise
from shared.errors import MemolistError
from shared.logs import configure_logs
from shared.prices import cost_usd
from shared.settings import read_settings, stop
from shared.voice_settings import EngineSettings
from worker.audio import AcceptedAudio, accept
from worker.engines import Engine
from worker.engines.choice import open_engine
from worker.words import check_words

PHRASES: Mapping[Side, str] = {"en": "Good morning, how are you?", "fr": "Bonjour, comment allez-vous ?"}


@dataclass(frozen=True)
class Spoken:
    """What one voice said, and what that took."""

    audio: AcceptedAudio
    seconds: float
    words_checked: bool
    cost_usd: float


def main() -> None:
    arguments = _arguments()
    settings = read_settings(EngineSettings)
    configure_logs(settings)
    texts = dict.fromkeys(SIDES, normalise(arguments.sample)) if arguments.sample is not None else PHRASES
    if not all(texts.values()):
        stop("--sample: there is nothing in it to say")
    if not arguments.to.is_dir():
        stop(f"--to: there is no folder {arguments.to.absolute()}")
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a voice or an upstream may say what a terminal cannot show
    try:
        all_good = asyncio.run(_say_all(settings, texts, None if arguments.sample is None else arguments.to))
    except MemolistError as error:
        stop(str(error))
    raise SystemExit(0 if all_good else 1)


async def _say_all(settings: EngineSettings, texts: Mapping[Side, str], folder: Path | None) -> bool:
    """Says each text in its voice and tells what came of it; whether all went well."""
    engine = open_engine(settings)
    print(f"{engine.upstream}, model {settings.voice('en').model}")
    try:
        return all([await _tell(engine, settings, side, texts[side], folder) for side in SIDES])
    finally:
        await engine.close()


async def _tell(engine: Engine, settings: EngineSettings, side: Side, text: str, folder: Path | None) -> bool:
    voice = settings.voice(side)
    print(f"{side}  {voice.name}  ", end="", flush=True)
    try:
        spoken = await say(engine, voice, text, settings.price_per_million_chars)
        print(_line(spoken))
        if folder:
            _write(folder / f"sample_{side}.mp3", spoken.audio.mp3)
    except (MemolistError, OSError) as error:
        print(f"problem: {error}")
        return False
    return True


async def say(engine: Engine, voice: Voice, text: str, price_per_million_chars: float) -> Spoken:
    """Asks for a text, and accepts the answer as the worker does. Raises `MemolistError`."""
    began = time.monotonic()
    speech = await engine.speak(text, voice)
    seconds = time.monotonic() - began
    audio = await asyncio.to_thread(accept, speech.audio, text, voice.speed)
    if speech.transcript is not None:
        check_words(speech.transcript, text, voice.language)
    cost = cost_usd(len(text), speech.usage, price_per_million_chars)
    return Spoken(audio, seconds, speech.transcript is not None, cost)


def _line(spoken: Spoken) -> str:
    words = "words checked" if spoken.words_checked else "words not checked: this engine does not tell them"
    return (
        f"good: {spoken.seconds:.1f} s to answer, {len(spoken.audio.mp3):,} bytes,"
        f" {spoken.audio.duration_ms / 1000:.1f} s of sound, about ${spoken.cost_usd:.5f}, {words}"
    )


def _write(path: Path, mp3: bytes) -> None:
    path.write_bytes(mp3)
    print(f"    {path.resolve()}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="just voices", description="Says a phrase in each language with the engine as it is set."
    )
    parser.add_argument("--sample", metavar="TEXT", help="say this, and write it to sample_en.mp3 and sample_fr.mp3")
    parser.add_argument(
        "--to", metavar="FOLDER", type=Path, default=Path(), help="where the samples go; here, unless you say"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
