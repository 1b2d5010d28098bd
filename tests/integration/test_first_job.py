"""The main job through the real API, queue and worker."""

from tests.service import Service, phrases
from tests.speech_server import SpeechServer, read_tag


async def test_a_deck_speaks(service: Service, upstream: SpeechServer) -> None:
    service.add_deck("deck-1", ["card-1", "card-2"])
    await service.start_api()
    await service.start_worker()

    job = await service.made("deck-1", phrases(["card-1", "card-2"]))

    assert job["processedCount"] == job["totalPhrases"] == 2
    assert sorted(path.name for path in service.storage.glob("*.mp3")) == [
        "card-1_en.mp3",
        "card-1_fr.mp3",
        "card-2_en.mp3",
        "card-2_fr.mp3",
    ]
    assert read_tag((service.storage / "card-2_fr.mp3").read_bytes())["text"] == "Le mot est card-2"
    assert len(upstream.requests) == 4
