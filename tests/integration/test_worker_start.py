"""Programs that cannot start say why in one line; a worker waits for a database that is not there yet."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.postgres import Postgres
from tests.service import ROOT, SECRET, Service, phrases
from tests.system_parts import require_program
from tests.watching import until

PASSWORD = "a-password-of-ours"
KEY = "sk-a-key-that-nobody-may-see"
GOOD = {
    "DATABASE_URL": f"postgresql://postgres:{PASSWORD}@127.0.0.1:9/memolist",
    "OPENAI_API_KEY": KEY,
    "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
    "JWT_SECRET": SECRET,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the program is started: it reads `.env` and `config.json` there."""
    return tmp_path


def call(module: str, folder: Path, *before: str, **environment: str) -> dict[str, Any]:
    """How to start a program in `folder`."""
    basics = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "STORAGE_DIR": str(folder / "audio")}
    return {
        "args": [*before, sys.executable, "-m", module],
        "cwd": folder,
        "env": basics | environment,
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.PIPE,
        "text": True,
    }


def run(module: str, folder: Path, *before: str, **environment: str) -> tuple[int, str]:
    """Runs a program to its end; returns its exit code and what it said on stderr."""
    program = subprocess.run(**call(module, folder, *before, **environment), timeout=60)
    return program.returncode, program.stderr


def assert_one_line(end: tuple[int, str], *words: str) -> None:
    exit_code, said = end
    assert (exit_code, said.count("\n")) == (1, 1), said
    for word in ("Cannot start: ", *words):
        assert word in said
    assert PASSWORD not in said
    assert KEY not in said


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        ("worker", "TTS_ENGINE", "festival"),
        ("worker", "OPENAI_API_KEY", ""),
        ("worker", "OPENAI_BASE_URL", f"ftp://{KEY}@example.com"),
        ("worker", "DATABASE_URL", ""),
        ("worker", "DATABASE_URL", f"mysql://root:{PASSWORD}@db/memolist"),
        ("worker", "DATABASE_URL", f"postgresql://postgres:{PASSWORD}@db/memolist?schema=other"),
        ("worker", "DATABASE_URL", f"postgresql://postgres:{PASSWORD}@db/memolist?sslmode=sometimes"),
        ("worker", "TTS_REQUEST_INTERVAL_MS", "-1"),
        ("worker", "TTS_MAX_IN_FLIGHT", "many"),
        ("worker", "TTS_EXTRA_BODY", "{response_format"),
        ("worker", "STORAGE_TYPE", "tape"),
        ("api", "JWT_SECRET", ""),
        ("api", "DATABASE_URL", f"postgresql:/{PASSWORD}"),
        ("api", "API_PORT", "http"),
        ("migrations", "DATABASE_URL", f"{PASSWORD}"),
        ("migrations", "DATABASE_URL", ""),
    ],
)
def test_a_bad_setting_is_named_in_one_line(folder: Path, module: str, name: str, value: str) -> None:
    assert_one_line(run(module, folder, **GOOD | {name: value}), name)


@pytest.mark.parametrize("name", ["TTS_VOICE_EN", "TTS_VOICE_FR"])
def test_a_voice_that_espeak_does_not_know_is_named(folder: Path, name: str) -> None:
    assert_one_line(run("worker", folder, **GOOD, TTS_ENGINE="espeak", **{name: "marin"}), name, '"marin"')


@pytest.mark.parametrize("module", ["worker", "api", "migrations"])
@pytest.mark.parametrize("content", ['{"DATABASE_URL": ', '["DATABASE_URL"]', "\0\xff"])
def test_a_broken_config_file_is_named(folder: Path, module: str, content: str) -> None:
    (folder / "config.json").write_text(content, encoding="latin-1")

    assert_one_line(run(module, folder, **GOOD), "config.json")


def test_a_bad_value_in_a_file_is_named_without_it(folder: Path) -> None:
    (folder / ".env").write_text(f"OPENAI_API_KEY={KEY}\nDATABASE_URL=mysql://root:{PASSWORD}@db/memolist\n")
    (folder / "config.json").write_text('{"TTS_SPEED": "fast"}')

    assert_one_line(run("worker", folder), "DATABASE_URL", "TTS_SPEED")


def test_migrations_say_in_one_line_that_the_database_is_away(folder: Path) -> None:
    assert_one_line(run("migrations", folder, **GOOD), "127.0.0.1")


def test_a_worker_names_what_brings_the_database_up_to_date(folder: Path, empty_database_url: str) -> None:
    assert_one_line(run("worker", folder, **GOOD | {"DATABASE_URL": empty_database_url}), "just migrate")


def test_a_storage_of_another_user_is_told_with_the_command_that_mends_it(folder: Path) -> None:
    (folder / "audio").mkdir(mode=0o555)

    command = f"chown -R {os.getuid()}:{os.getgid()} {folder}/audio"
    assert_one_line(
        run("worker", folder, *without_power_over_files(), **GOOD),
        f"STORAGE_DIR: permission denied ({folder}/audio",
        f"`{command}`",
        f"`docker compose run --rm --user root worker {command}`",
    )


def test_a_storage_that_cannot_be_made_is_named(folder: Path) -> None:
    folder.chmod(0o555)

    assert_one_line(
        run("worker", folder, *without_power_over_files(), **GOOD), f"STORAGE_DIR: permission denied ({folder}"
    )


def without_power_over_files() -> list[str]:
    """What to start a program with so that permissions bind it, as root too."""
    if os.geteuid() != 0:
        return []
    powers = "-dac_override,-dac_read_search"
    return [require_program("setpriv"), f"--bounding-set={powers}", f"--inh-caps={powers}"]


def test_a_worker_that_waits_for_its_database_can_be_stopped(folder: Path) -> None:
    direct = GOOD["DATABASE_URL"].replace(":9/", ":10/")
    with subprocess.Popen(**call("worker", folder, **GOOD, DIRECT_URL=direct)) as worker:
        assert worker.stderr
        first = worker.stderr.readline()
        worker.terminate()
        rest = worker.stderr.read()

    assert "the database cannot be reached" in first
    assert "DIRECT_URL: " in first
    assert "port 10 " in first
    assert worker.returncode == 0
    assert "Traceback" not in rest
    assert PASSWORD not in first + rest


def test_a_database_that_refuses_is_not_waited_for(folder: Path, database_url: str) -> None:
    elsewhere = database_url.replace("/test_", "/nowhere_")
    for module in ("worker", "api"):
        said = run(module, folder, **GOOD | {"DATABASE_URL": elsewhere})
        assert_one_line(said, "DATABASE_URL: ", 'database "nowhere_', "does not exist: put the right database into")


async def test_a_worker_waits_for_a_database_that_is_away(service: Service, postgres: Postgres) -> None:
    service.add_deck("deck", ["card-1"])
    postgres.stop()
    starting = asyncio.create_task(service.start_worker())
    await until(lambda: "the database cannot be reached" in service.log("worker"))
    postgres.start()
    worker = await starting
    await service.start_api()
    await service.made("deck", phrases(["card-1"]))

    assert "Traceback" not in service.log("worker")

    postgres.stop()
    await until(lambda: "error connecting" in service.log("worker"))
    postgres.start()
    await service.made("deck", phrases(["card-1"], " again"))

    assert await service.stop(worker) == 0
