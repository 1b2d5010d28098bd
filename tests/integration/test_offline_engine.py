"""A full job through the engine that needs no network; those of the others are in test_synthesis.py and test_realtime.py."""

from tests.service import Service, phrases
from tests.watching import card_files
from worker.audio import accept


async def test_a_full_job_is_spoken_offline(service: Service) -> None:
    cards = [f"card-{number}" for number in range(200)]
    service.add_deck("deck", cards)
    await service.start_api()
    await service.start_worker(TTS_ENGINE="espeak", OPENAI_API_KEY="")

    job = await service.made("deck", wanted := phrases(cards))

    assert job["processedCount"] == 200
    files = card_files(service)
    assert len(files) == 400
    for phrase in wanted[::20]:
        for side, text in (("en", phrase["textEn"]), ("fr", phrase["textFr"])):
            assert accept(files[f"{phrase['cardId']}_{side}.mp3"], text).duration_ms > 300
    assert service.sql("SELECT DISTINCT engine, model, words_checked FROM tts.clip") == [("espeak", "espeak-ng", False)]
