"""`just voices`: does the engine speak, as it is set, and what does that take? By the command itself."""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.realtime_server import RealtimeServer
from tests.service import ROOT
from tests.speech_server import SpeechServer, read_tag
from worker.audio import accept

KEY = "sk-a-key-that-nobody-may-see"
EN, FR = "Good morning, how are you?", "Bonjour, comment allez-vous ?"


@dataclass
class Command:
    """Runs `just voices` in a folder of its own, without a database."""

    folder: Path
    environment: dict[str, str]

    async def run(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Its exit code, and all that it said."""
        basics = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "worker.voices", *arguments),
            cwd=self.folder,
            env=basics | self.environment | environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode is not None
        assert KEY not in said.decode()
        return process.returncode, said.decode()


@pytest.fixture
def command(tmp_path: Path, upstream: SpeechServer) -> Command:
    return Command(tmp_path, {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": upstream.url})


async def test_each_language_is_asked_for_once_and_told_about(command: Command, upstream: SpeechServer) -> None:
    exit_code, said = await command.run(TTS_VOICE_FR="cedar", TTS_PRICE_PER_MILLION_CHARS="1000")

    assert exit_code == 0, said
    assert [(request.text, request.voice) for request in upstream.requests] == [(EN, "marin"), (FR, "cedar")]
    head, english, french = said.splitlines()
    assert head == f"speech {upstream.url}, model gpt-4o-mini-tts"
    assert english.startswith("en  marin  good: ")
    assert french.startswith("fr  cedar  good: ")
    # A dollar for a thousand characters.
    assert f"about ${len(EN) / 1000:.5f}" in english
    assert f"about ${len(FR) / 1000:.5f}" in french
    assert not list(command.folder.iterdir())


async def test_the_figures_are_those_of_the_audio(command: Command, upstream: SpeechServer) -> None:
    exit_code, said = await command.run("--sample", "<b>Hello</b> there")

    assert exit_code == 0, said
    for side, line in zip(("en", "fr"), [line for line in said.splitlines() if "good" in line], strict=True):
        audio = (command.folder / f"sample_{side}.mp3").read_bytes()
        assert read_tag(audio)["text"] == "Hello there"
        assert f"{len(audio):,} bytes" in line
        assert f"{accept(audio, 'Hello there').duration_ms / 1000:.1f} s of sound" in line
        assert str(command.folder / f"sample_{side}.mp3") in said


async def test_a_problem_is_told_for_the_voice_that_has_it(command: Command, upstream: SpeechServer) -> None:
    upstream.fail("refused", text=FR, message="Voice 'marin' is not for French.")

    exit_code, said = await command.run()

    assert exit_code == 1
    assert "en  marin  good: " in said
    assert "fr  marin  problem: " in said
    assert "Voice 'marin' is not for French." in said


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("invalid_api_key", "put a valid one in OPENAI_API_KEY"),
        ("insufficient_quota", "no credit left"),
        ("model_not_found", "set TTS_MODEL"),
        ("silent", "silent"),
        ("truncated", "cut short"),
    ],
)
async def test_every_problem_has_its_own_words(kind: str, words: str, command: Command, upstream: SpeechServer) -> None:
    upstream.fail(kind)

    exit_code, said = await command.run()

    assert exit_code == 1
    assert said.count(words) == 2, said
    assert "Traceback" not in said


async def test_a_server_that_is_not_there_is_a_problem(command: Command) -> None:
    exit_code, said = await command.run(OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    assert exit_code == 1
    assert "could not be reached" in said


async def test_the_realtime_engine_is_checked_by_its_words_and_priced_by_its_tokens(command: Command) -> None:
    async with RealtimeServer() as realtime:
        exit_code, said = await command.run(TTS_ENGINE="realtime", OPENAI_BASE_URL=realtime.url)

    assert exit_code == 0, said
    assert [(request.text, request.voice) for request in realtime.requests] == [(EN, "marin"), (FR, "marin")]
    for request, line in zip(realtime.requests, said.splitlines()[1:], strict=True):
        assert line.endswith("words checked")
        tokens = request.usage
        cost = (
            tokens["input_tokens"] * 0.60
            + tokens["output_token_details"]["text_tokens"] * 2.40
            + tokens["output_token_details"]["audio_tokens"] * 20
        ) / 1_000_000
        assert f"about ${cost:.5f}" in line


async def test_a_model_that_answers_is_caught_and_quoted(command: Command) -> None:
    async with RealtimeServer() as realtime:
        realtime.fail("wrong_words", text=EN)
        exit_code, said = await command.run(TTS_ENGINE="realtime", OPENAI_BASE_URL=realtime.url)

    assert exit_code == 1
    assert "en  marin  problem: The audio says other words than the card: " in said
    assert "fr  marin  good: " in said


async def test_the_offline_engine_needs_no_server_and_costs_nothing(command: Command) -> None:
    exit_code, said = await command.run(TTS_ENGINE="espeak", OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    assert exit_code == 0, said
    assert said.count("about $0.00000") == 2


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        ((), {"OPENAI_API_KEY": ""}, "OPENAI_API_KEY: missing"),
        ((), {"TTS_ENGINE": "espeak", "TTS_VOICE_FR": "no-such-voice"}, 'espeak-ng knows no voice "no-such-voice"'),
        (("--sample", " <br> "), {}, "nothing in it to say"),
        (("--sample", "Hello", "--to", "no-such-folder"), {}, "no-such-folder"),
    ],
)
async def test_what_is_set_wrongly_is_named(
    arguments: tuple[str, ...], environment: dict[str, str], words: str, command: Command
) -> None:
    exit_code, said = await command.run(*arguments, **environment)
    assert exit_code == 1
    assert words in said


@pytest.mark.parametrize("folder", ["no-such-folder", "a-file"])
async def test_nothing_is_bought_for_samples_that_cannot_be_kept(
    folder: str, command: Command, upstream: SpeechServer
) -> None:
    (command.folder / "a-file").touch()
    exit_code, said = await command.run("--sample", "Hello", "--to", folder)
    assert exit_code == 1
    assert f"--to: there is no folder {command.folder / folder}" in said
    assert not upstream.requests


async def test_a_terminal_that_knows_few_letters_is_told_all_the_same(command: Command, upstream: SpeechServer) -> None:
    upstream.fail("refused", message="Voix « éloïse » inconnue.")
    exit_code, said = await command.run(PYTHONIOENCODING="ascii", TTS_VOICE_EN="éloïse")
    assert exit_code == 1
    assert "Voix ? ?lo?se ? inconnue." in said
    assert "Traceback" not in said


@pytest.mark.parametrize("engine", ["speech", "realtime"])
async def test_an_address_without_its_v1_is_not_mistaken_for_a_missing_model(
    engine: str, command: Command, upstream: SpeechServer
) -> None:
    exit_code, said = await command.run(TTS_ENGINE=engine, OPENAI_BASE_URL=upstream.url.removesuffix("/v1"))
    assert exit_code == 1
    assert said.count("set OPENAI_BASE_URL to the server's own address, up to its /v1") == 2
    assert "set TTS_MODEL" not in said
    assert "Traceback" not in said
