"""What the compose files promise. It needs no Docker engine: Compose itself reads them; `test_compose.py` runs what they say."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.settings import ApiSettings, WorkerSettings
from tests.compose_files import DEVELOPMENT, PRODUCTION, read_compose, run_compose

ROOT = Path(__file__).parent.parent.parent

SETTINGS = {name.upper() for kind in (ApiSettings, WorkerSettings) for name in kind.model_fields}
# Read by compose or libpq alone, not by our programs.
COMPOSE_ONLY = {"HTTP_PORT", "HTTPS_PORT", "POSTGRES_PASSWORD", "REQUIREMENTS", "WORKERS"}
SECRETS = {"JWT_SECRET": "s", "POSTGRES_PASSWORD": "p@ss/word", "OPENAI_API_KEY": "sk-test"}
AWS_KEYS = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "aws-secret"}
AUDIO_FOLDER = "/app/storage/tts"
PROGRAMS = ("migrate", "api", "worker")
Services = dict[str, dict[str, Any]]


@pytest.fixture(params=[DEVELOPMENT, PRODUCTION])
def file(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def services(file: str, tmp_path: Path) -> Services:
    return read_services(file, tmp_path)


@pytest.fixture
def production(tmp_path: Path) -> Services:
    return read_services(PRODUCTION, tmp_path)


def read_services(file: str, folder: Path) -> Services:
    """With every secret in `.env`."""
    found: Services = read_compose(folder, file, **SECRETS, **AWS_KEYS)["services"]
    return found


# Both compose files


def test_there_are_five_services(services: Services) -> None:
    assert set(services) == {"db", "migrate", "api", "worker", "nginx"}


def test_images_are_pinned_to_a_release(services: Services) -> None:
    for name in ("db", "nginx"):
        assert re.search(r":\d+\.\d+(\.\d+)?-\w+$", services[name]["image"])


def test_the_schema_is_there_before_the_api_and_the_worker_start(services: Services) -> None:
    assert services["migrate"]["depends_on"]["db"]["condition"] == "service_healthy"
    assert services["migrate"]["command"] == ["python", "-m", "migrations"]
    for name in ("api", "worker"):
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
        assert services[name]["command"] == ["python", "-m", name]


def test_all_that_goes_on_running_says_whether_it_is_well(services: Services) -> None:
    assert {name for name, service in services.items() if "healthcheck" not in service} == {"migrate"}
    for name in services.keys() - {"migrate"}:
        assert services[name]["healthcheck"]["test"][0] == "CMD"


def test_no_container_can_write_where_it_need_not_or_become_more_than_it_is(services: Services) -> None:
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "cap_add" not in service
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not service.get("privileged")
        assert int(service["mem_limit"]) <= 1024**3
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert services["db"]["user"] == "postgres"
    assert "unprivileged" in services["nginx"]["image"]


def test_the_worker_writes_the_audio_volume_and_nginx_only_reads_it(services: Services) -> None:
    [written] = services["worker"]["volumes"]
    [read] = [mount for mount in services["nginx"]["volumes"] if mount["type"] == "volume"]
    assert (written["source"], written["target"], written.get("read_only")) == ("tts-storage", AUDIO_FOLDER, None)
    assert (read["source"], read["target"], read["read_only"]) == ("tts-storage", AUDIO_FOLDER, True)
    assert all(mount["read_only"] for mount in services["nginx"]["volumes"])
    for name in ("worker", "nginx"):
        assert services[name]["environment"]["STORAGE_DIR"] == AUDIO_FOLDER


def test_the_database_is_kept_where_postgres_18_puts_it(services: Services) -> None:
    assert services["db"]["image"].startswith("postgres:18.")
    [mount] = services["db"]["volumes"]
    assert (mount["source"], mount["target"]) == ("database", "/var/lib/postgresql")


def test_only_nginx_is_published_and_any_number_of_workers_fits(services: Services) -> None:
    assert [name for name, service in services.items() if "ports" in service] == ["nginx"]
    assert [port["published"] for port in services["nginx"]["ports"]] == ["80"]
    for service in services.values():
        assert not service.keys() & {"container_name", "hostname", "network_mode"}


def test_nginx_finds_the_api_where_it_listens(services: Services) -> None:
    api, nginx = services["api"]["environment"], services["nginx"]
    assert api["API_HOST"] == "0.0.0.0"
    assert nginx["environment"]["API_ADDRESS"] == f"api:{api['API_PORT']}"
    assert [str(port["target"]) for port in nginx["ports"]] == [nginx["environment"]["LISTEN_PORT"]]


def test_whoever_is_told_to_ask_nginx_from_inside_is_told_its_port(services: Services) -> None:
    port = services["nginx"]["environment"]["LISTEN_PORT"]
    for place in ("README.md", "docs/operations.md", "worker/doctor/audio.py"):
        addresses = re.findall(r"http://nginx\b[^/]*", (ROOT / place).read_text())
        assert set(addresses) == {f"http://nginx:{port}"}, place


def test_the_template_uses_no_name_that_nginx_is_not_given(services: Services) -> None:
    template = (ROOT / "nginx/templates/default.conf.template").read_text()
    given = set(services["nginx"]["environment"])
    assert "NGINX_ENTRYPOINT_LOCAL_RESOLVERS" in given
    assert set(re.findall(r"\$\{([A-Z_]+)\}", template)) - {"NGINX_LOCAL_RESOLVERS"} <= given


def test_every_name_in_the_files_is_a_setting(file: str, services: Services) -> None:
    assert set(re.findall(r"\$\{(\w+)", (ROOT / file).read_text())) <= SETTINGS | COMPOSE_ONLY
    for name in PROGRAMS:
        assert set(services[name]["environment"]) <= SETTINGS | {"PGPASSWORD", "POSTGRES_PASSWORD"}


def test_each_secret_goes_where_it_is_needed_and_no_further(services: Services) -> None:
    def who_knows(secret: str) -> set[str]:
        return {name for name, service in services.items() if secret in service.get("environment", {}).values()}

    assert who_knows(SECRETS["OPENAI_API_KEY"]) == {"worker"}
    assert who_knows(AWS_KEYS["AWS_SECRET_ACCESS_KEY"]) == who_knows(AWS_KEYS["AWS_ACCESS_KEY_ID"]) == {"worker"}
    assert who_knows(SECRETS["JWT_SECRET"]) == {"api"}
    for service in services.values():
        said = json.dumps([service.get(part) for part in ("command", "entrypoint", "build", "healthcheck", "labels")])
        assert not any(secret in said for secret in (SECRETS | AWS_KEYS).values() if len(secret) > 1)


@pytest.mark.parametrize("service", ["api", "worker"])
def test_each_program_accepts_what_it_is_given(services: Services, service: str, tmp_path: Path) -> None:
    kind = {"api": "ApiSettings", "worker": "WorkerSettings"}[service]
    done = subprocess.run(
        [sys.executable, "-c", f"from shared.settings import *; read_settings({kind})"],
        env={"PYTHONPATH": str(ROOT), "PATH": os.defpath, **services[service]["environment"]},
        cwd=tmp_path.parent,  # beside that `.env`
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_everything_has_time_to_stop(services: Services) -> None:
    grace_seconds = int(services["worker"]["stop_grace_period"].removesuffix("s"))
    assert grace_seconds > WorkerSettings.model_fields["worker_shutdown_timeout_s"].default
    assert services["db"]["stop_grace_period"] == "1m0s"


# Production


# The API itself refuses to start without a key for tokens: which of the three it is, compose cannot know.
@pytest.mark.parametrize("name", sorted(SECRETS.keys() - {"JWT_SECRET"}))
def test_production_does_not_start_without_a_secret(tmp_path: Path, name: str) -> None:
    read_compose(tmp_path, PRODUCTION, **SECRETS)
    env = tmp_path / ".env"
    env.write_text(re.sub(rf"^{name}=.*$", f"{name}=", env.read_text(), flags=re.MULTILINE))
    done = run_compose(tmp_path, PRODUCTION, "config", "--quiet")
    assert done.returncode != 0
    assert f"put {name} into .env" in done.stderr


def test_production_starts_again_and_logs_for_machines(production: Services) -> None:
    for name, service in production.items():
        assert service["restart"] == ("no" if name == "migrate" else "always")
    for name in PROGRAMS:
        assert production[name]["environment"]["LOG_FORMAT"] == "json"


def test_development_is_as_production_but_for_its_names_its_password_and_its_logs(
    production: Services, tmp_path: Path
) -> None:
    development = read_services(DEVELOPMENT, tmp_path)
    for name, service in production.items():
        other = development[name]
        for part in ("image", "restart", "environment"):
            service.pop(part)
            other.pop(part)
        assert other == service


def test_without_a_settings_file_development_starts_all_the_same(tmp_path: Path) -> None:
    read_compose(tmp_path, DEVELOPMENT)
    (tmp_path / ".env").unlink()
    assert run_compose(tmp_path, DEVELOPMENT, "config", "--quiet").returncode == 0
