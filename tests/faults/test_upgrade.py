"""A deploy: the previous release's workers go on working on the schema of this one, beside its own, until they are stopped or die."""

import re
import signal
from collections import Counter
from pathlib import Path

from tests.aftermath import assert_spoken
from tests.integration.test_worker_start import run
from tests.job_control import cancel, detail, outcomes
from tests.previous_release import export_previous_release
from tests.service import ENDED, Service, phrases
from tests.speech_server import SpeechServer
from tests.watching import card_urls, queue_jobs, until

DECKS = {f"deck-{deck:02}": [f"deck-{deck:02}-{card}" for card in range(5)] for deck in range(12)}


async def test_workers_of_both_releases_share_the_work_until_the_old_ones_go(
    service: Service, upstream: SpeechServer, empty_database_url: str, tmp_path: Path
) -> None:
    release = tmp_path / "previous"
    commit = export_previous_release(release)
    service.database_url = empty_database_url
    # Six seconds, so that only the dead are rescued.
    service.environment |= {"WORKER_CONCURRENCY": "3", "POLL_INTERVAL_MS": "3600000", "WORKER_HEARTBEAT_S": "2"}
    upstream.latency_seconds = 0.5
    upstream.fail("slow", times=20)  # by no more than that: some clips of each job, and of none all ten
    upstream.fail("held")
    as_before = {"DATABASE_URL": empty_database_url, "PYTHONPATH": str(release)}
    assert run("migrations", tmp_path, **as_before)[0] == 0
    environment = service.environment | {"PYTHONPATH": str(release), "STORAGE_DIR": str(service.storage)}
    (tmp_path / "old").mkdir()
    async with Service(empty_database_url, tmp_path / "old", environment) as old:
        dying, leaving = [await old.start_worker() for _ in range(2)]

        assert run("migrations", tmp_path, DATABASE_URL=empty_database_url)[0] == 0
        for deck, cards in DECKS.items():
            service.add_deck(deck, cards)
        await service.start_api()
        await service.start_worker()
        jobs = {await service.post(deck, phrases(cards)): deck for deck, cards in DECKS.items()}
        # Each has its share, and the old ones are in the middle of theirs.
        await until(lambda: upstream.in_flight == 3 * 4 and (len(begun(old)), len(begun(service))) == (6, 3))
        cancelled = begun(old)[-1]
        assert (await cancel(service, cancelled)).status == 202
        await old.stop(dying, signal.SIGKILL)
        upstream.heal()
        assert await old.stop(leaving) == 0

        for job_id, deck in jobs.items():
            job = await service.ended(job_id)
            if job_id != cancelled:
                assert_contract(job, deck)
                assert outcomes(await detail(service, job_id)) == {"done": 10}
    print(f"beside {commit[:7]}: {len(begun(old))} runs there, {len(begun(service))} here")

    # The old release knows no cancelling: who had the job last decides. It ends, once, and its deck is free.
    assert (await service.job(cancelled))["status"] in ENDED
    await service.made(jobs[cancelled], phrases(DECKS[jobs[cancelled]]))
    # What an old worker gave up when it was told to abort stays as a row that nobody reads.
    await until(lambda: set(queue_jobs(service)) <= {"aborted", "failed"})
    assert service.sql("SELECT id FROM tts.job WHERE run IS NOT NULL OR ended_at IS NULL") == []
    assert_spoken(service, [phrase for cards in DECKS.values() for phrase in phrases(cards)])
    for card in (card for cards in DECKS.values() for card in cards):
        assert all(card_urls(service, card))
    # Twice only what died with its worker.
    assert sum(times - 1 for times in Counter(upstream.texts).values()) <= 8
    for log in (old.log("worker"), service.log("worker"), service.log("api")):
        assert "Traceback" not in log


def begun(service: Service) -> list[str]:
    """The jobs that its workers have begun with, by their logs."""
    return re.findall(r"a job begins .*?job_id=\S*?([0-9a-f-]{36})", service.log("worker"))


def assert_contract(job: dict[str, object], deck: str) -> None:
    """That Memolist reads of a job what it always did, whichever worker ended it."""
    cards = DECKS[deck]
    assert (job["status"], job["processedCount"], job["totalPhrases"]) == ("completed", len(cards), len(cards)), job
    assert job["errorMessage"] is None
    assert job["completedAt"]
    assert job["resultUrls"] == [
        {"cardId": card}
        | {f"audioUrl{side}": f"http://localhost/storage/tts/{card}_{side.lower()}.mp3" for side in ("En", "Fr")}
        for card in cards
    ]
