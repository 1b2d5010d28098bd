"""What the programs make of the environment, `.env` and `config.json`: read by a real process, in a folder of its own."""

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from subprocess import PIPE
from typing import Any, NamedTuple

import pytest

from shared.settings import ApiSettings, Settings, StorageSettings, WorkerSettings
from tests.jwks_server import key_pair

ROOT = Path(__file__).parent.parent.parent
KINDS: dict[str, type[Settings]] = {
    "Settings": Settings,
    "StorageSettings": StorageSettings,
    "ApiSettings": ApiSettings,
    "WorkerSettings": WorkerSettings,
}
REQUIRED = {"DATABASE_URL": "postgresql://localhost/memolist", "JWT_SECRET": "a secret", "OPENAI_API_KEY": "sk-test"}
SECRET = "tr0ub4dor"

# Reads settings once for each folder and environment that a line names, and says what came of each.
PROGRAM = """
import contextlib, io, json, os, pathlib, sys
from pydantic import SecretStr
import shared.settings

def plain(value):
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value) if isinstance(value, pathlib.Path) else value

def read(folder, kind, environment):
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            settings = shared.settings.read_settings(getattr(shared.settings, kind))
    except SystemExit as end:
        return {"code": end.code, "said": said.getvalue()}
    values = {name.upper(): plain(value) for name, value in settings}
    if kind == "WorkerSettings":
        values["voices"] = [repr(settings.voice(side)) for side in ("en", "fr")]
        values["interval"] = settings.request_interval_ms
        values["price"] = settings.price_per_million_chars
    return {"code": 0, "said": said.getvalue(), "values": values, "shown": repr(settings)}

if len(sys.argv) > 1:
    os.setuid(int(sys.argv[1]))
for line in sys.stdin:
    print(json.dumps([read(*case) for case in json.loads(line)]), flush=True)
"""


class Setting(NamedTuple):
    default: Any
    given: str
    meant: Any
    bad: tuple[str, ...] = ()


