"""The sweep: it takes what nobody needs any more, and nothing else; not while jobs write, and not when it is killed."""

import os
import re
import signal

import pytest

from tests.job_control import locked, waiters
from tests.keeping import add_clips, add_job, age_notes, gc, start_gc, sweep, write
from tests.s3_server import S3Server
from tests.service import Service
from tests.watching import all_files, until
from worker.keeping.tally import Freed, Tally

URL = "http://localhost/storage/tts"
ALL_CARDS = 10_000
STRANGERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def rows(service: Service, table: str) -> int:
    return int(service.sql(f"SELECT count(*) FROM {table}")[0][0])


def figures(said: str, what: str) -> tuple[int, int]:
    """Rows and files of a line of the report."""
    found = re.search(rf"^{what} +([\d,]+) rows +([\d,]+) files", said, re.MULTILINE)
    assert found, said
    return int(found[1].replace(",", "")), int(found[2].replace(",", ""))


def add_ten_thousand_cards(service: Service) -> tuple[set[str], set[str]]:
    """Cards, files and rows of a service in use, a fifth of it garbage. Returns the files that stay, and those that go."""
    cards = [f"card-{number}" for number in range(ALL_CARDS)]
    service.add_deck("deck", cards)
    service.sql(
        f"""UPDATE public."Card" SET "audioUrlEn" = '{URL}/' || "id" || '_en.mp3', "audioUrlFr" = '{URL}/' || "id" || '_fr.mp3'"""
    )
    names = [(card, side, f"{card}_{side}.mp3") for card in cards for side in ("en", "fr")]
    for _, _, name in names:
        write(service.storage / name)
    service.sql(
        """
        INSERT INTO tts.card_audio (card_id, side, text_hash, clip_key, bytes, job_id, job_seq, linked_at)
        SELECT "id", side, 'hash', 'key', 5, 'job', 1, now() - interval '2 days'
        FROM public."Card" CROSS JOIN (VALUES ('en'), ('fr')) AS sides (side)
        """
    )
    service.sql("""DELETE FROM public."Card" WHERE "id" LIKE '%%7' OR "id" LIKE '%%3'""")
    # An app that copies decks: another card has a gone card's audio. And two sides that lost theirs.
    service.add_cards("deck", ["a-copy", "card_en"])
    service.sql(f"""UPDATE public."Card" SET "audioUrlFr" = '{URL}/card-13_en.mp3?v=2' WHERE "id" = 'a-copy'""")
    service.sql(
        """UPDATE tts.card_audio SET bytes = NULL, clip_key = NULL WHERE card_id IN ('card-0', 'card-1') AND side = 'fr'"""
    )
    service.sql("""UPDATE public."Card" SET "audioUrlFr" = NULL WHERE "id" IN ('card-0', 'card-2')""")
    gone = {name for card, _, name in names if card[-1] in "73"} - {"card-13_en.mp3"} | {"card-0_fr.mp3"}
    for stranger in ("card_en_fr.mp3", "welcome.mp3", "notes.txt", ".hidden", ".tmp/notes", ".cache/x.mp3"):
        write(service.storage / stranger, age_days=400)
    return all_files(service) - gone, gone


async def kill_the_sweep_in_the_middle(service: Service) -> None:
    """When the files of its second batch of gone cards are gone, and their rows are not yet."""
    names = len(os.listdir(service.storage))
    service.sql(
        """
        CREATE FUNCTION wait_in_the_middle() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN IF (SELECT count(*) FROM tts.unnamed_audio) < 3600 THEN PERFORM pg_advisory_xact_lock(7); END IF; RETURN NULL; END';
        CREATE TRIGGER in_the_middle AFTER DELETE ON tts.unnamed_audio
        FOR EACH STATEMENT EXECUTE FUNCTION wait_in_the_middle()
        """
    )
    with locked(service, "SELECT pg_advisory_xact_lock(7)"):
        dying = await start_gc(service)
        await until(lambda: waiters(service) == 1)
        dying.send_signal(signal.SIGKILL)
        await dying.wait()
    await until(lambda: service.sql(STRANGERS) == [(0,)])  # what it had locked is free
    service.sql("DROP TRIGGER in_the_middle ON tts.unnamed_audio")
    assert len(os.listdir(service.storage)) <= names - 500


