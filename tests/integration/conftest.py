"""What the tests of the running service, and of nginx, have in common."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.nginx_neighbours import StandInApi, stand_in_api
from tests.nginx_server import running_nginx
from tests.postgres import Postgres
from tests.service import Service
from tests.speech_server import SpeechServer
from tests.standing import Standing


@pytest.fixture(scope="session")
async def standing(
    postgres: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Standing]:
    """What `running` is taken from, once in a pytest process."""
    standing = Standing(postgres, migrated_template, lambda: tmp_path_factory.mktemp("standing"))
    yield standing
    await standing.end()


@pytest.fixture
async def running(standing: Standing) -> AsyncIterator[Service]:
    """The service with its API and one worker, used by other tests before. Who stops one of them, or sets it, takes `service`."""
    yield await standing.take()
    await standing.give_back()


@pytest.fixture
def upstream(request: pytest.FixtureRequest, upstream: SpeechServer) -> SpeechServer:
    """The stand-in for OpenAI that the test's service asks: that of `running`, or one of its own."""
    if "standing" not in request.fixturenames:
        return upstream
    request.getfixturevalue("running")
    standing: Standing = request.getfixturevalue("standing")
    return standing.upstream


@pytest.fixture
def audio_folder(tmp_path: Path) -> Path:
    """A storage root with one clip, and with everything beside it that nobody may see."""
    root = tmp_path / "storage of tts"
    for name in [".cache/ab/x.mp3", "folder/x.mp3", ".hidden.mp3", "x.mp3.tmp", "x.mp3#0", "notes.txt", "x.MP3"]:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"hidden")
    (root / "card-1.a_en.mp3").write_bytes(b"0123456789")
    (tmp_path / "outside.mp3").write_bytes(b"hidden")
    (root / "link.mp3").symlink_to(tmp_path / "outside.mp3")
    return root


@pytest.fixture
async def small_api() -> AsyncIterator[StandInApi]:
    """What answers behind nginx, and remembers what reached it."""
    async with stand_in_api() as api:
        yield api


@pytest.fixture
def nginx(audio_folder: Path, small_api: StandInApi) -> Iterator[str]:
    """The URL of an nginx in front of both."""
    with running_nginx(audio_folder, small_api.address) as url:
        yield url
