"""The migrations on real databases: empty ones, Memolist's own, and broken ones; by the command as people run it."""

import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Table

import migrations
from shared.models import Model

ROOT = Path(migrations.__file__).parents[1]

# Memolist's own database, as Prisma makes one.
PRISMA = """
CREATE TYPE "Level" AS ENUM ('A1', 'A2');
CREATE TABLE "User" ("id" TEXT NOT NULL, "email" TEXT NOT NULL, CONSTRAINT "User_pkey" PRIMARY KEY ("id"));
CREATE TABLE "Deck" (
    "id" TEXT NOT NULL, "title" VARCHAR(120) NOT NULL, "level" "Level" NOT NULL DEFAULT 'A1', "userId" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, CONSTRAINT "Deck_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "Card" (
    "id" TEXT NOT NULL, "en" TEXT NOT NULL, "fr" TEXT NOT NULL, "deckId" VARCHAR(36) NOT NULL,
    CONSTRAINT "Card_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "Card_deckId_idx" ON "Card"("deckId");
ALTER TABLE "Deck" ADD CONSTRAINT "Deck_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE;
ALTER TABLE "Card" ADD CONSTRAINT "Card_deckId_fkey" FOREIGN KEY ("deckId") REFERENCES "Deck"("id") ON DELETE CASCADE;
INSERT INTO "User" VALUES ('u1', 'ada@example.org');
INSERT INTO "Deck" ("id", "title", "userId") VALUES ('d1', 'Animaux', 'u1');
INSERT INTO "Card" VALUES ('c1', 'the cat', 'le chat', 'd1');
"""

# The brief's own migration, as Prisma writes it.
PRISMA_TTS = """
ALTER TABLE "Card" ADD COLUMN "audioUrlEn" TEXT, ADD COLUMN "audioUrlFr" TEXT;
CREATE TABLE "TtsJob" (
    "id" TEXT NOT NULL, "userId" TEXT, "deckId" TEXT, "status" TEXT NOT NULL DEFAULT 'pending',
    "totalPhrases" INTEGER NOT NULL, "processedCount" INTEGER NOT NULL DEFAULT 0, "errorMessage" TEXT,
    "phrases" JSONB NOT NULL, "resultUrls" JSONB, "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL, "startedAt" TIMESTAMP(3), "completedAt" TIMESTAMP(3),
    CONSTRAINT "TtsJob_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "TtsJob_userId_idx" ON "TtsJob"("userId");
ALTER TABLE "TtsJob" ADD CONSTRAINT "TtsJob_deckId_fkey" FOREIGN KEY ("deckId") REFERENCES "Deck"("id") ON DELETE SET NULL;
"""

# The brief's table, name by name: type, whether it may be NULL, default.
BRIEF = [
    ("id", "text", "NO", None),
    ("userId", "text", "YES", None),
    ("deckId", "text", "YES", None),
    ("status", "text", "YES", "'pending'::text"),
    ("totalPhrases", "integer", "NO", None),
    ("processedCount", "integer", "YES", "0"),
    ("errorMessage", "text", "YES", None),
    ("phrases", "jsonb", "NO", None),
    ("resultUrls", "jsonb", "YES", None),
    ("createdAt", "timestamp without time zone", "YES", "now()"),
    ("updatedAt", "timestamp without time zone", "YES", "now()"),
    ("startedAt", "timestamp without time zone", "YES", None),
    ("completedAt", "timestamp without time zone", "YES", None),
]

COLUMNS = """
SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns
WHERE table_schema = '{}' AND table_name = '{}' ORDER BY ordinal_position
"""

# Everything that a schema holds, in words that can be compared.
CONTENTS = """
SELECT c.oid::regclass::text, c.relkind::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = to_regnamespace('{0}')
UNION ALL SELECT conname, contype::text, conrelid::regclass::text, pg_get_constraintdef(oid), true
FROM pg_constraint WHERE connamespace = to_regnamespace('{0}') AND contype <> 'n'
UNION ALL SELECT tgname, 'trigger', tgrelid::regclass::text, tgfoid::text, true
FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid WHERE c.relnamespace = to_regnamespace('{0}')
ORDER BY 1, 2, 3, 4
"""


