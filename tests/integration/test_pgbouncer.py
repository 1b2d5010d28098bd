"""The service behind a real PgBouncer, as it comes from Debian: in session mode, in transaction mode, and where that does not fit."""

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import psycopg
import pytest
from pydantic import SecretStr

from shared.errors import PoolerMisfit
from shared.pooling import check_pooling
from shared.settings import Settings
from tests.aftermath import assert_spoken
from tests.event_stream import watching
from tests.integration.test_doctor import doctor
from tests.integration.test_worker_start import GOOD, assert_one_line, run
from tests.job_control import assert_adds_up, cancel, detail, retry
from tests.pgbouncer import running_pgbouncer
from tests.service import GIVE_UP_SECONDS, Service, free_port, phrases
from tests.speech_server import SpeechServer
from tests.watching import until

NEVER = "3600000"
DECKS = {f"deck-{deck}": [f"deck-{deck}-{card}" for card in range(5)] for deck in range(6)}


async def do_the_main_job(service: Service, upstream: SpeechServer) -> None:
    """Several jobs at once, one of them watched, one cancelled and repeated: nobody polls, so every notice must arrive."""
    upstream.latency_seconds = 0.05
    for deck, cards in DECKS.items():
        service.add_deck(deck, cards)
    service.add_deck("slow", ["slow"])
    await service.start_api()
    await service.start_worker(POLL_INTERVAL_MS=NEVER, TTS_REQUEST_INTERVAL_MS="10")
    upstream.fail("held", text="slow")
    cancelled = await service.post("slow", phrases(["slow"]))
    await until(lambda: any("slow" in text for text in upstream.texts))
    assert (await cancel(service, cancelled)).status == 202

    jobs = [await service.post(deck, phrases(cards)) for deck, cards in DECKS.items()]
    async with watching(service.url, jobs[-1]) as stream:
        *_, end = await stream.rest()
    assert (await service.ended(cancelled))["status"] == "cancelled"
    assert (await retry(service, cancelled)).status == 202
    upstream.heal()

    for job_id in (cancelled, *jobs):
        job = await service.ended(job_id)
        assert job["status"] == "completed", job
        # Whatever the database's own time zone is.
        assert abs(datetime.now(UTC) - datetime.fromisoformat(job["createdAt"])) < timedelta(hours=1)
        assert_adds_up(await detail(service, job_id))
    assert (end.name, end.data["status"]) == ("end", "completed")
    assert_spoken(service, [phrase for cards in DECKS.values() for phrase in phrases(cards)])
    for program in ("api", "worker"):
        assert "Traceback" not in service.log(program)
        assert "error of ours" not in service.log(program)


async def test_in_session_mode_the_url_is_all_it_takes(
    service: Service, upstream: SpeechServer, empty_database_url: str
) -> None:
    service.database_url = empty_database_url
    service.sql("ALTER DATABASE {} SET TimeZone = 'Asia/Tokyo'".format(service.sql("SELECT current_database()")[0][0]))
    with running_pgbouncer(empty_database_url, "session") as pooled:
        exit_code, said = run("migrations", service.folder, DATABASE_URL=pooled)
        assert exit_code == 0, said
        service.environment["DATABASE_URL"] = pooled

        await do_the_main_job(service, upstream)


async def test_in_transaction_mode_only_the_queue_and_listeners_need_the_database_itself(
    service: Service, upstream: SpeechServer
) -> None:
    service.sql("ALTER DATABASE {} SET TimeZone = 'Asia/Tokyo'".format(service.sql("SELECT current_database()")[0][0]))
    # Few connections, given away in turns: whatever is left in a session is somebody else's next.
    with running_pgbouncer(service.database_url, "transaction", pool_size=3, round_robin=True) as pooled:
        service.environment |= {
            "DATABASE_URL": f"{pooled}?schema=public&pgbouncer=true",
            "DIRECT_URL": service.database_url,
        }

        await do_the_main_job(service, upstream)

        assert sessions_of(pooled) == {('"$user", public', "Asia/Tokyo", "on", "0", "0", 0)}


