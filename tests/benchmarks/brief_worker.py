"""The worker of the brief, as its user would have written it: looks every 5 s, one request after the other, 500 ms in between.

`python -m tests.benchmarks.brief_worker DATABASE_URL BASE_URL FOLDER` runs until it is stopped.
"""

import sys
import time
from pathlib import Path
from typing import Any

import openai
import psycopg
from psycopg.types.json import Jsonb

_POLL_SECONDS = 5
_PAUSE_SECONDS = 0.5
_NEXT = """
    UPDATE public."TtsJob" SET "status" = 'processing', "startedAt" = now() WHERE "id" = (
        SELECT "id" FROM public."TtsJob" WHERE "status" = 'pending' ORDER BY "createdAt" LIMIT 1
    ) RETURNING "id", "phrases"
"""
_PROGRESS = 'UPDATE public."TtsJob" SET "processedCount" = %s, "resultUrls" = %s WHERE "id" = %s'
_END = """UPDATE public."TtsJob" SET "status" = 'completed', "completedAt" = now() WHERE "id" = %s"""
_CARD = 'UPDATE public."Card" SET "audioUrlEn" = %(audioUrlEn)s, "audioUrlFr" = %(audioUrlFr)s WHERE "id" = %(cardId)s'


def run(database_url: str, base_url: str, folder: Path) -> None:
    client = openai.OpenAI(api_key="sk-any", base_url=base_url)
    with psycopg.connect(database_url, autocommit=True) as database:
        while True:
            job = database.execute(_NEXT).fetchone()
            if job:
                _speak_all(client, database, folder, *job)
            else:
                time.sleep(_POLL_SECONDS)


def _speak_all(
    client: openai.OpenAI, database: psycopg.Connection[Any], folder: Path, job_id: str, phrases: list[dict[str, str]]
) -> None:
    done: list[dict[str, str]] = []
    for phrase in phrases:
        card = phrase["cardId"]
        urls = {"cardId": card}
        for side in ("En", "Fr"):
            answer = client.audio.speech.create(input=phrase[f"text{side}"], model="gpt-4o-mini-tts", voice="marin")
            (folder / f"{card}_{side.lower()}.mp3").write_bytes(answer.content)
            urls[f"audioUrl{side}"] = f"/storage/tts/{card}_{side.lower()}.mp3"
            time.sleep(_PAUSE_SECONDS)
        done.append(urls)
        database.execute(_CARD, urls)
        database.execute(_PROGRESS, (len(done), Jsonb(done), job_id))
    database.execute(_END, (job_id,))


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
