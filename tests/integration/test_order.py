"""Which job comes when, and which one wins where two speak the same card."""

from pydantic import SecretStr
from sqlalchemy import update

from shared.database import create_engine, create_sessions
from shared.models import TtsJob
from shared.queue import create_queue, enqueue
from shared.settings import Settings
from tests.service import Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import card_files, card_urls, queue_jobs, spoken, until

CARDS = ["card-1", "card-2"]


async def run_again(service: Service, job_id: str, deck_id: str) -> None:
    """Queues a job that has ended, as a retry does."""
    settings = Settings(database_url=SecretStr(service.database_url))
    database = create_engine(settings, pool_size=1)
    async with create_sessions(database).begin() as session:
        await session.execute(update(TtsJob).where(TtsJob.id == job_id).values(status="pending"))
        await enqueue(create_queue(settings), session, job_id, deck_id)
    await database.dispose()


async def failed(service: Service, upstream: SpeechServer, of: list[dict[str, str]]) -> str:
    """A job of which nothing could be made."""
    upstream.fail("refused")
    job_id = await service.post("deck", of)
    assert (await service.ended(job_id))["status"] == "failed"
    upstream.heal()
    return job_id


async def test_an_older_job_that_runs_again_gives_way_to_the_later_one(
    running: Service, upstream: SpeechServer
) -> None:
    running.add_deck("deck", ["card-1"])
    older = await failed(running, upstream, phrases(["card-1"], " before"))
    await running.made("deck", phrases(["card-1"], " after"))
    files, urls, requests = card_files(running), card_urls(running, "card-1"), len(upstream.requests)

    await run_again(running, older, "deck")
    job = await running.ended(older)

    assert job["status"] == "failed"
    assert job["errorMessage"] == "2 of 2 clips failed: superseded by a later job"
    assert job["resultUrls"] == [
        {"cardId": "card-1", "audioUrlEn": None, "audioUrlFr": None, "error": "superseded by a later job"}
    ]
    assert (card_files(running), card_urls(running, "card-1"), len(upstream.requests)) == (files, urls, requests)


async def test_an_older_job_with_a_blank_side_leaves_the_later_ones_url(
    running: Service, upstream: SpeechServer
) -> None:
    running.add_deck("deck", ["card-1"])
    older = await failed(running, upstream, [{"textEn": "Before", "textFr": "", "cardId": "card-1"}])
    await running.made("deck", phrases(["card-1"]))
    urls = card_urls(running, "card-1")

    await run_again(running, older, "deck")

    assert (await running.ended(older))["resultUrls"][0]["error"] == "superseded by a later job"
    assert card_urls(running, "card-1") == urls
    assert spoken(running, "card-1_fr.mp3") == "Le mot est card-1"


async def test_an_older_job_does_not_fill_what_a_later_one_left_empty(running: Service, upstream: SpeechServer) -> None:
    running.add_deck("deck", CARDS)
    older = await failed(running, upstream, phrases(CARDS, " before"))
    blank = [phrase | {"textFr": ""} for phrase in phrases(["card-1"])]
    await failed(running, upstream, blank + phrases(["card-2"], " after"))

    await run_again(running, older, "deck")
    job = await running.ended(older)

    assert {entry["error"] for entry in job["resultUrls"]} == {"superseded by a later job"}
    assert card_files(running) == {}


async def test_an_older_job_that_says_the_same_makes_what_the_later_one_could_not(
    running: Service, upstream: SpeechServer
) -> None:
    running.add_deck("deck", ["card-1"])
    older = await failed(running, upstream, phrases(["card-1"]))
    await failed(running, upstream, phrases(["card-1"]))

    await run_again(running, older, "deck")

    assert (await running.ended(older))["status"] == "completed"
    assert spoken(running, "card-1_en.mp3") == "The word is card-1"
    assert None not in card_urls(running, "card-1")


async def test_jobs_of_one_deck_never_overlap_and_run_in_order(running: Service, upstream: SpeechServer) -> None:
    running.add_deck("deck", CARDS)
    await running.start_worker()
    upstream.latency_seconds = 0.2
    tags = [" first", " second", " third"]

    jobs = [await running.post("deck", phrases(CARDS, tag)) for tag in tags]
    for job_id in jobs:
        assert (await running.ended(job_id))["status"] == "completed"

    assert [text.rpartition(" ")[2] for text in upstream.texts] == ["first"] * 4 + ["second"] * 4 + ["third"] * 4
    for earlier, later in ((0, 4), (4, 8)):
        ends = [request.ended_at or 0 for request in upstream.requests[earlier : earlier + 4]]
        assert max(ends) <= min(request.started_at for request in upstream.requests[later : later + 4])
    assert spoken(running, "card-1_en.mp3") == "The word is card-1 third"


async def test_a_deck_does_not_wait_for_another(running: Service, upstream: SpeechServer) -> None:
    running.add_deck("slow", ["slow-1"])
    running.add_deck("deck", CARDS)
    upstream.fail("hang", text="slow-1")
    slow = await running.post("slow", phrases(["slow-1"]))
    await until(lambda: upstream.requests)

    await running.made("deck", phrases(CARDS))

    assert (await running.job(slow))["status"] == "processing"


async def test_a_job_of_a_deck_waits_while_the_one_before_it_runs(running: Service, upstream: SpeechServer) -> None:
    running.add_deck("deck", CARDS)
    running.add_deck("other", ["other-1"])
    upstream.fail("hang", text="card-1")
    await running.post("deck", phrases(["card-1"]))
    await until(lambda: upstream.requests)
    waiting = await running.post("deck", phrases(["card-2"]))

    await running.made("other", phrases(["other-1"]))  # came later, and ran: the worker has looked at them all

    await until(lambda: len(queue_jobs(running)) == 2)  # the other's is taken out a moment after its end
    assert (await running.job(waiting))["status"] == "pending"
    assert queue_jobs(running) == ["doing", "todo"]
