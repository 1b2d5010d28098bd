"""Workers that die or freeze in the middle of a job: another finishes it, and nothing is paid for twice but what was under way."""

import signal

from tests.aftermath import assert_spoken, empty_the_queue, kill, lost_requests, record
from tests.service import Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import card_files, queue_jobs, until

CARDS = [f"card-{number}" for number in range(10)]
CLIPS = 20
# In flight, answered and being checked, or on the way to the disk.
MOST_LOST = 8
HELD = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"


async def test_another_live_worker_finishes_the_job_of_one_that_was_killed(
    service: Service, upstream: SpeechServer
) -> None:
    upstream.fail("hang", text=CARDS[-1])  # or it would be done before the second worker has started
    service.add_deck("deck", CARDS)
    await service.start_api()
    doomed = await service.start_worker()
    job_id = await service.post("deck", phrases(CARDS))
    await until(lambda: card_files(service))
    await service.start_worker()
    next_job = await service.post("deck", phrases(CARDS[:1], " changed"))

    await kill(service, doomed)
    lost = await lost_requests(service, upstream)
    upstream.heal()

    job = await service.ended(job_id)
    assert (job["status"], job["processedCount"], job["errorMessage"]) == ("completed", 10, None)
    assert (await service.ended(next_job))["status"] == "completed"  # its deck is free again
    assert len(upstream.requests) == CLIPS + 2 + lost
    assert lost <= MOST_LOST
    assert record(service, job_id, "clips_made", "clips_cached") == (CLIPS, 0)
    assert_spoken(service, phrases(CARDS[:1], " changed") + phrases(CARDS[1:]))


async def test_the_same_worker_started_anew_finishes_the_job_in_which_it_was_killed(
    service: Service, upstream: SpeechServer
) -> None:
    upstream.latency_seconds = 0.3
    service.add_deck("deck", CARDS)
    await service.start_api()
    doomed = await service.start_worker()
    job_id = await service.post("deck", phrases(CARDS))
    await until(lambda: card_files(service))

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
    upstream.fail("hang", text="card-")
    service.add_deck("deck", CARDS)
    service.add_deck("busy", ["busy"])
    await service.start_api()
    doomed = await service.start_worker()
    job_id = await service.post("deck", phrases(CARDS))
    await until(lambda: upstream.requests)
    upstream.fail("slow", text="busy", seconds=8)
    await service.start_worker(WORKER_CONCURRENCY="1")
    # The doomed one could take this too: it is stopped while the other does.
    doomed.send_signal(signal.SIGSTOP)
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
    upstream.latency_seconds = 0.3
    service.add_deck("deck", CARDS)
    service.add_deck("other", ["other"])
    await service.start_api()
    frozen = await service.start_worker()
    job_id = await service.post("deck", phrases(CARDS))
    await until(lambda: card_files(service))
    frozen.send_signal(signal.SIGSTOP)
    rescuer = await service.start_worker()
    await service.ended(job_id)
    later = await service.post("deck", phrases(CARDS, " changed"))
    assert (await service.ended(later))["status"] == "completed"
    await until(lambda: queue_jobs(service) == [])
    files, rows, asked = card_files(service), written(service), len(upstream.requests)

    frozen.send_signal(signal.SIGCONT)
    await until(lambda: "not this worker's any more" in service.log("worker"))
    await until(lambda: not upstream.in_flight)

    assert (card_files(service), written(service)) == (files, rows)
    assert record(service, job_id, "clips_made", "clips_cached", "deaths") == (CLIPS, 0, 0)
    assert record(service, later, "clips_made", "clips_cached", "deaths") == (CLIPS, 0, 0)
    assert_spoken(service, phrases(CARDS, " changed"))
    assert len(upstream.requests) - asked <= MOST_LOST
    # It works on.
    assert await service.stop(rescuer) == 0
    await service.made("other", phrases(["other"]))


async def test_a_worker_that_wakes_up_while_another_is_at_its_job_leaves_it_to_the_other(
    service: Service, upstream: SpeechServer
) -> None:
    upstream.latency_seconds = 0.3
    service.add_deck("deck", CARDS)
    await service.start_api()
    frozen = await service.start_worker()
    job_id = await service.post("deck", phrases(CARDS))
    await until(lambda: card_files(service))
    frozen.send_signal(signal.SIGSTOP)
    waits = await service.post("deck", phrases(CARDS[:1]))
    made = len(card_files(service))
    await service.start_worker(TTS_MAX_IN_FLIGHT="1")
    await until(lambda: len(card_files(service)) > made)

    frozen.send_signal(signal.SIGCONT)
    await until(lambda: "not this worker's any more" in service.log("worker"))

    assert queue_jobs(service) == ["doing", "todo"]  # the deck is not free
    assert (await service.ended(job_id))["status"] == "completed"
    assert (await service.ended(waits))["status"] == "completed"
    assert record(service, job_id, "clips_made", "clips_cached") == (CLIPS, 0)


