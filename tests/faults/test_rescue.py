"""Workers that die or freeze in the middle of a job: another finishes it, and nothing is paid for twice but what was under way."""

from tests.aftermath import assert_spoken, empty_the_queue, kill, lost_requests, record
from tests.mid_job import HELD, Worker, busy_with_a_job, freeze, held_up_in_a_job, noticed_its_loss, wake
from tests.service import Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import card_files, queue_jobs, until

CARDS = [f"card-{number}" for number in range(10)]
CLIPS = 20
# In flight, answered and being checked, or on the way to the disk.
MOST_LOST = 8
# What a hundred cards say that need no more than files.
SAME = [{"textEn": f"Say {number}", "textFr": f"Dis {number}"} for number in range(100)]
OPEN = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"
PUTS_FILES = f"{OPEN} AND xact_start > %s AND query LIKE '%%FOR UPDATE%%'"
LATEST_BEAT = "SELECT max(last_heartbeat) FROM tts.procrastinate_workers"


async def test_another_live_worker_finishes_the_job_of_one_that_was_killed(
    service: Service, upstream: SpeechServer
) -> None:
    doomed, job_id = await held_up_in_a_job(service, upstream, CARDS)
    await service.start_worker()
    next_job = await service.post("deck", phrases(CARDS[:1], " changed"))

    await kill(service, doomed)
    upstream.heal()

    job = await service.ended(job_id)
    assert (job["status"], job["processedCount"], job["errorMessage"]) == ("completed", 10, None)
    assert (await service.ended(next_job))["status"] == "completed"  # its deck is free again
    assert len(upstream.requests) == CLIPS + HELD + 2
    assert record(service, job_id, "clips_made", "clips_cached") == (CLIPS, 0)
    assert_spoken(service, phrases(CARDS[:1], " changed") + phrases(CARDS[1:]))


async def test_the_same_worker_started_anew_finishes_the_job_in_which_it_was_killed(
    service: Service, upstream: SpeechServer
) -> None:
    doomed, job_id = await busy_with_a_job(service, upstream, CARDS)

    await kill(service, doomed)
    lost = await lost_requests(service, upstream)
    await service.start_worker()

    assert (await service.ended(job_id))["status"] == "completed"
    assert len(upstream.requests) == CLIPS + lost
    assert lost <= MOST_LOST
    await until(lambda: queue_jobs(service) == [])


async def test_a_worker_that_is_full_still_brings_back_the_jobs_of_dead_ones(
    service: Service, upstream: SpeechServer
) -> None:
    service.environment |= {"WORKER_CONCURRENCY": "1", "WORKER_HEARTBEAT_S": "2"}
    doomed, job_id = await held_up_in_a_job(service, upstream, CARDS)
    upstream.fail("held", text="busy")
    service.add_deck("busy", ["busy"])
    await service.start_worker()
    busy = await service.post("busy", phrases(["busy"]))
    await until(lambda: "busy" in str(upstream.texts))

    await kill(service, doomed)
    await until(lambda: queue_jobs(service) == ["todo", "doing"])

    assert (await service.job(busy))["status"] == "processing"
    upstream.heal()
    assert (await service.ended(busy))["status"] == "completed"
    assert (await service.ended(job_id))["status"] == "completed"


async def test_a_worker_that_wakes_up_changes_nothing_of_what_others_have_done_meanwhile(
    service: Service, upstream: SpeechServer
) -> None:
    service.add_deck("other", ["other"])
    frozen, job_id = await held_up_in_a_job(service, upstream, CARDS)
    freeze(frozen)
    upstream.heal()
    rescuer = await service.start_worker()
    await service.ended(job_id)
    later = (await service.made("deck", phrases(CARDS, " changed")))["id"]
    await until(lambda: queue_jobs(service) == [])
    files, rows, asked = card_files(service), written(service), len(upstream.requests)

    wake(frozen)
    await noticed_its_loss(service)

    assert (card_files(service), written(service)) == (files, rows)
    for job in (job_id, later):
        assert record(service, job, "clips_made", "clips_cached", "deaths") == (CLIPS, 0, 0)
    assert_spoken(service, phrases(CARDS, " changed"))
    assert len(upstream.requests) == asked == 2 * CLIPS + HELD
    # It works on.
    assert await service.stop(rescuer) == 0
    await service.made("other", phrases(["other"]))


async def test_a_worker_that_wakes_up_while_another_is_at_its_job_leaves_it_to_the_other(
    service: Service, upstream: SpeechServer
) -> None:
    frozen, job_id = await held_up_in_a_job(service, upstream, CARDS)
    freeze(frozen)
    upstream.heal()
    await until(lambda: not upstream.in_flight)
    waits = await service.post("deck", phrases(CARDS[:1]))
    upstream.fail("held")
    await service.start_worker()
    await until(lambda: upstream.in_flight == HELD)

    wake(frozen)  # to the answers that it had waited for
    await noticed_its_loss(service)

    assert queue_jobs(service) == ["doing", "todo"]  # the deck is not free
    assert record(service, job_id, "clips_made", "ended_at") == (CLIPS - HELD, None)
    upstream.heal()
    assert (await service.ended(job_id))["status"] == "completed"
    assert (await service.ended(waits))["status"] == "completed"
    assert record(service, job_id, "clips_made", "clips_cached") == (CLIPS, 0)


