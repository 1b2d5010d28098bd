"""Programs that cannot start say why in one line; a worker waits for a database that is not there yet."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Postgres, running_postgres
from tests.service import ROOT, SECRET, Service, phrases
from tests.watching import until

NOBODY = 65_534
PASSWORD = "a-password-of-ours"
KEY = "sk-a-key-that-nobody-may-see"
GOOD = {
    "DATABASE_URL": f"postgresql://postgres:{PASSWORD}@127.0.0.1:9/memolist",
    "OPENAI_API_KEY": KEY,
    "JWT_SECRET": SECRET,
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that any user can reach, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


def run(module: str, folder: Path, user: int | None = None, **environment: str) -> tuple[int, str]:
    """Runs a program in `folder` to its end; returns its exit code and what it said on stderr."""
    storage = {"STORAGE_DIR": str(folder / "audio")}
    program = subprocess.run(
        [sys.executable, "-m", module],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **storage, **environment},
        user=user,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert program.stdout == ""
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
    (folder / "audio").mkdir()
    (folder / "audio").chmod(0o555)
    user = NOBODY if os.geteuid() == 0 else None
    if user and not can_run_python(user):
        pytest.skip("another user cannot run this Python")

    command = f"chown -R {user or os.getuid()}:{os.getgid()} {folder}/audio"
    assert_one_line(
        run("worker", folder, user, **GOOD),
        f"STORAGE_DIR: permission denied ({folder}/audio",
        f"`{command}`",
        f"`docker compose run --rm --user root worker {command}`",
    )


def can_run_python(user: int) -> bool:
    command = [sys.executable, "-c", "import shared.settings"]
    try:
        return subprocess.run(command, cwd="/", env={"PYTHONPATH": str(ROOT)}, user=user, stderr=-3).returncode == 0
    except PermissionError:
        return False


async def test_a_worker_waits_for_its_database_without_fuss(database_url: str, tmp_path: Path) -> None:
    with running_postgres() as late:
        service = Service(late_database(late), tmp_path, {"TTS_ENGINE": "espeak"})
