"""URLs of cards and jobs, from one base to another, in small steps beside a service that runs. Every step is whole and may be the last."""

import json
import time
from collections.abc import Iterator

import psycopg

_ROWS_PER_STEP = 500
_PAUSE_SECONDS = 0.1

# Rows that a worker has locked just now come in a later step: whoever waits for nobody locks nobody out.
_CARDS = """
    UPDATE public."Card" SET
        "audioUrlEn" = CASE WHEN starts_with("audioUrlEn", %(old)s)
            THEN %(new)s || substr("audioUrlEn", length(%(old)s) + 1) ELSE "audioUrlEn" END,
        "audioUrlFr" = CASE WHEN starts_with("audioUrlFr", %(old)s)
            THEN %(new)s || substr("audioUrlFr", length(%(old)s) + 1) ELSE "audioUrlFr" END
    WHERE "id" IN (
        SELECT "id" FROM public."Card"
        WHERE starts_with("audioUrlEn", %(old)s) OR starts_with("audioUrlFr", %(old)s)
        LIMIT %(rows)s FOR UPDATE SKIP LOCKED
    )
"""
_JOBS = """
    UPDATE public."TtsJob" SET "resultUrls" = replace("resultUrls"::text, %(old_json)s, %(new_json)s)::jsonb
    WHERE "id" IN (
        SELECT "id" FROM public."TtsJob" WHERE strpos("resultUrls"::text, %(old_json)s) > 0
        LIMIT %(rows)s FOR UPDATE SKIP LOCKED
    )
"""
_COUNT = """
    SELECT
        (SELECT count(*) FROM public."Card" WHERE starts_with("audioUrlEn", %(old)s) OR starts_with("audioUrlFr", %(old)s)),
        (SELECT count(*) FROM public."TtsJob" WHERE strpos("resultUrls"::text, %(old_json)s) > 0)
"""
_OTHERS = """
    SELECT DISTINCT regexp_replace(url, '/[^/]*$', '') AS base
    FROM public."Card", unnest(ARRAY["audioUrlEn", "audioUrlFr"]) AS url
    WHERE url IS NOT NULL AND NOT starts_with(url, %(old)s) AND NOT starts_with(url, %(new)s)
    ORDER BY base LIMIT 5
"""
_SILENT = """
    SELECT "id" || '_en.mp3' FROM public."Card" WHERE "audioUrlEn" IS NULL
    UNION ALL SELECT "id" || '_fr.mp3' FROM public."Card" WHERE "audioUrlFr" IS NULL
"""


class UrlRewrite:
    """Turns every `{old}/…` into `{new}/…`."""

    def __init__(self, conninfo: str, old: str, new: str) -> None:
        self.old, self.new = old, new
        self._conninfo = conninfo
        self._values = {
            "old": f"{old}/",
            "new": f"{new}/",
            # As they stand in JSON, from the opening quotation mark on.
            "old_json": json.dumps(f"{old}/", ensure_ascii=False)[:-1],
            "new_json": json.dumps(f"{new}/", ensure_ascii=False)[:-1],
            "rows": _ROWS_PER_STEP,
        }

    def silent_files(self) -> set[str]:
        """Files of sides that have no audio: those that a job took away must not come back."""
        with self._connect() as connection:
            return {name for (name,) in connection.execute(_SILENT)}

    def count(self) -> tuple[int, int]:
        """How many cards and jobs there are to rewrite."""
        with self._connect() as connection:
            return self._count(connection)

    def other_bases(self) -> list[str]:
        """Some of what other URLs begin with."""
        with self._connect() as connection:
            return [base for (base,) in connection.execute(_OTHERS, self._values)]

    def run(self) -> Iterator[int]:
        """Rewrites, and yields how many rows are done."""
        done = 0
        with self._connect() as connection:
            while any(self._count(connection)):
                rows = sum(connection.execute(step, self._values).rowcount for step in (_CARDS, _JOBS))
                done += rows
                yield done
                if not rows:
                    time.sleep(_PAUSE_SECONDS)

    def _count(self, connection: psycopg.Connection) -> tuple[int, int]:
        row = connection.execute(_COUNT, self._values).fetchone()
        assert row
        return row[0], row[1]

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self._conninfo, autocommit=True)