FREE_TEXT = ()  # any text is good
ISSUER_KEY = key_pair("settings").pem().replace("\n", "\\n")  # as it fits into one line
SETTINGS = {
    "DATABASE_URL": Setting(
        None,
        "postgresql://anna:pw@db:5432/memolist?schema=public",
        "postgresql://anna:pw@db:5432/memolist?schema=public",
        (
            f"mysql://anna:{SECRET}@db/memolist",
            f"postgresql://anna:{SECRET}@db/memolist?schema=other",
            f"postgresql://anna:{SECRET}/x@db/memolist",
            f"postgresql://anna:{SECRET}#x@db/memolist",
            f"postgresql://anna:x@{SECRET}@db/memolist",
            f"postgresql://anna:{SECRET}?x@db/memolist",
            f"postgresql://anna:{SECRET}%@db/memolist",
            f"postgresql://anna:{SECRET}@[db/memolist",
            SECRET,
        ),
    ),
    "DIRECT_URL": Setting(
        None,
        "postgresql://anna:pw@direct:5432/memolist",
        "postgresql://anna:pw@direct:5432/memolist",
        (f"mysql://anna:{SECRET}@db/memolist", f"postgresql://anna:{SECRET}@db/memolist?schema=other"),
    ),
    "LOG_LEVEL": Setting("info", "WARNING", "warning", ("loud",)),
    "LOG_FORMAT": Setting("console", "JSON", "json", ("xml",)),
    "STORAGE_TYPE": Setting("local", "local", "local", ("tape",)),
    "STORAGE_DIR": Setting("/app/storage/tts", "/var/audio", "/var/audio", ("~nobody-has-this-name/audio",)),
    "PUBLIC_BASE_URL": Setting(
        "http://localhost/storage/tts",
        "https://example.org/audio/",
        "https://example.org/audio",
        (
            "example.org/audio",
            "ftp://example.org",
            "https://",
            "https://a/?b=c",
            "https://a/#b",
            "http://[",
            "http://a:b/",
            "http://a b/",
        ),
    ),
    "AWS_S3_BUCKET": Setting(None, "memolist-audio", "memolist-audio", ("s3://memolist", "https://a.example/b", "a/b")),
    "AWS_REGION": Setting(None, "eu-west-3", "eu-west-3", ("https://s3.example", "eu west")),
    "AWS_ENDPOINT_URL": Setting(
        None,
        "http://localhost:9000/",
        "http://localhost:9000",
        ("localhost:9000", f"http://anna:{SECRET}@localhost:9000", "s3://bucket"),
    ),
    "AWS_ACCESS_KEY_ID": Setting(None, "AKIA1", "AKIA1", (f"AKIA {SECRET}", f"“{SECRET}”")),
    "AWS_SECRET_ACCESS_KEY": Setting(None, "secret/1+2", "secret/1+2", (f"{SECRET}\n", f"{SECRET} {SECRET}")),
    "API_HOST": Setting("127.0.0.1", "0.0.0.0", "0.0.0.0", FREE_TEXT),
    "API_PORT": Setting(8000, "9000", 9000, ("65536", "-1", "http")),
    "MAX_ACTIVE_JOBS_PER_USER": Setting(20, "5", 5, ("0", "many")),
    "API_SERVES_AUDIO": Setting(False, "true", True, ("perhaps",)),
    "JWT_ALGORITHM": Setting("HS256", "hs256", "HS256", ("none", "HS512", "RSA")),
    "JWT_SECRET": Setting(None, "x" * 32, "x" * 32, ('{"kty": "oct", "k": "c2VjcmV0"}', "ssh-rsa AAAA")),
    "JWT_PUBLIC_KEY": Setting(None, ISSUER_KEY, ISSUER_KEY, (SECRET,)),
    "JWT_JWKS_URL": Setting(
        None,
        "https://issuer.example/keys?tenant=1",
        "https://issuer.example/keys?tenant=1",
        (
            "issuer.example/keys",
            "file:///etc/passwd",
            "https://",
            "https://a/#b",
            "http://[",
            "https://a:b/",
            "https://a b/",
            f"https://anna:{SECRET}@issuer.example/keys",
            "http://issuer.example/keys",
            "http://8.8.8.8/keys",
        ),
    ),
    "JWT_AUDIENCE": Setting(None, "memolist", "memolist", FREE_TEXT),
    "JWT_ISSUER": Setting(None, "https://memolist.example", "https://memolist.example", FREE_TEXT),
    "JWT_USER_CLAIM": Setting("sub", "userId", "userId", FREE_TEXT),
    "TTS_ENGINE": Setting("speech", "espeak", "espeak", ("festival",)),
    "OPENAI_API_KEY": Setting("", "sk-1", "sk-1", (f"sk {SECRET}", f"“{SECRET}”", f"{SECRET}\n")),
    "OPENAI_BASE_URL": Setting(
        "https://api.openai.com/v1",
        "http://localhost:8880/v1",
        "http://localhost:8880/v1",
        (f"https://anna:{SECRET}@a/v1", "ws://a/v1"),
    ),
    "TTS_MODEL": Setting(None, "tts-1", "tts-1", FREE_TEXT),
    "TTS_VOICE_EN": Setting(None, "cedar", "cedar", FREE_TEXT),
    "TTS_VOICE_FR": Setting(None, "alloy", "alloy", FREE_TEXT),
    "TTS_INSTRUCTIONS_EN": Setting(
        WorkerSettings.model_fields["tts_instructions_en"].default, "Read.", "Read.", FREE_TEXT
    ),
    "TTS_INSTRUCTIONS_FR": Setting(
        WorkerSettings.model_fields["tts_instructions_fr"].default, "Lis.", "Lis.", FREE_TEXT
    ),
    "TTS_SPEED": Setting(1.0, "1.25", 1.25, ("0.2", "4.1", "nan", "fast")),
    "TTS_EXTRA_BODY": Setting(
        {},
        '{"seed": 1}',
        {"seed": 1},
        (f'["{SECRET}"]', f'{{"key": "{SECRET}"', SECRET, "null", '{"a": NaN}', '{"input": "x"}', "[" * 100_000),
    ),
    "TTS_REQUEST_INTERVAL_MS": Setting(None, "0", 0, ("-1", "nan", "soon")),
    "TTS_MAX_IN_FLIGHT": Setting(8, "2", 2, ("0", "1.5", "many")),
    "TTS_PRICE_PER_MILLION_CHARS": Setting(None, "12.5", 12.5, ("-1", "nan", "much")),
    "TTS_MAX_ATTEMPTS": Setting(3, "1", 1, ("0", "many")),
    "TTS_OUTAGE_PATIENCE_S": Setting(3_600, "0", 0, ("-1", "soon", "inf")),
    "TTS_REQUEST_TIMEOUT_S": Setting(60, "2.5", 2.5, ("0", "inf", "long")),
    "POLL_INTERVAL_MS": Setting(5000, "1000", 1000, ("0", "often")),
    "WORKER_CONCURRENCY": Setting(256, "1", 1, ("0", "many")),
    "WORKER_HEARTBEAT_S": Setting(3, "1", 1, ("0", "often")),
    "WORKER_SHUTDOWN_TIMEOUT_S": Setting(20, "5", 5, ("0", "long")),
    "GC_INTERVAL_HOURS": Setting(24, "0.5", 0.5, ("-1", "daily", "inf")),
    "JOBS_KEPT_DAYS": Setting(30, "0", 0, ("-1", "1.5", "long")),
    "CLIPS_KEPT_DAYS": Setting(90, "0", 0, ("-1", "1.5", "long")),
    "GONE_AUDIO_KEPT_DAYS": Setting(7, "0", 0, ("-1", "1.5", "long")),
    "WORKER_STATUS_HOST": Setting("127.0.0.1", "0.0.0.0", "0.0.0.0", FREE_TEXT),
    "WORKER_STATUS_PORT": Setting(None, "9464", 9464, ("0", "-1", "65536", "http")),
}
# They exclude the secret, and each other.
ISSUER_KEYS = ["JWT_PUBLIC_KEY", "JWT_JWKS_URL"]
FROM = ["environment", ".env", "config.json"]
Environment = dict[str, str]
Reader = subprocess.Popen[str]
Case = tuple[Path, str, Environment]


