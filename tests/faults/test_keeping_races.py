"""Sweeps beside jobs: whichever comes first, the other waits for it or leaves to it what it has found."""

import psycopg

from tests.job_control import WAITERS, locked, waiters
from tests.keeping import age_clips, sweep
from tests.service import Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import card_files, spoken, until

WAITS_FOR = f"{WAITERS} AND query LIKE %s HAVING count(*) > 0"


async def test_a_job_waits_for_a_sweep_that_removes_what_it_looks_for(service: Service, upstream: SpeechServer) -> None:
    """While it deletes files a sweep holds their rows: a job that did not wait would find what goes."""
    kept, copied = phrases(["kept"]), phrases(["kept"])[0] | {"cardId": "copied"}
    service.add_deck("deck", ["kept", "copied"])
    await service.start_worker()
    await service.made("deck", kept)
    service.sql("INSERT INTO tts.unnamed_audio (name, bytes) VALUES ('kept_en.mp3', 5), ('kept_fr.mp3', 5)")
    asked = len(upstream.requests)

    with psycopg.connect(service.database_url) as sweeping:
        sweeping.execute("SELECT FROM tts.clip_use FOR UPDATE")
        sweeping.execute("SELECT FROM tts.unnamed_audio FOR UPDATE")
        job_id = await service.post("deck", [*kept, copied])
        await until(lambda: waiters(service))
        for path in [*service.storage.glob("*.mp3"), *service.storage.glob(".cache/*/*.mp3")]:
            path.unlink()
        sweeping.execute("DELETE FROM tts.unnamed_audio")
        sweeping.execute("DELETE FROM tts.clip_use")

    assert (await service.ended(job_id))["status"] == "completed"
    assert set(card_files(service)) == {"kept_en.mp3", "kept_fr.mp3", "copied_en.mp3", "copied_fr.mp3"}
    assert len(upstream.requests) == asked + 2


async def test_what_a_job_has_found_stays_until_it_is_linked(service: Service, upstream: SpeechServer) -> None:
    """Nobody had wanted these clips for long. A sweep comes between the moments in which they are found and copied."""
    service.add_deck("deck", ["kept", "copied"])
    await service.start_worker()
    await service.made("deck", phrases(["kept"]))
    age_clips(service, 100)
    asked = len(upstream.requests)
    copied = [phrases(["kept"])[0] | {"cardId": "copied"}]

    with locked(service, "SELECT FROM tts.clip_use FOR UPDATE"):
        job_id = await service.post("deck", copied)
        await until(lambda: service.sql(WAITS_FOR, "%INSERT INTO tts.clip_use%"))
        holding = psycopg.connect(service.database_url)
        holding.execute("SELECT FROM tts.job WHERE id = %s FOR UPDATE", [job_id])
    with holding:
        await until(lambda: service.sql(WAITS_FOR, "%tts.job%FOR UPDATE%"))  # to link what it has found
        await sweep(service, is_sure=True)

    assert (await service.ended(job_id))["status"] == "completed"
    assert spoken(service, "copied_fr.mp3") == copied[0]["textFr"]
    assert len(upstream.requests) == asked
