"""What a job leaves behind: cards' URLs and files, the job's own row, with every clip made or some of them failed."""

from tests.service import Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import all_files, card_files, card_urls, spoken
from worker.audio import accept

HOST = "https://memolist.example/storage/tts"
CARDS = ["card-1", "card-2", "card-3"]


async def test_a_card_gets_the_exact_urls_of_its_files(service: Service) -> None:
    service.add_deck("deck", ["card.1", "untouched"])
    await service.start_api()
    await service.start_worker(PUBLIC_BASE_URL=f"{HOST}/")

    job = await service.made("deck", phrases(["card.1"]))

    assert card_urls(service, "card.1") == (f"{HOST}/card.1_en.mp3", f"{HOST}/card.1_fr.mp3")
    assert card_urls(service, "untouched") == (None, None)
    assert job["resultUrls"] == [
        {"cardId": "card.1", "audioUrlEn": f"{HOST}/card.1_en.mp3", "audioUrlFr": f"{HOST}/card.1_fr.mp3"}
    ]
    assert (job["processedCount"], job["errorMessage"]) == (1, None)


async def test_a_blank_side_is_skipped(running: Service, upstream: SpeechServer) -> None:
    running.add_deck("deck", ["card-1"])

    job = await running.made("deck", [{"textEn": "Hello", "textFr": " <br> ", "cardId": "card-1"}])

    assert upstream.texts == ["Hello"]
    assert job["resultUrls"][0]["audioUrlFr"] is None
    assert card_urls(running, "card-1")[1] is None
    assert card_files(running).keys() == {"card-1_en.mp3"}


async def test_a_text_that_becomes_blank_takes_its_audio_away(running: Service) -> None:
    running.add_deck("deck", ["card-1"])
    await running.made("deck", phrases(["card-1"]))

    await running.made("deck", [phrases(["card-1"])[0] | {"textFr": ""}])

    assert card_urls(running, "card-1") == ("http://localhost/storage/tts/card-1_en.mp3", None)
    assert card_files(running).keys() == {"card-1_en.mp3"}


async def test_what_is_spoken_is_the_text_without_markup(running: Service, upstream: SpeechServer) -> None:
    running.add_deck("deck", ["card-1"])

    await running.made("deck", [{"textEn": "<b>I</b> &lt;3  you", "textFr": "a < b", "cardId": "card-1"}])

    assert sorted(upstream.texts) == ["I <3 you", "a < b"]


async def test_a_changed_text_that_cannot_be_spoken_leaves_no_old_audio(
    running: Service, upstream: SpeechServer
) -> None:
    running.add_deck("deck", ["card-1"])
    await running.made("deck", phrases(["card-1"]))
    upstream.fail("refused", text="The word")

    job = await running.ended(await running.post("deck", phrases(["card-1"], " indeed")))

    assert job["status"] == "failed"
    assert card_urls(running, "card-1")[0] is None
    assert card_files(running).keys() == {"card-1_fr.mp3"}
    assert spoken(running, "card-1_fr.mp3") == "Le mot est card-1 indeed"


async def test_an_unchanged_text_that_cannot_be_made_anew_keeps_its_audio(
    running: Service, upstream: SpeechServer
) -> None:
    running.add_deck("deck", ["card-1"])
    await running.made("deck", phrases(["card-1"]))
    urls, files = card_urls(running, "card-1"), card_files(running)
    upstream.fail("refused")

    job = await running.ended(await running.post("deck", phrases(["card-1"]), regenerate=True))

    assert job["status"] == "failed"
    assert (card_urls(running, "card-1"), card_files(running)) == (urls, files)


async def test_a_job_that_failed_in_part_tells_what_is_missing_and_keeps_the_rest(
    running: Service, upstream: SpeechServer
) -> None:
    running.add_deck("deck", CARDS)
    upstream.fail("refused", text="The word is card-2", message="This input was refused.")

    job = await running.ended(await running.post("deck", phrases(CARDS)))

    assert job["status"] == "failed"
    assert job["processedCount"] == 3
    assert job["errorMessage"].startswith("1 of 6 clips failed: ")
    assert "This input was refused." in job["errorMessage"]
    assert job["completedAt"]
    first, second, third = job["resultUrls"]
    assert [entry["cardId"] for entry in job["resultUrls"]] == CARDS
    assert first.keys() == third.keys() == {"cardId", "audioUrlEn", "audioUrlFr"}
    assert "This input was refused." in second.pop("error")
    assert second == {
        "cardId": "card-2",
        "audioUrlEn": None,
        "audioUrlFr": "http://localhost/storage/tts/card-2_fr.mp3",
    }
    assert card_urls(running, "card-2") == (None, second["audioUrlFr"])


async def test_a_failed_deck_that_runs_again_makes_only_what_is_missing(
    running: Service, upstream: SpeechServer
) -> None:
    running.add_deck("deck", CARDS)
    upstream.fail("refused", text="The word is card-2")
    await running.ended(await running.post("deck", phrases(CARDS)))
    upstream.heal()

    await running.made("deck", phrases(CARDS))

    assert upstream.texts[6:] == ["The word is card-2"]
    assert len(card_files(running)) == 6


async def test_a_large_deck_ends_with_every_file_that_it_promises(running: Service, upstream: SpeechServer) -> None:
    cards = [f"card-{number}" for number in range(200)]
    running.add_deck("deck", cards)
    upstream.latency_seconds = 0.05  # long enough for several checkpoints

    job = await running.made("deck", phrases(cards))

    assert [entry["cardId"] for entry in job["resultUrls"]] == cards
    promised = {entry[side].rpartition("/")[2] for entry in job["resultUrls"] for side in ("audioUrlEn", "audioUrlFr")}
    assert card_files(running).keys() == promised
    assert running.sql('SELECT count(*) FROM public."Card" WHERE "audioUrlEn" IS NULL OR "audioUrlFr" IS NULL') == [
        (0,)
    ]
    assert len(upstream.requests) == 400


async def test_the_offline_engine_speaks_both_languages_without_a_key(service: Service) -> None:
    service.add_deck("deck", CARDS)
    service.environment = {"TTS_ENGINE": "espeak"}
    await service.start_api()
    await service.start_worker()

    await service.made("deck", phrases(CARDS))

    for card in CARDS:
        for name, text in ((f"{card}_en.mp3", f"The word is {card}"), (f"{card}_fr.mp3", f"Le mot est {card}")):
            assert accept(card_files(service)[name], text).duration_ms > 500
    assert service.sql("SELECT DISTINCT side, voice FROM tts.clip ORDER BY side") == [("en", "en-us"), ("fr", "fr")]
    assert len(all_files(service)) == 12