def names_of(kind: str) -> set[str]:
    return {name.upper() for name in KINDS[kind].model_fields}


def kind_of(name: str) -> str:
    return next(kind for kind in KINDS if name in names_of(kind))


def read_all(*cases: Case) -> list[dict[str, Any]]:
    return ask(common_reader(), *cases)


@cache
def common_reader() -> Reader:
    """One for all tests of this pytest process: most of its work is to start. It ends with us, by the end of its input."""
    return start_reader()


def start_reader(*arguments: str, cwd: Path = ROOT) -> Reader:
    command = [sys.executable, "-c", PROGRAM, *arguments]
    return subprocess.Popen(command, cwd=cwd, env={"PYTHONPATH": str(ROOT)}, stdin=PIPE, stdout=PIPE, text=True)


def ask(reader: Reader, *cases: Case) -> list[dict[str, Any]]:
    assert reader.stdin
    assert reader.stdout
    print(json.dumps(cases, default=str), file=reader.stdin, flush=True)
    answers: list[dict[str, Any]] = json.loads(reader.stdout.readline())
    return answers


def read(folder: Path, kind: str = "WorkerSettings", **environment: str) -> dict[str, Any]:
    return read_all((folder, kind, environment))[0]


def values(folder: Path, kind: str = "WorkerSettings", **environment: str) -> dict[str, Any]:
    answer = read(folder, kind, **environment)
    assert answer["code"] == 0, answer["said"]
    found: dict[str, Any] = answer["values"]
    return found


def refused(answer: dict[str, Any]) -> str:
    """What the program said when it did not start: one line."""
    said: str = answer["said"]
    assert answer["code"] == 1
    assert re.fullmatch(r"Cannot start: [^\n]+\n", said), said
    return said


def write(folder: Path, source: str, settings: dict[str, Any]) -> Environment:
    """Sets them in one of the three places, and returns what then has to be in the environment."""
    if source == "environment":
        return settings
    content = (
        json.dumps(settings)
        if source == "config.json"
        else "".join(f"{name}='{settings[name]}'\n" for name in settings)
    )
    (folder / source).write_text(content)
    return {}


