"""What the database knows of a finished job beyond its URLs."""

from dataclasses import dataclass

import psycopg

from shared.clips import Side
from shared.database_url import libpq_conninfo


@dataclass(frozen=True)
class JobReport:
    """Clips, and how long each card's sides last."""

    clips_made: int
    clips_cached: int
    durations_ms: dict[tuple[str, Side], int]


def read_report(database_url: str, job_id: str, card_ids: list[str]) -> JobReport:
    with psycopg.connect(libpq_conninfo(database_url)) as connection:
        job = connection.execute("SELECT clips_made, clips_cached FROM tts.job WHERE id = %s", (job_id,)).fetchone()
        clips = connection.execute(
            "SELECT card_id, card_audio.side, duration_ms FROM tts.card_audio JOIN tts.clip ON clip.key = clip_key WHERE card_id = ANY(%s)",
            (card_ids,),
        ).fetchall()
    made, cached = job or (0, 0)
    return JobReport(made, cached, {(card_id, side): duration for card_id, side, duration in clips})