async def test_a_worker_that_froze_while_it_put_files_in_place_puts_none_over_later_ones(
    service: Service, upstream: SpeechServer
) -> None:
    """Its transaction holds the job until Postgres ends it. Workers freeze at their first files, and at later ones."""
    worker = await with_audio_for_hundreds(service)
    frozen = [worker]
    decks = [await freeze_among_files(service, worker, least=3)]
    frozen.append(await service.start_worker())
    decks.append(await freeze_among_files(service, frozen[1], least=60))

    await service.start_worker()
    for deck, job_id in decks:
        assert (await service.ended(job_id))["status"] == "completed"
        await service.made(deck, phrases(cards_of(deck), " changed"))
    files, rows = card_files(service), written(service)
    for worker in frozen:
        wake(worker)
    await noticed_its_loss(service, times=len(frozen))

    # Not the files and rows themselves: telling the difference of so much takes minutes.
    now = card_files(service)
    assert [name for name in sorted(files | now) if files.get(name) != now.get(name)] == []
    are_rows_the_same = written(service) == rows
    assert are_rows_the_same
    assert len(upstream.requests) == 200 + 200 * len(decks)
    assert_spoken(service, [phrase for deck, _ in decks for phrase in phrases(cards_of(deck), " changed")])


async def test_a_machine_that_slept_in_the_middle_of_a_job_goes_on_with_it(
    service: Service, upstream: SpeechServer
) -> None:
    """So long that Postgres has ended the transaction in which files were put in place, and that all its workers look dead."""
    service.environment |= {"WORKER_HEARTBEAT_S": "3", "WORKER_CONCURRENCY": "1"}
    late, held_up = await held_up_in_a_job(service, upstream, CARDS)
    early = await with_audio_for_hundreds(service)
    deck, job_id = await freeze_among_files(service, early, least=1)
    freeze(late)

    looks_dead = "SELECT 1 FROM tts.procrastinate_workers WHERE last_heartbeat < now() - interval '9 seconds'"
    await until(lambda: len(service.sql(looks_dead)) == 2 and not service.sql(OPEN))
    wake(early)
    for _ in range(2):
        last = service.sql(LATEST_BEAT)
        await until(lambda last=last: service.sql(LATEST_BEAT) != last)  # type: ignore[misc]
    wake(late)
    upstream.heal()

    assert (await service.ended(job_id))["status"] == "completed"
    assert (await service.ended(held_up))["status"] == "completed"
    assert "a worker died" not in service.log("worker")
    assert len(upstream.requests) == 200 + CLIPS
    assert_spoken(service, on_cards(deck) + phrases(CARDS))


async def test_an_unfinished_job_that_fell_out_of_the_queue_is_put_back(
    service: Service, upstream: SpeechServer
) -> None:
    service.add_deck("deck", CARDS)
    job_id = await service.post("deck", phrases(CARDS))
    empty_the_queue(service)

    await service.start_worker()

    assert (await service.ended(job_id))["status"] == "completed"
    assert len(upstream.requests) == CLIPS


async def test_a_job_that_falls_out_of_the_queue_while_it_runs_ends_once(
    service: Service, upstream: SpeechServer
) -> None:
    _, job_id = await held_up_in_a_job(service, upstream, CARDS)
    run = record(service, job_id, "run")

    empty_the_queue(service)
    await until(lambda: record(service, job_id, "run") != run)
    upstream.heal()

    assert (await service.ended(job_id))["status"] == "completed"
    await noticed_its_loss(service)
    await until(lambda: queue_jobs(service) == [])
    assert service.log("worker").count("a job ended") == 1
    assert record(service, job_id, "deaths", "run") == (0, None)
    await service.made("deck", phrases(CARDS))  # nobody holds the deck
    assert_spoken(service, phrases(CARDS))


def cards_of(deck: str) -> list[str]:
    return [f"{deck}-{number}" for number in range(len(SAME))]


def on_cards(deck: str) -> list[dict[str, str]]:
    return [text | {"cardId": card} for text, card in zip(SAME, cards_of(deck), strict=True)]


async def with_audio_for_hundreds(service: Service) -> Worker:
    """A worker, and clips from which it can give a whole deck its files within one transaction."""
    service.add_deck("first", cards_of("first"))
    worker = await service.start_worker()
    await service.made("first", on_cards("first"))
    return worker


async def freeze_among_files(service: Service, worker: Worker, least: int) -> tuple[str, str]:
    """Freezes it while it puts files in place and so many are, in as many decks as it takes to hit that. Returns deck and job."""
    tries = 0
    while True:
        tries += 1
        deck = f"deck-{least}-{tries}"
        service.add_deck(deck, cards_of(deck))
        [(before,)] = service.sql("SELECT clock_timestamp()")
        job_id = await service.post(deck, on_cards(deck))
        await until(lambda deck=deck: len(list(service.storage.glob(f"{deck}-*"))) >= least)  # type: ignore[misc]
        freeze(worker)
        if service.sql(PUTS_FILES, before):
            return deck, job_id
        wake(worker)
        await service.ended(job_id)


def written(service: Service) -> list[object]:
    """All that only a job's run may write."""
    tables = ('public."TtsJob" ORDER BY "id"', 'public."Card" ORDER BY "id"', "tts.job ORDER BY seq")
    return [service.sql(f"SELECT * FROM {table}") for table in (*tables, "tts.card_audio ORDER BY card_id, side")]
