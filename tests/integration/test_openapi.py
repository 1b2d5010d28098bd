"""What `/schema` says is so: schemathesis asks the real service everything that the document allows, and what it forbids."""

import asyncio
import sys
import tomllib
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import Any

import pytest

from api import examples
from tests.job_control import cancel
from tests.service import ROOT, Service, token
from tests.speech_server import SpeechServer

SETTINGS = ROOT / "tests" / "schemathesis.toml"
DICTIONARIES: dict[str, Any] = tomllib.loads(SETTINGS.read_text())["dictionaries"]
[DECK] = DICTIONARIES["decks"]["values"]
CARDS = DICTIONARIES["cards"]["values"]
COMPLETED, FAILED, CANCELLED = DICTIONARIES["jobs"]["values"]
PHRASES: Any = examples.GENERATE["phrases"]


@pytest.mark.timeout(300)
async def test_every_answer_is_as_documented(service: Service, upstream: SpeechServer) -> None:
    await service.start_api()
    service.add_deck(DECK, CARDS)
    _rename(service, await service.post(DECK, PHRASES), CANCELLED)
    assert (await cancel(service, CANCELLED)).status == 202
    await service.start_worker()
    upstream.fail("refused", text="morning")
    _rename(service, (await service.ended(await service.post(DECK, PHRASES)))["id"], FAILED)
    upstream.heal()
    _rename(service, (await service.made(DECK, PHRASES))["id"], COMPLETED)

    code, said = await _run_schemathesis(service)

    print(said)
    assert code == 0, "see what schemathesis said"
    assert "error of ours" not in service.log("api")


def _rename(service: Service, old: str, new: str) -> None:
    """Gives a job the id by which schemathesis knows it."""
    service.sql('UPDATE public."TtsJob" SET "id" = %s WHERE "id" = %s', new, old)
    service.sql("UPDATE tts.job SET id = %s WHERE id = %s", new, old)
    service.sql("UPDATE tts.job_clip SET job_id = %s WHERE job_id = %s", new, old)


async def _run_schemathesis(service: Service) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).parent / "schemathesis",
        f"--config-file={SETTINGS}",
        "run",
        f"{service.url}/schema/openapi.json",
        f"--header=Authorization: Bearer {token('anna')}",
        "--no-color",
        cwd=service.folder,
        stdout=PIPE,
        stderr=STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()
