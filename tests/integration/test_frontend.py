"""Memolist's own frontend code, run by Node against the real service."""

import asyncio
import hashlib
import json
from asyncio.subprocess import STDOUT

from tests.frontend.node import node
from tests.service import GIVE_UP_SECONDS, ROOT, Service, phrases, token
from tests.speech_server import SpeechServer
from tests.watching import until

SNIPPET = ROOT / "tests" / "frontend" / "snippet.ts"
MARK = '// ---- the brief, "Exemple d\'intégration frontend" ----\n\n'
# Of the brief's TypeScript: whoever changes the copy tests something else.
SHA_256 = "56067e5437b535c3140cb378af75bce260db37a5ece03ca9fd0e85a7c35d9677"


def test_the_snippet_is_the_brief_s() -> None:
    _, _, copied = SNIPPET.read_text(encoding="utf-8").partition(MARK)

    assert hashlib.sha256(copied.encode()).hexdigest() == SHA_256


async def test_the_frontend_shows_the_urls_of_a_deck_that_speaks(service: Service) -> None:
    service.add_deck("deck-1", ["card-1", "card-2"])
    await service.start_api()
    await service.start_worker()

    said = await _run_frontend(service, ["card-1", "card-2"])

    assert "TTS généré!" in said
    for name in ("card-1_en", "card-1_fr", "card-2_en", "card-2_fr"):
        assert f"'http://localhost/storage/tts/{name}.mp3'" in said
        assert (service.storage / f"{name}.mp3").exists()


async def test_the_frontend_shows_progress_and_then_what_went_wrong(service: Service, upstream: SpeechServer) -> None:
    upstream.fail("invalid_api_key")
    service.add_deck("deck-1", ["card-1", "card-2"])
    await service.start_api()
    running = asyncio.create_task(_run_frontend(service, ["card-1", "card-2"]))
    await until(lambda: "Progression: 0/2" in _said(service))

    await service.start_worker()
    said = await running

    assert "Échec: " in said
    assert "TTS généré!" not in said
    [(message,)] = service.sql('SELECT "errorMessage" FROM public."TtsJob"')
    assert message in said


async def _run_frontend(service: Service, cards: list[str]) -> str:
    environment = {
        "API_URL": service.url,
        "TOKEN": token("anna"),
        "DECK_ID": "deck-1",
        "PHRASES": json.dumps(phrases(cards)),
    }
    with (service.folder / "frontend.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            node(), SNIPPET, env=environment, cwd=service.folder, stdout=log, stderr=STDOUT
        )
    try:
        async with asyncio.timeout(GIVE_UP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode == 0, _said(service)
    return _said(service)


def _said(service: Service) -> str:
    log = service.folder / "frontend.log"
    return log.read_text(encoding="utf-8") if log.exists() else ""
