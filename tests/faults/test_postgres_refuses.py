"""Postgres answers, and refuses: what was asked of it is asked again until it obeys, and no job or deck is held up for good."""

from tests.aftermath import record
from tests.mid_job import held_up_in_a_job
from tests.postgres import Postgres
from tests.service import Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import queue_jobs, until

CARDS = [f"card-{number}" for number in range(5)]


async def test_a_database_that_only_reads_for_a_while_holds_no_job_up(
    service: Service, upstream: SpeechServer, postgres: Postgres
) -> None:
    """Longer than three heartbeats, too, and the upstream answers meanwhile."""
    _, job_id = await held_up_in_a_job(service, upstream, CARDS)
    service.add_deck("other", ["other"])

    with postgres.only_reading():
        for answer in (
            await service.send(b'{"deckId": "other", "phrases": [{"cardId": "other", "textEn": "a", "textFr": "b"}]}'),
            await service.get("/ready"),
        ):
            assert (answer.status, int(answer.headers["Retry-After"]) > 0) == (503, True)
        assert (await service.job(job_id))["status"] == "processing"
        upstream.heal()
        await until(lambda: "a job goes back to the queue" in service.log("worker"))
        refused = service.log("worker").count("ReadOnlySqlTransaction")
        await until(lambda: service.log("worker").count("ReadOnlySqlTransaction") > refused + 10)

    assert (await service.ended(job_id))["status"] == "completed"
    assert len(upstream.requests) == 2 * len(CARDS)
    assert record(service, job_id, "deaths", "clips_made") == (0, 2 * len(CARDS))
    await service.made("deck", phrases(CARDS[:1], " changed"))  # its deck is free
    assert (await service.get("/ready")).status == 200
    assert "[error" not in service.log("worker")


async def test_an_acknowledgement_is_repeated_whatever_kept_it_from_being_taken(service: Service) -> None:
    service.add_deck("deck", CARDS)
    service.sql("CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$")
    service.sql(
        "CREATE TRIGGER no BEFORE UPDATE OR DELETE ON tts.procrastinate_jobs FOR EACH ROW"
        " WHEN (OLD.status = 'doing') EXECUTE FUNCTION no()"
    )
    await service.start_worker()
    await service.made("deck", phrases(CARDS[:1]))
    await until(lambda: service.log("worker").count("cannot be acknowledged; trying again") > 1)

    service.sql("DROP TRIGGER no ON tts.procrastinate_jobs")

    await service.made("deck", phrases(CARDS[1:2]))  # its deck is free
    await until(lambda: queue_jobs(service) == [])
