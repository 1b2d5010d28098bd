"""Servers that ignore `response_format`, and answers with status 200 that are no audio: what is stored, and who is told what."""

import miniaudio

from tests.service import Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import card_files
from worker.audio import accept

READABLE = ["wav", "streamed_wav", "flac", "vorbis", "opus"]
UNREADABLE = {
    "m4a": "The audio is MP4, which is not supported.",
    "pcm": "raw PCM does not say what it is",
    "cut_wav": "The WAV is cut short",
    "json": "The answer is JSON, not audio. It says: {",
    "html": "The answer is HTML or XML, not audio. It says: Please log in",
    "words": "The answer is text, not audio. It says: Upstream overloaded, try later.",
}
WORDS_OF_ANSWERS = ("voice could not be loaded", "Please log in", "Upstream overloaded", "try later")


async def start(service: Service, **environment: str) -> None:
    await service.start_api()
    await service.start_worker(**environment)


async def test_wav_flac_and_ogg_are_stored_as_mp3(service: Service, upstream: SpeechServer) -> None:
    service.add_deck("deck", READABLE)
    for kind in READABLE:
        upstream.fail(kind, text=f" {kind}")
    await start(service)

    await service.made("deck", phrases(READABLE))

    assert {request.outcome for request in upstream.requests} == set(READABLE)
    assert len(upstream.requests) == 2 * len(READABLE)  # none was tried again
    for phrase in phrases(READABLE):
        for side, text in (("en", phrase["textEn"]), ("fr", phrase["textFr"])):
            mp3 = (service.storage / f"{phrase['cardId']}_{side}.mp3").read_bytes()
            assert miniaudio.mp3_get_info(mp3).nchannels == 1
            assert accept(mp3, text).mp3 == mp3


async def test_what_is_no_audio_tells_the_jobs_owner_why_and_the_log_without_its_words(
    service: Service, upstream: SpeechServer
) -> None:
    service.add_deck("deck", [*UNREADABLE, *(f"good-{kind}" for kind in UNREADABLE)])
    for kind in UNREADABLE:
        upstream.fail(kind, text=f" {kind}")
    await start(service, TTS_MAX_ATTEMPTS="2", LOG_LEVEL="debug")

    for kind, reason in UNREADABLE.items():
        job = await service.ended(await service.post("deck", phrases([f"good-{kind}", kind])))

        assert job["status"] == "failed"
        assert reason in job["errorMessage"]
        assert reason in job["resultUrls"][1]["error"]

    assert card_files(service).keys() == {f"good-{kind}_{side}.mp3" for kind in UNREADABLE for side in ("en", "fr")}
    assert {kind: outcomes(upstream, kind) for kind in UNREADABLE} == {kind: [kind] * 4 for kind in UNREADABLE}
    log = service.log("worker") + service.log("api")
    assert log.count("tried again") == 2 * len(UNREADABLE)
    assert not [words for words in WORDS_OF_ANSWERS if words in log]


def outcomes(upstream: SpeechServer, card: str) -> list[str]:
    """What became of the requests for a card."""
    return [request.outcome for request in upstream.requests if request.text.endswith(f" {card}")]
