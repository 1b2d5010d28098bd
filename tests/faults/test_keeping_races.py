"""Sweeps beside jobs: what a card names is there and says its words, however a job and a sweep meet."""

import asyncio
import random

import psycopg

from tests.job_control import WAITERS, locked, waiters
from tests.keeping import age_clips, age_notes, sweep
from tests.service import Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import card_files, card_urls, spoken, until

CARDS = [f"card-{number}" for number in range(12)]
ROUNDS = 12
# In the order in which a job writes them: in another the two would wait for each other.
LONG_UNUSED = "SELECT key FROM tts.clip_use WHERE used_at < now() - interval '1 day' ORDER BY key FOR UPDATE"
GROW_OLD = f"UPDATE tts.clip_use SET used_at = now() - interval '100 days' WHERE key IN ({LONG_UNUSED})"
WAITS_FOR = f"{WAITERS} AND query LIKE %s HAVING count(*) > 0"


async def sweep_all_the_time(service: Service, swept: list[int]) -> None:
    while True:
        tally = await sweep(service, is_sure=True)
        swept.append(tally.total().files)


async def test_a_sweep_takes_nothing_that_a_job_has_found_or_made(service: Service) -> None:
    """Cards go, and come back with words that are in the cache, or in a file that was noted.

    All is due when the job comes, or in the middle of it: but for what it has said it will use.
    """
    dice = random.Random(7)
    service.add_deck("deck", CARDS)
    await service.start_worker()
    swept: list[int] = []
    sweeping = asyncio.create_task(sweep_all_the_time(service, swept))
    for _ in range(ROUNDS):
        gone = dice.sample(CARDS, 6)
        service.sql("""DELETE FROM public."Card" WHERE "id" = ANY(%s)""", gone)
        await asyncio.sleep(dice.random() / 2)  # long enough for a sweep to note some
        # In threads: a sweep, which runs here, may hold the rows.
        await asyncio.to_thread(age_clips, service, dice.choice([50, 100]))
        await asyncio.to_thread(age_notes, service, 10)
        service.add_cards("deck", gone)
        wanted = phrases(CARDS, dice.choice(["", "!"]))
        job_id = await service.post("deck", wanted)
        await asyncio.sleep(dice.random() / 8)
        await asyncio.to_thread(service.sql, GROW_OLD)

        assert (await service.ended(job_id))["status"] == "completed"
        for phrase in wanted:
            card = phrase["cardId"]
            assert all(card_urls(service, card))
            assert spoken(service, f"{card}_en.mp3") == phrase["textEn"]
            assert spoken(service, f"{card}_fr.mp3") == phrase["textFr"]
    assert not sweeping.done()
    sweeping.cancel()
    assert sum(swept) > len(CARDS)


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
