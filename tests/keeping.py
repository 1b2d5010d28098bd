"""A service that has been in use for long: rows and files as they would be, made directly, and the sweep over them."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from shared.database import create_engine, create_sessions
from shared.settings import SweepSettings
from shared.storage import open_storage
from tests.service import ROOT, Service
from worker.keeping.sweep import Sweep
from worker.keeping.tally import Tally

DAY_SECONDS = 86_400


def key(number: int) -> str:
    """A clip's."""
    return f"{number:064x}"


def write(path: Path, content: bytes = b"audio", age_days: float = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (time.time() - age_days * DAY_SECONDS,) * 2)


def add_clips(service: Service, numbers: range, unused_days: float, recorded: bool = True) -> list[str]:
    """Clips that are in the cache, on record unless said otherwise, and were last used so long ago. Returns their paths."""
    keys = [key(number) for number in numbers]
    paths = [f".cache/{one[:2]}/{one}.mp3" for one in keys]
    for path in paths:
        write(service.storage / path, age_days=unused_days)
    if recorded:
        service.sql(
            """
            INSERT INTO tts.clip (key, side, engine, base_url, model, voice, characters, bytes, duration_ms, made_at)
            SELECT key, 'en', 'speech', '', 'm', 'v', 5, 5, 500, now() - make_interval(days => %s)
            FROM unnest(%s::text[]) AS key
            """,
            int(unused_days),
            keys,
        )
        age_clips(service, unused_days, keys)
    return paths


def age_clips(service: Service, days: float, keys: list[str] | None = None) -> None:
    """As if clips, all of them unless said otherwise, had last been used so long ago."""
    service.sql(
        """
        INSERT INTO tts.clip_use (key, used_at) SELECT key, now() - make_interval(secs => %s)
        FROM tts.clip WHERE %s::text[] IS NULL OR key = ANY(%s::text[])
        ON CONFLICT (key) DO UPDATE SET used_at = excluded.used_at
        """,
        days * DAY_SECONDS,
        keys,
        keys,
    )


def age_notes(service: Service, days: float) -> None:
    """As if all files without a card had been noted so long ago."""
    service.sql("UPDATE tts.unnamed_audio SET since = now() - make_interval(secs => %s)", days * DAY_SECONDS)


def add_job(service: Service, job_id: str, ended_days: float | None, status: str = "completed", clips: int = 2) -> None:
    """A job with its record and clips, as this service leaves it."""
    ended = None if ended_days is None else ended_days * DAY_SECONDS
    service.sql(
        """
        INSERT INTO public."TtsJob" ("id", "userId", "deckId", "status", "totalPhrases", "phrases", "resultUrls")
        VALUES (%s, 'anna', 'deck', %s, 1, '[]', '[]')
        """,
        job_id,
        status,
    )
    service.sql(
        """
        INSERT INTO tts.job (id, user_id, deck_id, created_at, ended_at)
        VALUES (%s, 'anna', 'deck', now() - interval '400 days', now() - make_interval(secs => %s))
        """,
        job_id,
        ended,
    )
    service.sql(
        """
        INSERT INTO tts.job_clip (job_id, position, side, status, made)
        SELECT %s, position, 'en', 'skipped', false FROM generate_series(1, %s) AS position
        """,
        job_id,
        clips,
    )


def environment(service: Service, **more: str) -> dict[str, str]:
    """Of a command on the service's settings."""
    basics = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DATABASE_URL": service.database_url}
    return basics | {"STORAGE_DIR": str(service.storage)} | service.environment | more


async def start_gc(service: Service, *arguments: str, **more: str) -> asyncio.subprocess.Process:
    """`just gc`, which has begun."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "worker.gc",
        *arguments,
        cwd=service.folder,
        env=environment(service, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    service.processes.append(process)
    return process


async def gc(service: Service, *arguments: str, code: int = 0, **more: str) -> str:
    """Runs `just gc` to its end, and returns what it said."""
    process = await start_gc(service, *arguments, **more)
    said, _ = await process.communicate()
    assert process.returncode == code, said.decode()
    return said.decode()


async def sweep(
    service: Service, is_dry: bool = False, is_sure: bool = False, tally: Tally | None = None, **settings: int
) -> Tally:
    """The same within this process."""
    given = {name.lower(): value for name, value in environment(service).items()}
    chosen = SweepSettings.model_validate(given | settings)
    database = create_engine(chosen, pool_size=1)
    try:
        tally = tally or Tally()
        await Sweep(create_sessions(database), open_storage(chosen), chosen, tally).run(is_dry, is_sure)
        return tally
    finally:
        await database.dispose()
