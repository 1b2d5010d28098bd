"""What is made once and never again, what is made anew, and what is found again after a loss."""

import shutil

import aiohttp
import pytest

from tests.nginx_server import running_nginx
from tests.service import Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import all_files, cached_clips, card_files, spoken, voice

CARDS = ["card-1", "card-2"]


def for_cards(prefix: str, of: list[dict[str, str]]) -> list[dict[str, str]]:
    """The same texts on other cards."""
    return [phrase | {"cardId": prefix + phrase["cardId"]} for phrase in of]


async def test_a_changed_text_speaks_at_the_same_url(running: Service, upstream: SpeechServer) -> None:
    running.add_deck("deck", CARDS)
    first = await running.made("deck", phrases(CARDS))
    changed = phrases(["card-1"], " indeed") + phrases(["card-2"])

    second = await running.made("deck", changed)

    assert second["resultUrls"] == first["resultUrls"]
    assert spoken(running, "card-1_en.mp3") == "The word is card-1 indeed"
    assert spoken(running, "card-2_en.mp3") == "The word is card-2"
    assert len(upstream.requests) == 4 + 2


async def test_the_same_texts_cost_nothing_for_any_card_deck_or_user(running: Service, upstream: SpeechServer) -> None:
    texts = phrases(CARDS)
    for deck, prefix, user in (("deck", "", "anna"), ("other", "o-", "anna"), ("bens", "b-", "ben")):
        running.add_deck(deck, [prefix + card for card in CARDS], user)
    await running.made("deck", texts)

    await running.made("deck", texts)
    await running.made("other", for_cards("o-", texts))
    await running.made("bens", for_cards("b-", texts), user="ben")

    assert len(upstream.requests) == 4
    assert spoken(running, "b-card-2_fr.mp3") == spoken(running, "o-card-2_fr.mp3") == "Le mot est card-2"


async def test_a_cached_rerun_leaves_no_extra_file(running: Service) -> None:
    running.add_deck("deck", CARDS)
    await running.made("deck", phrases(CARDS))
    before = all_files(running)

    await running.made("deck", phrases(CARDS))

    assert all_files(running) == before
    assert len(before) == 4 + 4  # a file for each card's side, one for each clip


async def test_another_voice_and_model_are_for_new_cards_only(service: Service, upstream: SpeechServer) -> None:
    service.add_deck("deck", [*CARDS, "new"])
    await service.start_api()
    worker = await service.start_worker()
    await service.made("deck", phrases(CARDS))
    await service.stop(worker)
    await service.start_worker(TTS_VOICE_EN="cedar", TTS_MODEL="tts-9")

    await service.made("deck", phrases(CARDS))
    assert len(upstream.requests) == 4

    await service.made("deck", phrases([*CARDS, "new"]))
    assert sorted((request.voice, request.model) for request in upstream.requests[4:]) == [
        ("cedar", "tts-9"),
        ("marin", "tts-9"),
    ]
    assert (voice(service, "card-1_en.mp3"), voice(service, "new_en.mp3")) == ("marin", "cedar")


async def test_identical_texts_in_a_job_are_made_once(running: Service, upstream: SpeechServer) -> None:
    cards = [f"card-{number}" for number in range(20)]
    running.add_deck("deck", cards)

    await running.made("deck", [{"textEn": "Hello there", "textFr": "Bonjour", "cardId": card} for card in cards])

    assert sorted(upstream.texts) == ["Bonjour", "Hello there"]
    assert {spoken(running, f"{card}_fr.mp3") for card in cards} == {"Bonjour"}


async def test_regenerate_makes_every_clip_anew(running: Service, upstream: SpeechServer) -> None:
    running.add_deck("deck", CARDS)
    await running.made("deck", phrases(CARDS))
    before, files = card_files(running), all_files(running)

    await running.made("deck", phrases(CARDS), regenerate=True)

    assert len(upstream.requests) == 8
    assert all(audio != before[name] for name, audio in card_files(running).items())
    assert all_files(running) == files


@pytest.mark.parametrize(
    ("lost", "requests"), [("a card's file", 0), ("the cache", 0), ("both", 1), ("the whole storage", 4)]
)
async def test_what_is_lost_is_found_or_made_again(
    running: Service, upstream: SpeechServer, lost: str, requests: int
) -> None:
    running.add_deck("deck", CARDS)
    await running.made("deck", phrases(CARDS))
    before = card_files(running)
    if lost in ("the cache", "both"):
        shutil.rmtree(running.storage / ".cache")
    if lost in ("a card's file", "both"):
        (running.storage / "card-1_en.mp3").unlink()
    if lost == "the whole storage":
        for entry in running.storage.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    await running.made("deck", phrases(CARDS))

    assert len(upstream.requests) == 4 + requests
    assert card_files(running).keys() == before.keys()
    assert spoken(running, "card-1_en.mp3") == "The word is card-1"
    if not requests:
        assert card_files(running) == before


async def test_a_spoiled_clip_in_the_cache_is_made_again(running: Service, upstream: SpeechServer) -> None:
    running.add_deck("deck", [*CARDS, "o-card-1", "o-card-2"])
    await running.made("deck", phrases(CARDS))
    for name in cached_clips(running):
        (running.storage / ".cache" / name[:2] / name).write_bytes(b"<html>")

    await running.made("deck", for_cards("o-", phrases(CARDS)))

    assert len(upstream.requests) == 8
    assert spoken(running, "o-card-1_en.mp3") == "The word is card-1"


async def test_clips_of_equal_size_that_change_places_are_never_answered_304(running: Service) -> None:
    running.add_deck("deck", CARDS)
    texts = phrases(CARDS)
    swapped = [phrase | {"cardId": other} for phrase, other in zip(texts, reversed(CARDS), strict=True)]
    with running_nginx(running.storage, running.url.removeprefix("http://")) as nginx:
        async with aiohttp.ClientSession() as client:
            await running.made("deck", texts)
            for now in (swapped, texts):
                known = await validators(client, nginx)
                await running.made("deck", now)
                for headers in known:
                    async with client.get(f"{nginx}/storage/tts/card-1_en.mp3", headers=headers) as answer:
                        assert answer.status == 200
                        assert await answer.read() == card_files(running)["card-1_en.mp3"]
    assert len(card_files(running)["card-1_en.mp3"]) == len(card_files(running)["card-2_en.mp3"])


async def validators(client: aiohttp.ClientSession, nginx: str) -> list[dict[str, str]]:
    """What a browser that has the clip asks with."""
    async with client.get(f"{nginx}/storage/tts/card-1_en.mp3") as answer:
        return [
            {"If-None-Match": answer.headers["ETag"]},
            {"If-Modified-Since": answer.headers["Last-Modified"]},
        ]
