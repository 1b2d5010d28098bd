"""What a run writes, on a real database, when it is told to stop in the worst moment."""

import asyncio
from pathlib import Path

import pytest

from shared import jobs, runs
from shared.card_audio import ClipFacts
from shared.clips import Side, Voice
from shared.database import Sessions
from shared.local_storage import LocalStorage
from shared.plan import clips_of
from tests.service import Service, phrases
from worker.ledger import Ledger

VOICES: dict[Side, Voice] = {
    "en": Voice("en", "espeak", "", "m", "v", "", 1.0, {}),
    "fr": Voice("fr", "espeak", "", "m", "v", "", 1.0, {}),
}
COMMITTED = "SELECT state_change FROM pg_stat_activity WHERE state = 'idle' AND query = 'COMMIT' AND datname = current_database()"


async def test_what_a_commit_counted_stays_counted_when_its_run_is_cancelled_before_it_hears_of_it(
    service: Service, sessions: Sessions, tmp_path: Path
) -> None:
    async with sessions.begin() as session:
        job_id = await jobs.create(session, "anna", "deck", phrases(["card-1", "card-2"]), False)
    async with sessions.begin() as session:
        run = await runs.start(session, job_id)
    assert run
    storage = LocalStorage(tmp_path / "audio")
    await storage.prepare()
    ledger = Ledger(sessions, storage, "http://localhost", run)
    for clip in clips_of(run.phrases, VOICES):
        facts = ClipFacts(clip.key, len(clip.text), len(b"audio"), 1000)
        await storage.put_clip(clip.key, b"audio")
        ledger.record_found(clip, facts)
        ledger.link(clip, facts)

    committed_before = service.sql(COMMITTED)
    writing = asyncio.create_task(ledger.checkpoint())
    while service.sql(COMMITTED) in ([], committed_before):
        assert not writing.done()
        await asyncio.sleep(0)  # one step at a time: Postgres is done before this process reads of it
    assert not writing.done()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await ledger.finish()

    [counted] = service.sql("SELECT clips_made, clips_cached, characters_billed FROM tts.job")
    assert counted == (4, 0, sum(len(clip.text) for clip in clips_of(run.phrases, VOICES)))
