"""What stands on standard error, in each format: written by a real process."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
START = """
import logging, structlog
from shared.logs import configure_logs
from shared.settings import Settings, read_settings

configure_logs(read_settings(Settings))
ours, theirs = structlog.get_logger("ours"), logging.getLogger("theirs")

def fail(log):
    secret_text = "the words of a card"
    try:
        raise ValueError("it broke at: the words of a card")
    except ValueError:
        log.exception("failed")
"""


def log(folder: Path, program: str, code: int = 0, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", START + program],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "DATABASE_URL": "postgresql://localhost/x"} | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    return done.stderr.splitlines()


def json_log(folder: Path, program: str, code: int = 0, **environment: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log(folder, program, code, LOG_FORMAT="json", **environment)]


def test_every_line_is_json_whoever_writes_it(tmp_path: Path) -> None:
    lines = json_log(tmp_path, "ours.info('job started', job_id='j1', clips=3); theirs.warning('%s of %s', 1, 2)")
    assert [(line["event"], line["logger"], line["level"]) for line in lines] == [
        ("job started", "ours", "info"),
        ("1 of 2", "theirs", "warning"),
    ]
    assert [lines[0]["job_id"], lines[0]["clips"]] == ["j1", 3]
    assert all(line["timestamp"].endswith("Z") for line in lines)


def test_an_event_with_line_breaks_quotes_and_odd_values_is_one_line_of_json(tmp_path: Path) -> None:
    (line,) = json_log(tmp_path, r"ours.info('a\nb \"c\" \ud800 é', what={1, 2}, error=OSError('x'))")
    assert line["event"] == 'a\nb "c" \ud800 é'
    assert line["error"] == "OSError('x')"


@pytest.mark.parametrize("logger", ["ours", "theirs"])
def test_an_exception_in_json_tells_where_it_was_and_not_what_it_quotes(logger: str, tmp_path: Path) -> None:
    (line,) = json_log(tmp_path, f"fail({logger})")
    assert [line["event"], line["level"]] == ["failed", "error"]
    [error] = line["exception"]
    assert (error["exc_type"], error["exc_value"]) == ("ValueError", "")
    assert [(frame["name"], frame["filename"], frame["lineno"]) for frame in error["frames"]] == [
        ("fail", "<string>", 12)
    ]
    assert "the words of a card" not in json.dumps(line)


@pytest.mark.parametrize("logger", ["ours", "theirs"])
def test_an_exception_on_the_console_is_a_plain_traceback(logger: str, tmp_path: Path) -> None:
    text = "\n".join(log(tmp_path, f"fail({logger})", LOG_FORMAT="console"))
    assert "failed" in text
    assert text.endswith('  File "<string>", line 12, in fail\nValueError')
    assert "the words of a card" not in text


UNCAUGHT = {
    "the end of the program": "raise ValueError('the words')",
    "a thread": "import threading; threading.Thread(target=int, args=['the words']).start()",
    "a finaliser": "class It:\n  def __del__(self): raise ValueError('the words')\nit = It(); del it",
    "a task": """
import asyncio
from shared.logs import catch_in_loop
async def fail(words): raise ValueError(words)
async def main():
    catch_in_loop(asyncio.get_running_loop())
    asyncio.get_running_loop().call_soon(int, "the words")
    asyncio.create_task(fail("the words"))
    await asyncio.sleep(0.05)
asyncio.run(main())
""",
}


@pytest.mark.parametrize("where", UNCAUGHT)
def test_what_nobody_caught_is_a_line_of_the_log_like_any_other(where: str, tmp_path: Path) -> None:
    program = UNCAUGHT[where]
    lines = json_log(tmp_path, program, code=int(where == "the end of the program"))
    assert {line["event"] for line in lines} == {"an error that nobody caught"}
    assert {line["exception"][0]["exc_type"] for line in lines} == {"ValueError"}
    assert len(lines) == (2 if where == "a task" else 1)
    assert "the words" not in json.dumps(lines)


def test_an_exception_tells_its_causes_and_the_members_of_its_group(tmp_path: Path) -> None:
    program = """
from shared.errors import StorageFault
try:
    try:
        open("nowhere")
    except OSError as error:
        raise StorageFault("quoted: the words", reason="the disk is full") from error
except StorageFault as error:
    ours.error("it failed", exc_info=ExceptionGroup("the words", [error, KeyError("the words")]))
"""
    (line,) = json_log(tmp_path, program)
    assert [(it["exc_type"], it["exc_value"]) for it in line["exception"]] == [
        ("ExceptionGroup", ""),
        ("StorageFault", "the disk is full"),
        ("FileNotFoundError", "No such file or directory (nowhere)"),
        ("KeyError", ""),
    ]


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_the_secrets_of_the_settings_are_blackened_whoever_writes_them(log_format: str, tmp_path: Path) -> None:
    secret = 'a "secret" with \\ and é'
    program = f"""
from shared.settings import ApiSettings
configure_logs(read_settings(ApiSettings))
theirs.warning("connecting with %s and %s", "pass-word-of-the-tests", {secret!r})
ours.info("it is", headers={{"Authorization": {secret!r}}}, url="postgresql://x:pass-word-of-the-tests@y/z")
"""
    url = "postgresql://x:pass-word-of-the-tests@localhost/x"
    text = "\n".join(log(tmp_path, program, LOG_FORMAT=log_format, DATABASE_URL=url, JWT_SECRET=secret))
    assert text.count("***") == 4
    assert "pass-word" not in text
    assert "secret" not in text


def test_the_console_is_the_default_and_has_no_colours(tmp_path: Path) -> None:
    (line,) = log(tmp_path, "ours.info('job started', job_id='j1')")
    assert "job started" in line
    assert "job_id=j1" in line
    assert "\x1b" not in line


def test_lines_below_the_level_are_not_written(tmp_path: Path) -> None:
    program = (
        "for log in (ours, theirs):\n  for level in ('debug', 'info', 'warning', 'error'): getattr(log, level)(level)"
    )
    levels = {
        level: [line["event"] for line in json_log(tmp_path, program, LOG_LEVEL=level)][:4]
        for level in ("debug", "info", "warning", "error")
    }
    assert levels["debug"] == ["debug", "info", "warning", "error"]
    assert levels["info"][:3] == ["info", "warning", "error"]
    assert levels["warning"] == ["warning", "error"] * 2
    assert levels["error"] == ["error"] * 2


def test_libraries_that_tell_of_every_request_are_quiet_even_in_debug(tmp_path: Path) -> None:
    program = "for name in ('httpx', 'openai', 'sqlalchemy.engine', 'procrastinate.worker'): logging.getLogger(name).info('x')"
    assert log(tmp_path, program, LOG_LEVEL="debug") == []


def test_what_is_bound_to_the_context_is_in_the_lines_of_libraries_too(tmp_path: Path) -> None:
    program = "structlog.contextvars.bind_contextvars(job_id='j1'); ours.info('a'); theirs.warning('b')"
    assert [line["job_id"] for line in json_log(tmp_path, program)] == ["j1", "j1"]