def case_with(folder: Path, source: str, name: str, value: str) -> Case:
    """All that is required, and this one setting from one of the three places."""
    folder.mkdir()
    others = {other: REQUIRED[other] for other in REQUIRED.keys() - {name}}
    return folder, kind_of(name), others | write(folder, source, {name: value})


# Every setting


def test_every_setting_is_in_the_table_of_these_tests() -> None:
    assert SETTINGS.keys() == set().union(*map(names_of, KINDS))


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_has_its_default(kind: str, tmp_path: Path) -> None:
    defaults = {name: SETTINGS[name].default for name in names_of(kind)}
    found = values(tmp_path, kind, **REQUIRED)
    assert {name: found[name] for name in names_of(kind)} == defaults | {
        name: REQUIRED[name] for name in defaults.keys() & REQUIRED
    }


@pytest.mark.parametrize("source", FROM)
@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_is_read_from_each_place(kind: str, source: str, tmp_path: Path) -> None:
    given = {name: SETTINGS[name].given for name in names_of(kind) - set(ISSUER_KEYS)}
    found = values(tmp_path, kind, **write(tmp_path, source, given))
    assert {name: found[name] for name in given} == {name: SETTINGS[name].meant for name in given}


@pytest.mark.parametrize("source", FROM)
@pytest.mark.parametrize("name", ISSUER_KEYS)
def test_the_key_of_an_issuer_is_read_from_each_place(name: str, source: str, tmp_path: Path) -> None:
    given = {name: SETTINGS[name].given, "JWT_ALGORITHM": "RS256", "DATABASE_URL": REQUIRED["DATABASE_URL"]}
    found = values(tmp_path, "ApiSettings", **write(tmp_path, source, given))
    assert [found[name], found["JWT_ALGORITHM"]] == [SETTINGS[name].meant, "RS256"]


def test_the_environment_goes_before_dotenv_and_dotenv_before_config_json(tmp_path: Path) -> None:
    write(tmp_path, "config.json", {"TTS_MODEL": "c", "TTS_VOICE_EN": "c", "TTS_VOICE_FR": "c"})
    write(tmp_path, ".env", {"TTS_MODEL": "b", "TTS_VOICE_EN": "b"})
    found = values(tmp_path, **REQUIRED, TTS_MODEL="a")
    assert [found["TTS_MODEL"], found["TTS_VOICE_EN"], found["TTS_VOICE_FR"]] == ["a", "b", "c"]


@pytest.mark.parametrize("source", FROM)
def test_a_bad_value_ends_the_program_with_one_line_that_names_the_setting_and_never_the_value(
    source: str, tmp_path: Path
) -> None:
    cases = [(name, bad) for name, setting in SETTINGS.items() for bad in setting.bad]
    folders = [tmp_path / str(number) for number in range(len(cases))]
    answers = read_all(*(case_with(folder, source, *case) for folder, case in zip(folders, cases, strict=True)))
    for (name, _), answer in zip(cases, answers, strict=True):
        said = refused(answer)
        assert said.startswith(f"Cannot start: {name}: ")
        assert SECRET not in said


@pytest.mark.parametrize(
    ("kind", "required"),
    [
        ("Settings", ["DATABASE_URL"]),
        ("StorageSettings", ["DATABASE_URL"]),
        ("ApiSettings", ["DATABASE_URL", "JWT_SECRET"]),
        ("WorkerSettings", ["DATABASE_URL", "OPENAI_API_KEY"]),
    ],
)
def test_each_program_asks_for_what_it_needs_and_for_nothing_else(
    kind: str, required: list[str], tmp_path: Path
) -> None:
    environments = [
        {name: REQUIRED[name] for name in required},
        *({other: REQUIRED[other] for other in required if other != name} for name in required),
        {},
        dict.fromkeys(required, ""),
    ]
    enough, *others = read_all(*((tmp_path, kind, environment) for environment in environments))
    assert enough["code"] == 0
    missing = [re.findall(r"([A-Z_]+): missing", refused(answer)) for answer in others]
    assert missing == [*([name] for name in required), required, required]