def query(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Runs each statement; the rows of the last, if it has any."""
    with psycopg.connect(url) as connection:
        for statement in statements:
            cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def contents(url: str, schema: str) -> list[tuple[Any, ...]]:
    return query(url, CONTENTS.format(schema))


def start(url: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "migrations", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "DATABASE_URL": url},
        cwd=Path(sys.prefix),  # no .env there
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]") -> tuple[int, str]:
    out, error = process.communicate(timeout=60)
    assert out in ("", f"The database is at revision {migrations.head()}.\n")
    return process.returncode, error


def migrate(url: str, *arguments: str) -> None:
    assert finish(start(url, *arguments)) == (0, "")


def refused(url: str, *arguments: str) -> str:
    """The one line that a run says which changes nothing."""
    code, said = finish(start(url, *arguments))
    assert code == 1
    assert said.startswith("Cannot start: ")
    assert said.count("\n") == 1
    assert said.endswith("\n")
    return said


def test_an_empty_database_gets_all_tables(empty_database_url: str) -> None:
    migrate(empty_database_url)
    assert query(empty_database_url, COLUMNS.format("public", "TtsJob")) == BRIEF
    assert query(empty_database_url, "SELECT version_num FROM tts.alembic_version") == [(migrations.head(),)]
    public = contents(empty_database_url, "public")
    assert {name for name, kind, *_ in public if kind == "r"} == {'"Deck"', '"Card"', '"TtsJob"'}
    assert [name for name, kind, *_ in public if kind == "i"] == ['"Card_pkey"', '"Deck_pkey"', '"TtsJob_pkey"']
    assert not [row for row in public if row[1] in ("c", "f", "u", "trigger")]


def test_memolists_own_database_keeps_all_it_had_and_gains_only_what_is_missing(empty_database_url: str) -> None:
    query(empty_database_url, PRISMA)
    before = contents(empty_database_url, "public")
    migrate(empty_database_url)
    after = contents(empty_database_url, "public")
    assert set(before) < set(after)
    new = sorted((relation, name) for relation, _, name, *_ in set(after) - set(before) if "TtsJob" not in relation)
    assert new == [('"Card"', "audioUrlEn"), ('"Card"', "audioUrlFr")]
    cards = query(empty_database_url, 'SELECT * FROM "Card"')
    assert cards == [("c1", "the cat", "le chat", "d1", None, None)]


def test_a_database_where_prisma_ran_the_briefs_migration_gains_nothing_in_public(empty_database_url: str) -> None:
    query(empty_database_url, PRISMA, PRISMA_TTS)
    before = contents(empty_database_url, "public")
    migrate(empty_database_url)
    assert contents(empty_database_url, "public") == before
    migrate(empty_database_url, "downgrade", "base")
    assert contents(empty_database_url, "public") == before


def test_a_job_table_that_lacks_columns_is_completed(empty_database_url: str) -> None:
    query(empty_database_url, 'CREATE TABLE "TtsJob" ("id" TEXT PRIMARY KEY, "phrases" JSONB NOT NULL)')
    migrate(empty_database_url)
    assert sorted(query(empty_database_url, COLUMNS.format("public", "TtsJob"))) == sorted(BRIEF)
    migrate(empty_database_url, "downgrade", "0001")
    columns = query(empty_database_url, COLUMNS.format("public", "TtsJob"))
    assert [name for name, *_ in columns] == ["id", "phrases"]


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        ('CREATE TABLE "Deck" ("id" TEXT PRIMARY KEY)', 'public."Deck" has no column "userId"'),
        ('CREATE TABLE "Card" ("id" TEXT PRIMARY KEY)', 'public."Card" has no column "deckId"'),
        (
            'CREATE TABLE "Deck" ("id" TEXT PRIMARY KEY, "userId" INTEGER)',
            'public."Deck"."userId" is integer and must be text',
        ),
        (
            'CREATE TABLE "Card" ("id" TEXT PRIMARY KEY, "deckId" UUID)',
            'public."Card"."deckId" is uuid and must be text',
        ),
        # Found by Postgres itself, when much is made already.
        (
            'CREATE TABLE "TtsJob" ("id" TEXT PRIMARY KEY); INSERT INTO "TtsJob" VALUES (1)',
            'column "totalPhrases" of relation "TtsJob" contains null values',
        ),
        ('CREATE VIEW "Deck" AS SELECT \'d1\'::text AS "id"', 'public."Deck" has no column "userId"'),
    ],
)
def test_another_database_than_memolists_is_refused_and_left_alone(
    empty_database_url: str, tables: str, reason: str
) -> None:
    query(empty_database_url, tables)
    before = contents(empty_database_url, "public")
    assert reason in refused(empty_database_url)
    assert contents(empty_database_url, "public") == before
    assert query(empty_database_url, "SELECT to_regnamespace('tts')") == [(None,)]


def test_a_second_run_changes_nothing(database_url: str) -> None:
    before = contents(database_url, "public"), contents(database_url, "tts")
    migrate(database_url)
    assert (contents(database_url, "public"), contents(database_url, "tts")) == before


def test_two_runs_at_once_both_succeed(empty_database_url: str, database_url: str) -> None:
    runs = [start(empty_database_url), start(empty_database_url)]
    assert [finish(run) for run in runs] == [(0, ""), (0, "")]
    assert query(empty_database_url, "SELECT count(*) FROM tts.alembic_version") == [(1,)]
    named = [row for row in contents(empty_database_url, "tts") if row[1] != "trigger"]
    assert named == [row for row in contents(database_url, "tts") if row[1] != "trigger"]


def test_a_run_waits_for_the_lock_of_another(empty_database_url: str) -> None:
    lock = "SELECT pg_advisory_xact_lock(hashtextextended('memolist tts migrations', 0))"
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(lock)
        run = start(empty_database_url)
        while query(empty_database_url, waiting) == [(0,)]:
            assert run.poll() is None
        assert query(empty_database_url, "SELECT to_regnamespace('tts')") == [(None,)]
    assert finish(run) == (0, "")


def test_a_downgrade_drops_what_was_made_and_an_upgrade_makes_it_again(database_url: str) -> None:
    before = contents(database_url, "public")
    migrate(database_url, "downgrade", "base")
    assert contents(database_url, "public") == []
    assert [name for name, kind, *_ in contents(database_url, "tts") if kind == "r"] == ["tts.alembic_version"]
    migrate(database_url)
    assert contents(database_url, "public") == before


def test_a_downgrade_takes_only_our_columns_off_memolists_tables(empty_database_url: str) -> None:
    query(empty_database_url, PRISMA)
    before = contents(empty_database_url, "public")
    migrate(empty_database_url)
    migrate(empty_database_url, "downgrade", "0001")
    assert contents(empty_database_url, "public") == before


def test_a_downgrade_leaves_tables_that_prisma_made_anew(database_url: str) -> None:
    query(database_url, 'DROP TABLE "TtsJob", "Card", "Deck"', PRISMA, PRISMA_TTS)
    before = contents(database_url, "public")
    migrate(database_url, "downgrade", "base")
    assert contents(database_url, "public") == before


def test_a_downgrade_that_fails_changes_nothing(database_url: str) -> None:
    query(database_url, 'CREATE TABLE "Note" ("cardId" TEXT REFERENCES "Card"("id"))')
    before = contents(database_url, "public"), contents(database_url, "tts")
    assert "depend" in refused(database_url, "downgrade", "base")
    assert (contents(database_url, "public"), contents(database_url, "tts")) == before


@pytest.mark.parametrize(("revision", "reason"), [("0099", "0099"), ("-9", "-9"), ("", "name a revision")])
def test_an_impossible_revision_is_one_line(database_url: str, revision: str, reason: str) -> None:
    assert reason in refused(database_url, "downgrade", revision)


def test_a_server_that_does_not_answer_is_one_line_without_the_password() -> None:
    said = refused("postgresql://memolist:s3cret-word@127.0.0.1:1/memolist")
    assert said.startswith("Cannot start: DATABASE_URL: ")
    assert "127.0.0.1" in said
    assert "s3cret-word" not in said


def test_a_missing_database_url_is_one_line() -> None:
    assert "DATABASE_URL: missing" in refused("")


def test_a_role_without_rights_is_one_line(empty_database_url: str) -> None:
    query(empty_database_url, "CREATE ROLE reader LOGIN")
    try:
        assert "permission denied" in refused(empty_database_url.replace("//postgres:", "//reader:"))
    finally:
        query(empty_database_url, "DROP ROLE reader")


@pytest.mark.parametrize("table", Model.metadata.sorted_tables, ids=str)
def test_the_models_name_the_columns_that_the_tables_have(database_url: str, table: Table) -> None:
    columns = {name: nullable for name, _, nullable, _ in query(database_url, COLUMNS.format(table.schema, table.name))}
    assert set(table.columns.keys()) == set(columns)
    if table.schema == "tts":  # in public the brief lets more be NULL than we ever write
        assert {column.name: "YES" if column.nullable else "NO" for column in table.columns} == columns


@pytest.mark.parametrize(("clip_key", "size"), [("NULL", "10"), ("'a'", "NULL"), ("'a'", "0")])
def test_a_card_has_a_clip_with_a_size_or_neither(database_url: str, clip_key: str, size: str) -> None:
    insert = """
    INSERT INTO tts.card_audio (card_id, side, text_hash, clip_key, bytes, job_id, job_seq)
    VALUES ('c1', 'en', 'h', {}, {}, 'j1', 1)
    """
    with pytest.raises(psycopg.errors.CheckViolation):
        query(database_url, insert.format(clip_key, size))
    query(database_url, insert.format("NULL", "NULL"))


def test_the_schema_of_the_queue_is_the_installed_procrastinates_own() -> None:
    vendored = next(migrations.FOLDER.glob("procrastinate-*.sql")).read_text(encoding="utf-8")
    assert vendored == files("procrastinate").joinpath("sql", "schema.sql").read_text(encoding="utf-8")
