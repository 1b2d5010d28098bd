"""Containers as processes: what a compose file says, done without Docker. Each has a loopback address of its own, with its own ports;
where the file names a service, an address of the container itself or a volume, the process is given what stands for it here.

What this cannot show: the images, their users, read-only file systems, limits and capabilities.
"""

import asyncio
import itertools
import os
import random
import re
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests import nginx_server
from tests.docker_stand_in import install_docker
from tests.image_postgres import BINARIES, ImagePostgres
from tests.nginx_server import ROOT
from tests.service import GIVE_UP_SECONDS
from tests.system_parts import require_loopback_network, require_program

_STOP_SIGNALS = {"nginx": signal.SIGQUIT}  # as its image says
_ITSELF = ("0.0.0.0", "127.0.0.1")


@dataclass
class Container:
    """One process of a service."""

    service: str
    address: str
    folder: Path
    environment: dict[str, str]
    process: asyncio.subprocess.Process

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()


class Stack:
    """`async with Stack(config, folder, given) as stack` for the services of a resolved compose file; `given` is what `.env` says."""

    def __init__(self, config: dict[str, Any], folder: Path, given: dict[str, str]) -> None:
        require_loopback_network()
        self.services: dict[str, dict[str, Any]] = config["services"]
        self.containers: list[Container] = []
        self._folder = folder
        self._given = given
        self._net = f"127.{random.randrange(1, 255)}.{random.randrange(1, 255)}"
        self._database: ImagePostgres | None = None
        self._numbers = itertools.count(1)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for container in self.containers:
            if container.process.returncode is None:
                container.process.kill()
                await container.process.wait()
        if self._database:
            await asyncio.to_thread(self._database.stop)

    async def up(self, **scale: int) -> None:
        """Starts each service once what it depends on is as far as the file wants it."""
        while waiting := [name for name in self.services if not self.of(name) and name != self._database_name()]:
            name = next(one for one in waiting if not waiting_for(self.services[one], waiting))
            for needed, how in self.services[name].get("depends_on", {}).items():
                await self._wait_for(needed, how["condition"])
            for number in range(scale.get(name, 1)):
                self.containers.append(await self._start(name, number))

    async def healthy(self, *names: str) -> None:
        """Returns once the file's own health check says so of every container."""
        for name in names:
            for container in self.of(name):
                await self.well(container)

    async def well(self, container: Container) -> None:
        """Returns once a container's health check says so: as in a real one, a check or two may fail where the machine is slow."""
        async with asyncio.timeout(GIVE_UP_SECONDS):
            while (await self.check(container))[0]:
                assert container.process.returncode is None, container.log
                await asyncio.sleep(0.1)

    async def check(self, container: Container) -> tuple[int, str]:
        """Runs a container's health check once: exit code and what it said."""
        kind, *command = self.services[container.service]["healthcheck"]["test"]
        assert kind == "CMD"
        if not command[0].startswith(("pg_", "python")):
            require_program(command[0])
        command = [self._here(container.service, container.address, part) for part in command]
        process = await asyncio.create_subprocess_exec(
            *command, env=container.environment, stderr=asyncio.subprocess.PIPE
        )
        _, said = await process.communicate()
        return process.returncode or 0, said.decode()

    async def stop(self, *services: str) -> None:
        """Stops all containers, or some services', the last first. Each has to end well, and within its grace."""
        for container in reversed(self.containers):
            if container.service not in (services or self.services.keys() - {"db"}):
                continue
            if container.process.returncode is None:
                container.process.send_signal(_STOP_SIGNALS.get(container.service, signal.SIGTERM))
            grace = _seconds(self.services[container.service].get("stop_grace_period", "10s"))
            assert await asyncio.wait_for(container.process.wait(), grace) == 0, container.log

    async def replace(self, *services: str, **scale: int) -> None:
        """As `up --build` does after the code has changed."""
        await self.stop(*services)
        self.containers = [container for container in self.containers if container.service not in services]
        await self.up(**scale)

    def docker(self) -> dict[str, str]:
        """An environment in which `docker compose exec SERVICE COMMAND` runs it with that container's settings."""
        first = {container.service: container.environment for container in reversed(self.containers)}
        programs = install_docker(self._folder, first)
        return {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "HOME": str(self._folder), "URL": self.url}

    def of(self, service: str) -> list[Container]:
        return [container for container in self.containers if container.service == service]

    def address(self, service: str, number: int = 0) -> str:
        return f"{self._net}.{10 * (1 + list(self.services).index(service)) + number}"

    @property
    def url(self) -> str:
        """Where the one published port answers."""
        [port] = [port for service in self.services.values() for port in service.get("ports", [])]
        return f"http://{port['host_ip']}:{port['published']}"

    def volume(self, name: str) -> Path:
        folder = self._folder / "volumes" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def database_url(self) -> str:
        """The database as its owner sees it from here."""
        assert self._database
        return self._database.owner_url

    def _database_name(self) -> str:
        return "db" if self._database else ""

    async def _wait_for(self, name: str, condition: str) -> None:
        match condition:
            case "service_completed_successfully":
                [container] = self.of(name)
                assert await container.process.wait() == 0, container.log
            case "service_healthy":
                await self.healthy(name)
            case _:
                raise AssertionError(condition)

    async def _start(self, name: str, number: int) -> Container:
        service, address = self.services[name], self.address(name, number)
        folder = self._folder / f"{name}-{number + 1}-{next(self._numbers)}"
        (folder / "tmp").mkdir(parents=True)
        (folder / "root").mkdir()
        said = {key: self._setting(name, address, key, value) for key, value in service.get("environment", {}).items()}
        # Of the image: where its programs are.
        path = os.pathsep.join([str(Path(sys.executable).parent), str(BINARIES), os.environ["PATH"]])
        image = {"PATH": path, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(folder / "tmp")}
        environment = image | said
        if service["image"].startswith("postgres:"):
            self._database = ImagePostgres(folder, address, said, service["command"])
            await asyncio.to_thread(self._database.start)
            environment["PGHOST"] = self._database.sockets
            command = ["sleep", "infinity"]  # the server has a keeper of its own
        else:
            command = [self._here(name, address, part) for part in service["command"]]
        if command[0] == "nginx":
            nginx_server.write_configuration(folder / "tmp", NGINX_LOCAL_RESOLVERS="127.0.0.1", **said)
            command = [nginx_server.program(), *nginx_server.arguments(folder / "tmp"), "-e", "stderr", *command[1:]]
        with (folder / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *command, cwd=folder / "root", env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )
        return Container(name, address, folder, environment, process)

    def _setting(self, service: str, address: str, name: str, value: str) -> str:
        for port in self.services[service].get("ports", []):
            if (name, value) == ("LISTEN_PORT", str(port["target"])):
                return f"{port['host_ip']}:{port['published']}"
        return value if self._given.get(name) == value else self._here(service, address, value)

    def _here(self, service: str, address: str, text: str) -> str:
        """What stands here for a name or a path inside a container."""
        for itself in _ITSELF:
            text = text.replace(itself, address)
        for name in self.services:
            text = re.sub(rf"(?<![\w.-]){name}(?=:\d)", self.address(name), text)
        for mount in self.services[service].get("volumes", []):
            source = self.volume(mount["source"]) if mount["type"] == "volume" else mount["source"]
            text = text.replace(mount["target"], str(source))
        return text


def waiting_for(service: dict[str, Any], waiting: list[str]) -> set[str]:
    """What has to be there before it, and is not."""
    return set(service.get("depends_on", {})) & set(waiting)


def _seconds(duration: str) -> float:
    minutes, seconds = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s)?", duration).groups("0")  # type: ignore[union-attr]
    return 60 * int(minutes) + int(seconds)