def test_each_engine_has_its_own_price_and_a_setting_goes_before_it(tmp_path: Path) -> None:
    prices = [values(tmp_path, **REQUIRED, TTS_ENGINE=engine)["price"] for engine in ("speech", "realtime", "espeak")]
    assert prices == [15, 30, 0]
    assert values(tmp_path, **REQUIRED, TTS_ENGINE="espeak", TTS_PRICE_PER_MILLION_CHARS="7")["price"] == 7


def test_the_realtime_engine_has_its_own_model_and_needs_a_key(tmp_path: Path) -> None:
    found = values(tmp_path, **REQUIRED, TTS_ENGINE="realtime")
    assert all("model='gpt-realtime-2.1-mini'" in voice and "name='marin'" in voice for voice in found["voices"])
    said = refused(read(tmp_path, DATABASE_URL=REQUIRED["DATABASE_URL"], TTS_ENGINE="realtime"))
    assert "OPENAI_API_KEY: missing; the realtime engine needs it" in said


@pytest.mark.parametrize("url", ["wss://example.org/v1", "https://example.org/v1/"])
def test_the_realtime_engine_takes_the_address_either_way(url: str, tmp_path: Path) -> None:
    found = values(tmp_path, **REQUIRED, TTS_ENGINE="realtime", OPENAI_BASE_URL=url)
    assert found["OPENAI_BASE_URL"] == "https://example.org/v1"


def test_the_realtime_engine_has_its_own_fastest_speed(tmp_path: Path) -> None:
    assert values(tmp_path, **REQUIRED, TTS_ENGINE="realtime", TTS_SPEED="1.5")["TTS_SPEED"] == 1.5
    assert "TTS_SPEED" in refused(read(tmp_path, **REQUIRED, TTS_ENGINE="realtime", TTS_SPEED="2"))


def test_espeak_needs_no_key(tmp_path: Path) -> None:
    found = values(tmp_path, DATABASE_URL=REQUIRED["DATABASE_URL"], TTS_ENGINE="espeak")
    assert found["interval"] == 0
    assert ["name='en-us'" in found["voices"][0], "name='fr'" in found["voices"][1]] == [True, True]
    assert all("model='espeak-ng'" in voice for voice in found["voices"])


S3 = {"STORAGE_TYPE": "s3", "AWS_S3_BUCKET": "audio", "AWS_REGION": "eu-west-3"}


@pytest.mark.parametrize("kind", ["ApiSettings", "WorkerSettings"])
@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({}, "https://audio.s3.eu-west-3.amazonaws.com"),
        ({"AWS_S3_BUCKET": "audio.example.org"}, "https://s3.eu-west-3.amazonaws.com/audio.example.org"),
        ({"AWS_ENDPOINT_URL": "http://localhost:9000/", "AWS_REGION": ""}, "http://localhost:9000/audio"),
        ({"PUBLIC_BASE_URL": "https://cdn.example.org/"}, "https://cdn.example.org"),
    ],
    ids=["AWS", "dots", "endpoint", "own"],
)
def test_a_bucket_has_its_own_url_and_a_setting_goes_before_it(
    kind: str, given: Environment, url: str, tmp_path: Path
) -> None:
    assert values(tmp_path, kind, **REQUIRED | S3 | given)["PUBLIC_BASE_URL"] == url


def test_the_worker_names_what_is_missing_for_a_bucket(tmp_path: Path) -> None:
    said = refused(read(tmp_path, **REQUIRED, STORAGE_TYPE="s3"))
    assert re.findall(r"([A-Z_0-9]+): missing", said) == ["AWS_REGION", "AWS_S3_BUCKET"]


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_one_key_without_the_other_is_refused_and_none_is_good(name: str, tmp_path: Path) -> None:
    assert "AWS_SECRET_ACCESS_KEY: goes together with" in refused(read(tmp_path, **REQUIRED, **S3, **{name: SECRET}))
    assert read(tmp_path, **REQUIRED, **S3)["code"] == 0