async def test_of_ten_thousand_cards_exactly_what_nobody_needs_is_removed(service: Service) -> None:
    kept, gone = add_ten_thousand_cards(service)
    kept |= set(add_clips(service, range(2_000), unused_days=89))
    gone |= set(add_clips(service, range(10_000, 12_000), unused_days=91))
    gone |= set(add_clips(service, range(20_000, 20_100), unused_days=91, recorded=False))
    kept |= set(add_clips(service, range(21_000, 21_100), unused_days=89, recorded=False))
    for name in ("a" * 32, "b" * 32, "." + "c" * 32):
        write(service.storage / ".tmp" / name, age_days=0.05)
        gone.add(f".tmp/{name}")
    write(service.storage / ".tmp" / ("d" * 32), age_days=0.03)
    kept.add(f".tmp/{'d' * 32}")

    said = await gc(service, "--dry-run")
    assert "4000 more files" in said.replace(",", "")  # no sweep has noted them yet
    assert all_files(service) == kept | gone
    assert rows(service, "tts.unnamed_audio") == 0
    assert rows(service, "tts.card_audio") == 2 * ALL_CARDS

    await sweep(service, clips_kept_days=0)  # notes what has no card; and unfinished files go
    assert rows(service, "tts.unnamed_audio") == 4_000
    age_notes(service, 6.9)
    await sweep(service, clips_kept_days=0)
    card_files = {name for name in kept | gone if not name.startswith(".")}
    assert card_files <= all_files(service)
    age_notes(service, 7.1)
    service.add_cards("deck", ["card-3"])  # it comes back at the last moment
    kept.add("card-3_en.mp3")
    kept.add("card-3_fr.mp3")
    gone -= kept
    dry = (await sweep(service, is_dry=True)).freed
    assert (dry["audio of gone cards"].rows, dry["audio of gone cards"].files) == (0, 3_998)
    assert (dry["unused clips"].rows, dry["unused clips"].files) == (2_000, 2_100)

    await kill_the_sweep_in_the_middle(service)
    left = len(all_files(service) & gone)
    assert left > 0
    assert kept <= all_files(service)

    said = await gc(service)

    assert all_files(service) == kept
    # A batch whose files were gone, and its rows not yet, is told of again.
    assert left <= figures(said, "In all")[1] <= left + 250
    assert rows(service, "tts.clip") == 2_000
    assert rows(service, "tts.unnamed_audio") == 0
    assert (await sweep(service)).total() == Freed()


async def test_old_rows_go_and_others_stay(service: Service) -> None:
    for job_id, days in (("old", 30.1), ("young", 29.9), ("unfinished", None)):
        add_job(service, job_id, days, "processing" if days is None else "failed", clips=400)
    add_job(service, "run again by hand", 31, "pending")
    add_job(service, "of a deck that is gone", 31)
    add_job(service, "of a deck that is gone, and never run", None, "pending")
    add_job(service, "of a deck that is gone, and running", None, "processing")
    service.sql("""DELETE FROM public."TtsJob" WHERE "id" LIKE 'of a deck%%'""")
    for status, job_id in (("doing", "of a deck that is gone, and running"), ("failed", "x"), ("aborted", "y")):
        service.sql(
            """
            INSERT INTO tts.procrastinate_jobs (queue_name, task_name, lock, args, status)
            VALUES ('tts', 'run_job', %s, jsonb_build_object('job_id', %s::text), %s::tts.procrastinate_job_status)
            """,
            job_id,
            job_id,
            status,
        )
    service.sql(
        """
        INSERT INTO tts.procrastinate_events (job_id, type, at)
        SELECT id, 'deferred', now() - CASE lock WHEN 'y' THEN interval '23 hours' ELSE interval '25 hours' END
        FROM tts.procrastinate_jobs
        """
    )
    # Memolist's Node version wrote this one.
    service.sql(
        """
        INSERT INTO public."TtsJob" ("id", "status", "totalPhrases", "phrases", "createdAt", "completedAt")
        VALUES ('of the Node version', 'completed', 1, '[]', now() - interval '3 years', now() - interval '3 years')
        """
    )
    # And has a table of its own that refers to jobs.
    add_job(service, "referred to", 40)
    service.sql('CREATE TABLE public."Invoice" ("jobId" TEXT REFERENCES public."TtsJob" ("id"))')
    service.sql("""INSERT INTO public."Invoice" VALUES ('referred to')""")
    service.sql(
        """
        INSERT INTO tts.idempotency_key (user_id, key, body_hash, job_id, created_at)
        SELECT 'user ' || n, 'key', 'hash', 'job', now() - make_interval(hours => n) FROM generate_series(1, 5000) AS n
        """
    )
    service.storage.mkdir()
    before = {table: rows(service, table) for table in ("tts.job", "tts.job_clip", 'public."TtsJob"')}

    dry = await sweep(service, is_dry=True)
    assert {table: rows(service, table) for table in before} == before
    wet = await sweep(service)

    assert {job_id for (job_id,) in service.sql("SELECT id FROM tts.job")} == {
        "young",
        "unfinished",
        "run again by hand",
        "of a deck that is gone, and running",
        "referred to",
    }
    assert {job_id for (job_id,) in service.sql('SELECT "id" FROM public."TtsJob"')} == {
        "young",
        "unfinished",
        "run again by hand",
        "of the Node version",
        "referred to",
    }
    assert rows(service, "tts.job_clip") == 806
    assert rows(service, "tts.idempotency_key") == 23
    assert {lock for (lock,) in service.sql("SELECT lock FROM tts.procrastinate_jobs")} == {
        "of a deck that is gone, and running",
        "y",
    }
    assert rows(service, "tts.procrastinate_events") == 2
    assert wet.total().rows == dry.total().rows - 4  # of the job that could not go
    assert (await sweep(service, jobs_kept_days=0)).total().rows == 0


