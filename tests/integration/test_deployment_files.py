"""What the Dockerfile and the compose files promise. It needs no Docker engine: the files are linted and read, and what
they put into an environment is tried on the programs' own settings."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.settings import ApiSettings, WorkerSettings

ROOT = Path(__file__).parent.parent.parent
COMPOSE_FILES = ["compose.yaml", "compose.prod.yaml"]

SETTINGS = {name.upper() for kind in (ApiSettings, WorkerSettings) for name in kind.model_fields}
# Read by compose or libpq alone, not by our programs.
COMPOSE_ONLY = {"HTTP_PORT", "POSTGRES_PASSWORD", "REQUIREMENTS"}
LIBPQ_ONLY = {"PGPASSWORD"}

SECRETS = {"JWT_SECRET": "s", "POSTGRES_PASSWORD": "p@ss/word", "OPENAI_API_KEY": "sk-test"}
AUDIO_FOLDER = "/app/storage/tts"
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?:(?P<kind>:[-?])(?P<rest>[^}]*))?\}")


@pytest.fixture(params=COMPOSE_FILES)
def text(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return (ROOT / name).read_text()


@pytest.fixture
def services(text: str) -> dict[str, Any]:
    services = yaml.safe_load(text)["services"]
    assert isinstance(services, dict)
    return services


@pytest.fixture
def production() -> dict[str, Any]:
    content = yaml.safe_load((ROOT / "compose.prod.yaml").read_text())
    assert isinstance(content, dict)
    return content


# The image


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_everything_that_the_dockerfile_copies_is_let_through_and_no_settings_file_is() -> None:
    ignored, *let_through = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] != "#"]
    copied = re.findall(r"^COPY (?!--from)([^\s/]+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert ignored == "*"
    assert {f"!{folder}" for folder in copied} == {line for line in let_through if line.startswith("!")}


# Both compose files


def test_there_are_five_services(services: dict[str, Any]) -> None:
    assert set(services) == {"db", "migrate", "api", "worker", "nginx"}


def test_the_schema_is_there_before_the_api_and_the_worker_start(services: dict[str, Any]) -> None:
    assert services["migrate"]["depends_on"] == {"db": {"condition": "service_healthy"}}
    assert services["migrate"]["command"] == "python -m migrations"
    for name in ("api", "worker"):
        assert services[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
        assert services[name]["command"] == f"python -m {name}"


def test_the_worker_writes_the_audio_volume_and_nginx_only_reads_it(text: str, services: dict[str, Any]) -> None:
    assert "tts-storage" in yaml.safe_load(text)["volumes"]
    assert services["worker"]["volumes"] == [f"tts-storage:{AUDIO_FOLDER}"]
    assert f"tts-storage:{AUDIO_FOLDER}:ro" in services["nginx"]["volumes"]
    assert services["worker"]["environment"]["STORAGE_DIR"] == AUDIO_FOLDER
    assert services["nginx"]["environment"]["STORAGE_DIR"] == AUDIO_FOLDER


def test_the_database_is_kept_where_postgres_18_puts_it_and_is_not_published(services: dict[str, Any]) -> None:
    assert services["db"]["image"] == "postgres:18"
    assert services["db"]["volumes"] == ["database:/var/lib/postgresql"]
    assert [name for name, service in services.items() if "ports" in service] == ["nginx"]


def test_nginx_finds_the_api_where_it_listens_and_answers_on_port_80(services: dict[str, Any]) -> None:
    api = services["api"]["environment"]
    assert api["API_HOST"] == "0.0.0.0"
    assert services["nginx"]["environment"]["API_ADDRESS"] == f"api:{api['API_PORT']}"
    assert filled_in(services["nginx"]["ports"][0], {}) == "80:80"


def test_the_template_uses_no_name_that_nginx_is_not_given(services: dict[str, Any]) -> None:
    template = (ROOT / "nginx/templates/default.conf.template").read_text()
    given = set(services["nginx"]["environment"])
    assert "NGINX_ENTRYPOINT_LOCAL_RESOLVERS" in given
    assert set(re.findall(r"\$\{([A-Z_]+)\}", template)) - {"NGINX_LOCAL_RESOLVERS"} <= given


def test_every_name_in_the_files_is_a_setting(text: str, services: dict[str, Any]) -> None:
    assert {match["name"] for match in VARIABLE.finditer(text)} <= SETTINGS | COMPOSE_ONLY
    for name in ("migrate", "api", "worker"):
        assert set(services[name]["environment"]) <= SETTINGS | LIBPQ_ONLY


def test_only_the_worker_has_the_openai_key(services: dict[str, Any]) -> None:
    assert environment(services["worker"], SECRETS)["OPENAI_API_KEY"] == "sk-test"
    assert environment(services["api"], SECRETS)["OPENAI_API_KEY"] == ""
    assert "OPENAI_API_KEY" not in services["migrate"]["environment"]


@pytest.mark.parametrize("service", ["api", "worker"])
def test_each_program_accepts_what_it_is_given(services: dict[str, Any], service: str, tmp_path: Path) -> None:
    kind = {"api": "ApiSettings", "worker": "WorkerSettings"}[service]
    done = subprocess.run(
        [sys.executable, "-c", f"from shared.settings import *; read_settings({kind})"],
        env={"PYTHONPATH": str(ROOT), "PATH": os.defpath, **environment(services[service], SECRETS)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_settings_reach_both_programs_and_the_file_may_be_absent(services: dict[str, Any]) -> None:
    for name in ("api", "worker"):
        assert services[name]["env_file"] == [{"path": ".env", "required": False}]


def test_the_worker_has_time_to_put_its_jobs_back(services: dict[str, Any]) -> None:
    grace_seconds = int(services["worker"]["stop_grace_period"].removesuffix("s"))
    assert grace_seconds > WorkerSettings.model_fields["worker_shutdown_timeout_s"].default


# Production


# The API itself refuses to start without a key for tokens: which of the three it is, compose cannot know.
@pytest.mark.parametrize("name", sorted(SECRETS.keys() - {"JWT_SECRET"}))
def test_production_does_not_start_without_a_secret(production: dict[str, Any], name: str) -> None:
    uses = [match for match in VARIABLE.finditer(yaml.safe_dump(production, width=1000)) if match["name"] == name]
    assert uses
    assert all(use["kind"] == ":?" and name in use["rest"] for use in uses)


def test_production_restarts_limits_and_logs(production: dict[str, Any]) -> None:
    for name, service in production["services"].items():
        assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")
        assert service["mem_limit"]
        assert service["logging"]["options"]["max-size"]
    for name in ("migrate", "api", "worker"):
        assert production["services"][name]["environment"]["LOG_FORMAT"] == "json"


def environment(service: dict[str, Any], values: dict[str, str]) -> dict[str, str]:
    """A service's environment as compose would fill it in, without an `.env`."""
    return {name: filled_in(value, values) for name, value in service["environment"].items()}


def filled_in(text: str, values: dict[str, str]) -> str:
    """`${NAME}`, `${NAME:-default}` and `${NAME:?message}`."""

    def value(match: re.Match[str]) -> str:
        assert match["kind"] != ":?" or match["name"] in values, match["rest"]
        return values.get(match["name"], match["rest"] or "")

    return VARIABLE.sub(value, text)