async def test_a_worker_that_froze_while_it_put_files_in_place_puts_none_over_later_ones(
    service: Service, upstream: SpeechServer
) -> None:
    """Its transaction holds the job until Postgres ends it. To hit it, workers freeze at several moments."""
    moments = [3, 60]
    cards = {moment: [f"{moment}-{number}" for number in range(100)] for moment in moments}
    service.add_deck("first", (f"card-{number}" for number in range(100)))
    await service.start_api()
    worker = await service.start_worker()
    same = [{"textEn": f"Say {number}", "textFr": f"Dis {number}"} for number in range(100)]
    await service.made("first", [text | {"cardId": f"card-{number}"} for number, text in enumerate(same)])
    await service.stop(worker)
    made = len(upstream.requests)
    frozen = []
    jobs = []
    for moment in moments:
        service.add_deck(f"deck-{moment}", cards[moment])
        worker = await service.start_worker()
        jobs.append(
            await service.post(
                f"deck-{moment}", [text | {"cardId": card} for text, card in zip(same, cards[moment], strict=True)]
            )
        )
        await until(lambda moment=moment: len(list(service.storage.glob(f"{moment}-*"))) >= moment)  # type: ignore[misc]
        worker.send_signal(signal.SIGSTOP)
        frozen.append(worker)
    assert service.sql(HELD) != [(0,)]

    await service.start_worker()
    for job_id in jobs:
        assert (await service.ended(job_id))["status"] == "completed"
    for moment in moments:
        await service.made(f"deck-{moment}", phrases(cards[moment], " changed"))
    files, rows = card_files(service), written(service)
    for worker in frozen:
        worker.send_signal(signal.SIGCONT)
    await until(lambda: service.log("worker").count("not this worker's any more") == len(moments))

    # Not the files and rows themselves: telling the difference of so much takes minutes.
    now = card_files(service)
    assert [name for name in sorted(files | now) if files.get(name) != now.get(name)] == []
    are_rows_the_same = written(service) == rows
    assert are_rows_the_same
    assert len(upstream.requests) == made + 200 * len(moments)
    assert_spoken(service, [phrase for moment in moments for phrase in phrases(cards[moment], " changed")])


async def test_a_machine_that_slept_in_the_middle_of_a_job_goes_on_with_it(
    service: Service, upstream: SpeechServer
) -> None:
    """So long that Postgres has ended the transaction in which files were put in place."""
    same = [{"textEn": f"Say {number}", "textFr": f"Dis {number}"} for number in range(100)]
    for deck in ("first", "second"):
        service.add_deck(deck, [f"{deck}-{number}" for number in range(100)])
    await service.start_api()
    worker = await service.start_worker()
    await service.made("first", [text | {"cardId": f"first-{number}"} for number, text in enumerate(same)])
    again = [text | {"cardId": f"second-{number}"} for number, text in enumerate(same)]
    job_id = await service.post("second", again)
    await until(lambda: list(service.storage.glob("second-*")))
    worker.send_signal(signal.SIGSTOP)
    assert service.sql(HELD) != [(0,)]

    await until(lambda: service.sql(HELD) == [(0,)])
    worker.send_signal(signal.SIGCONT)

    assert (await service.ended(job_id))["status"] == "completed"
    assert len(upstream.requests) == 200
    assert_spoken(service, again)


async def test_an_unfinished_job_that_fell_out_of_the_queue_is_put_back(
    service: Service, upstream: SpeechServer
) -> None:
    service.add_deck("deck", CARDS)
    await service.start_api()
    job_id = await service.post("deck", phrases(CARDS))
    empty_the_queue(service)

    await service.start_worker()

    assert (await service.ended(job_id))["status"] == "completed"
    assert len(upstream.requests) == CLIPS


async def test_a_job_that_falls_out_of_the_queue_while_it_runs_ends_once(
    service: Service, upstream: SpeechServer
) -> None:
    upstream.latency_seconds = 0.3
    service.add_deck("deck", CARDS)
    await service.start_api()
    await service.start_worker()
    await service.start_worker()
    job_id = await service.post("deck", phrases(CARDS))
    await until(lambda: card_files(service))

    empty_the_queue(service)

    assert (await service.ended(job_id))["status"] == "completed"
    await until(lambda: queue_jobs(service) == [])
    assert record(service, job_id, "deaths", "run") == (0, None)
    await service.made("deck", phrases(CARDS))  # nobody holds the deck
    assert_spoken(service, phrases(CARDS))


def written(service: Service) -> list[object]:
    """All that only a job's run may write."""
    tables = ('public."TtsJob" ORDER BY "id"', 'public."Card" ORDER BY "id"', "tts.job ORDER BY seq")
    return [service.sql(f"SELECT * FROM {table}") for table in (*tables, "tts.card_audio ORDER BY card_id, side")]