async def test_the_audio_of_another_database_is_held_back(service: Service) -> None:
    names = {f"card-{number}_en.mp3" for number in range(150)}
    for name in names:
        write(service.storage / name)
    await sweep(service)
    age_notes(service, 8)

    said = await gc(service, code=1)

    assert "150 files stay" in said
    assert all_files(service) == names
    assert figures(await gc(service, "--nearly-all"), "audio of gone cards") == (0, 150)
    assert all_files(service) == set()


@pytest.mark.parametrize("setting", ["jobs_kept_days", "clips_kept_days", "gone_audio_kept_days"])
async def test_zero_days_are_for_ever(service: Service, setting: str) -> None:
    add_job(service, "old", 400)
    [clip] = add_clips(service, range(1), unused_days=400)
    write(service.storage / "card_en.mp3")
    await sweep(service)  # notes the file; the job and the clip are not there any more
    age_notes(service, 400)
    add_job(service, "old", 400)
    add_clips(service, range(1), unused_days=400)

    await sweep(service, **{setting: 0})  # type: ignore[arg-type]

    left = (rows(service, "tts.job") == 1, clip in all_files(service), "card_en.mp3" in all_files(service))
    assert left == tuple(name == setting for name in ("jobs_kept_days", "clips_kept_days", "gone_audio_kept_days"))


async def test_a_card_that_comes_back_in_the_middle_of_a_sweep_keeps_its_audio(service: Service) -> None:
    service.add_deck("deck", ["other"])
    for card in ("back", "lent", "gone"):
        write(service.storage / f"{card}_en.mp3")
    await sweep(service)
    age_notes(service, 8)

    def bring_back(tally: Tally) -> None:
        # The clips come after all files have been looked at, and before the first goes.
        if "unused clips" in tally.freed and not service.sql("""SELECT 1 FROM public."Card" WHERE "id" = 'back'"""):
            service.add_cards("deck", ["back"])
            service.sql(f"""UPDATE public."Card" SET "audioUrlFr" = '{URL}/lent_en.mp3' WHERE "id" = 'other'""")

    tally = await sweep(service, tally=Tally(bring_back))

    assert all_files(service) == {"back_en.mp3", "lent_en.mp3"}
    assert tally.freed["audio of gone cards"].files == 1
    assert rows(service, "tts.unnamed_audio") == 0


async def test_a_bucket_is_swept_as_a_folder_is(service: Service, s3: S3Server) -> None:
    service.environment |= s3.environment
    service.add_deck("deck", ["here"])
    old, young = add_clips(service, range(3), unused_days=91), add_clips(service, range(3, 5), unused_days=89)
    stay = {*young, "here_en.mp3", ".cache/probe", "stranger.mp3"}
    for key in (*old, *stay, "gone_en.mp3", "gone_fr.mp3", "-x_fr.mp3"):
        await s3.put(key, b"audio")

    first = await sweep(service)
    age_notes(service, 8)
    dry = await sweep(service, is_dry=True)
    second = await sweep(service)

    assert set(await s3.keys()) == stay
    assert (first.total().files, first.waiting) == (3, 3)
    assert (dry.total().files, dry.total().bytes) == (second.total().files, second.total().bytes) == (3, 15)


async def test_workers_sweep_by_themselves(service: Service) -> None:
    write(service.storage / ".tmp" / ("a" * 32), age_days=1)
    service.sql(
        """
        INSERT INTO tts.idempotency_key (user_id, key, body_hash, job_id, created_at)
        VALUES ('anna', 'key', 'hash', 'job', now() - interval '2 days')
        """
    )
    for _ in range(2):
        await service.start_worker(GC_INTERVAL_HOURS=str(2 / 3_600))

    await until(lambda: service.log("worker").count("swept") > 2)

    assert rows(service, "tts.idempotency_key") == 0
    assert all_files(service) == set()
    assert service.sql("SELECT ended_at > began_at FROM tts.sweep") in ([(True,)], [(False,)])
    assert "sweep failed" not in service.log("worker")
