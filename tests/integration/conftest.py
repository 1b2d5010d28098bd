"""What the tests of the running service, and of nginx, have in common."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.nginx_neighbours import StandInApi, stand_in_api
from tests.nginx_server import running_nginx
from tests.service import Service


@pytest.fixture
async def running(service: Service) -> Service:
    """The service with its API and one worker."""
    await service.start_api()
    await service.start_worker()
    return service


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