def sessions_of(url: str) -> set[tuple[object, ...]]:
    """What other users of the pool meet: settings, and statements that were left behind."""
    settings = ("search_path", "TimeZone", "synchronous_commit", "lock_timeout", "idle_in_transaction_session_timeout")
    shown = ", ".join(f"current_setting('{name}')" for name in settings)
    found = set()
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
        for _ in range(6):
            found |= set(connection.execute(f"SELECT {shown}, (SELECT count(*) FROM pg_prepared_statements)"))
    return found


@pytest.mark.parametrize("round_robin", [False, True])
async def test_what_does_not_fit_is_told_at_start_with_the_remedy(service: Service, round_robin: bool) -> None:
    direct = service.database_url
    with running_pgbouncer(direct, "transaction", round_robin=round_robin) as pooled:
        said = f"{pooled}?pgbouncer=true"
        remedies = {
            (pooled, None): ["DATABASE_URL leads", "set DIRECT_URL", "add pgbouncer=true"],
            (said, None): ["DATABASE_URL leads", "set DIRECT_URL"],
            (said, said): ["DIRECT_URL leads", "set DIRECT_URL"],
            (pooled, direct): ["DATABASE_URL leads", "add pgbouncer=true"],
            (said, direct): [],
            (direct, None): [],
            (f"{direct}&pgbouncer=true", None): [],
        }
        for (database_url, direct_url), words in remedies.items():
            told = await misfit(database_url, direct_url)
            assert bool(told) is bool(words), (database_url, direct_url)
            assert all(word in told for word in words), told
        if round_robin:
            return
        service.storage.mkdir()
        found = await doctor(service, "--no-upstream", code=1, DATABASE_URL=pooled)
        assert found["database"].startswith("PROBLEM  database   DATABASE_URL leads through a pooler")
        assert_one_line(run("worker", service.folder, **GOOD | {"DATABASE_URL": pooled}), *remedies[pooled, None])
        assert_one_line(run("api", service.folder, **GOOD | {"DATABASE_URL": said}), *remedies[said, None])


@pytest.mark.parametrize("round_robin", [False, True])
async def test_what_does_not_fit_is_told_of_a_pooler_in_use_too(empty_database_url: str, round_robin: bool) -> None:
    """Whose processes go to whoever asks in between: a single look missed one in twenty."""
    with running_pgbouncer(empty_database_url, "transaction", round_robin=round_robin) as pooled:
        async with asyncio.TaskGroup() as others:
            using = others.create_task(keep_using(pooled))
            told = [await misfit(pooled, None) for _ in range(60)]
            using.cancel()

    assert all("DATABASE_URL leads" in line for line in told)


async def keep_using(url: str) -> None:
    while True:
        async with await psycopg.AsyncConnection.connect(url, prepare_threshold=None) as connection:
            await connection.execute("SELECT 1")
            await connection.commit()
            await connection.execute("SELECT 1")


async def test_what_does_not_fit_is_told_when_the_pooler_comes_back_too(service: Service) -> None:
    port = free_port()
    database = urlsplit(service.database_url).path
    api = await service.start_api(DATABASE_URL=f"postgresql://postgres@127.0.0.1:{port}{database}")
    assert "the database cannot be reached" in service.log("api")
    assert (await service.get("/ready")).status == 503

    with running_pgbouncer(service.database_url, "transaction", port=port):
        async with asyncio.timeout(GIVE_UP_SECONDS):
            assert await api.wait() == 1
    assert service.log("api").splitlines()[-1].startswith("Cannot start: DATABASE_URL leads through a pooler")
    assert "Traceback" not in service.log("api")


async def misfit(database_url: str, direct_url: str | None) -> str:
    """What is said where a program would start with these; nothing where it fits."""
    settings = Settings(database_url=SecretStr(database_url), direct_url=SecretStr(direct_url) if direct_url else None)
    try:
        await check_pooling(settings)
    except PoolerMisfit as error:
        return str(error)
    return ""