def test_the_api_wants_of_a_bucket_only_where_its_audio_is_heard(tmp_path: Path) -> None:
    said = refused(read(tmp_path, "ApiSettings", **REQUIRED, STORAGE_TYPE="s3"))
    assert "PUBLIC_BASE_URL: missing" in said
    own = {"STORAGE_TYPE": "s3", "PUBLIC_BASE_URL": "https://cdn.example.org"}
    assert read(tmp_path, "ApiSettings", **REQUIRED, **own)["code"] == 0


def test_all_bad_settings_are_named_in_one_line(tmp_path: Path) -> None:
    bad = {
        "TTS_EXTRA_BODY": "[]",
        "DATABASE_URL": "mysql://x",
        "TTS_SPEED": "9",
        "LOG_LEVEL": "loud",
        "OPENAI_API_KEY": "",
    }
    said = refused(read(tmp_path, **bad))
    assert set(re.findall(r"([A-Z_]+): ", said)) == set(bad)


def test_a_program_that_cannot_start_says_one_line_and_exits_with_1(tmp_path: Path) -> None:
    program = "from shared.settings import ApiSettings, read_settings; read_settings(ApiSettings)"
    environment = {"PYTHONPATH": str(ROOT), "DATABASE_URL": f"mysql://anna:{SECRET}@db/memolist", "API_PORT": "x"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert refused({"code": done.returncode, "said": done.stderr}).count("_") >= 3
    assert SECRET not in done.stderr


def test_settings_do_not_show_their_secrets(tmp_path: Path) -> None:
    secrets = {
        "DATABASE_URL": f"postgresql://anna:{SECRET}@db/memolist",
        "JWT_SECRET": SECRET,
        "OPENAI_API_KEY": SECRET,
        "AWS_ACCESS_KEY_ID": SECRET,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    answers = read_all((tmp_path, "ApiSettings", secrets), (tmp_path, "WorkerSettings", secrets))
    assert not [answer for answer in answers if SECRET in answer["shown"]]


def test_unknown_names_are_ignored_everywhere(tmp_path: Path) -> None:
    write(tmp_path, ".env", {"NOT_OURS": "1"})
    write(tmp_path, "config.json", {"NEITHER": {"is": "this"}})
    assert read(tmp_path, **REQUIRED, POSTGRES_PASSWORD="x")["code"] == 0


# .env


def test_an_empty_line_in_dotenv_counts_as_not_set(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TTS_MODEL=\nTTS_SPEED=''\nAPI_PORT=\nTTS_EXTRA_BODY=\nLOG_LEVEL=\n")
    write(tmp_path, "config.json", {"TTS_MODEL": "from config.json"})
    found = values(tmp_path, **REQUIRED)
    assert [found["TTS_MODEL"], found["TTS_SPEED"], found["TTS_EXTRA_BODY"]] == ["from config.json", 1.0, {}]


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_dotenv_may_be_written_as_people_write_it(start: str, end: str, tmp_path: Path) -> None:
    lines = [
        'DATABASE_URL="postgresql://anna:p%23w@db/memolist?schema=public"',
        "export OPENAI_API_KEY=sk-1",
        "# a comment",
        "",
        "  TTS_MODEL = tts-1   # and another",
        "TTS_INSTRUCTIONS_FR='Lis, à haute voix : « été »'",
        'TTS_EXTRA_BODY={"seed": 1, "a": "b"}',
        "no setting at all",
    ]
    (tmp_path / ".env").write_bytes((start + end.join(lines)).encode())
    found = values(tmp_path)
    assert found["DATABASE_URL"] == "postgresql://anna:p%23w@db/memolist?schema=public"
    assert [found["OPENAI_API_KEY"], found["TTS_MODEL"]] == ["sk-1", "tts-1"]
    assert found["TTS_INSTRUCTIONS_FR"] == "Lis, à haute voix : « été »"
    assert found["TTS_EXTRA_BODY"] == {"seed": 1, "a": "b"}


def test_a_dotenv_that_is_a_folder_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    (tmp_path / "config.json").mkdir()
    assert read(tmp_path, **REQUIRED)["code"] == 0


def test_a_dotenv_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(f"JWT_SECRET={SECRET}é\n".encode("latin-1"))
    said = refused(read(tmp_path, **REQUIRED))
    assert ".env" in said
    assert SECRET not in said


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody who may not read a file")
@pytest.mark.parametrize("name", [".env", "config.json"])
def test_a_file_that_may_not_be_read_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("{}")
    (tmp_path / name).chmod(0)
    # "." needs no way in from above, where pytest's folders are closed to others.
    tmp_path.chmod(0o755)
    with start_reader("65534", cwd=tmp_path) as reader:
        [answer] = ask(reader, (Path(), "WorkerSettings", REQUIRED))
    assert name in refused(answer)


# config.json


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "null",
        '"text"',
        "{",
        "",
        "{'DATABASE_URL': 'x'}",
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"API_PORT": ' + "9" * 5_000 + "}",
    ],
    ids=lambda content: content[:12],
)
def test_a_config_json_that_is_no_json_object_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(content)
    assert "config.json" in refused(read(tmp_path, **REQUIRED))


def test_config_json_may_use_the_types_of_json(tmp_path: Path) -> None:
    write(
        tmp_path,
        "config.json",
        REQUIRED
        | {
            "TTS_SPEED": 2,
            "TTS_EXTRA_BODY": {"seed": 1},
            "TTS_MODEL": None,
            "TTS_VOICE_EN": "",
            "WORKER_CONCURRENCY": 5,
        },
    )
    found = values(tmp_path)
    assert [found["TTS_SPEED"], found["TTS_EXTRA_BODY"], found["WORKER_CONCURRENCY"]] == [2, {"seed": 1}, 5]
    assert [found["TTS_MODEL"], found["TTS_VOICE_EN"]] == [None, None]


@pytest.mark.parametrize("value", [[SECRET], {"a": SECRET}, 12345678, True])
def test_a_config_json_with_the_wrong_type_does_not_show_the_value(value: Any, tmp_path: Path) -> None:
    write(tmp_path, "config.json", {"JWT_SECRET": value})
    said = refused(read(tmp_path, "ApiSettings", DATABASE_URL=REQUIRED["DATABASE_URL"]))
    assert said.startswith("Cannot start: JWT_SECRET: ")
    assert not {SECRET, "12345678"} & set(re.findall(r"\w+", said))


# .env.example

EXAMPLE = (ROOT / ".env.example").read_text()
COMPOSE = "".join((ROOT / name).read_text() for name in ("compose.yaml", "compose.prod.yaml", "compose.tls.yaml"))


def test_the_example_names_every_setting_and_every_variable_of_the_compose_files_once() -> None:
    names = re.findall(r"^(?:# )?([A-Z][A-Z_0-9]+)=", EXAMPLE, re.MULTILINE)
    assert sorted(names) == sorted(SETTINGS.keys() | set(re.findall(r"\$\{([A-Z_0-9]+)", COMPOSE)))


def test_the_example_asks_only_for_what_is_required() -> None:
    required = set(re.findall(r"\$\{([A-Z_]+):\?", COMPOSE)) | REQUIRED.keys()
    assert set(re.findall(r"^([A-Z].*)=", EXAMPLE, re.MULTILINE)) == required


@pytest.mark.parametrize("kind", ["ApiSettings", "WorkerSettings"])
def test_what_the_example_shows_as_defaults_are_the_defaults(kind: str, tmp_path: Path) -> None:
    by_engine = {
        "TTS_MODEL",
        "TTS_VOICE_EN",
        "TTS_VOICE_FR",
        "TTS_REQUEST_INTERVAL_MS",
        "TTS_PRICE_PER_MILLION_CHARS",
    }  # told by `voices`, `interval` and `price`
    defaults = values(tmp_path, kind, **REQUIRED)
    (tmp_path / ".env").write_text(re.sub(r"^# ([A-Z][A-Z_]+=)", r"\1", EXAMPLE, flags=re.MULTILINE))
    shown = values(tmp_path, kind, **REQUIRED)
    assert {name: shown[name] for name in shown.keys() - by_engine} == {
        name: defaults[name] for name in defaults.keys() - by_engine
    }
