"""Our own tables, in schema `tts`."""

from alembic import op

revision = "0003"
down_revision = "0002"

# The service's half of a job, beside "TtsJob", which stays as Memolist knows it: who may write it now, and what it cost.
#
# id is "TtsJob"."id", without a foreign key, since that would put a trigger on a public table. seq is the order in which
# jobs were created: where two jobs speak the same card, the higher seq wins, however late the lower one is retried. run
# is the token of the one run that may write; every write names it, so a run that was given up for dead changes nothing.
# The counters are absolute: a run writes totals, and writing them twice counts once.
#
# ended_at is the job's end again, since "TtsJob" may get no index to find the unfinished by. deaths counts the runs in a row
# that ended by rescue, waits the times in a row that the job went back because the upstream served nobody, waiting_since when
# that began; a clip that is made sets all three back.
JOB = """
CREATE TABLE tts.job (
    id text PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    regenerate boolean NOT NULL DEFAULT false,
    run uuid,
    clips_made integer NOT NULL DEFAULT 0 CHECK (clips_made >= 0),
    clips_cached integer NOT NULL DEFAULT 0 CHECK (clips_cached >= 0),
    characters_billed bigint NOT NULL DEFAULT 0 CHECK (characters_billed >= 0),
    deaths integer NOT NULL DEFAULT 0 CHECK (deaths >= 0),
    waits integer NOT NULL DEFAULT 0 CHECK (waits >= 0),
    waiting_since timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    CHECK ((waits = 0) = (waiting_since IS NULL)),
    CHECK (ended_at IS NULL OR run IS NULL)
)
"""

UNFINISHED_JOBS = "CREATE INDEX job_unfinished ON tts.job (seq) WHERE ended_at IS NULL"

# One row per clip that was ever made: what it is and what it took. key is the hash of all that decides how the clip
# sounds, and the clip's name in the cache; the columns beside it can be read by people, the hash cannot. A clip
# that is made anew replaces its row. It may outlive its file (a lost volume): then the clip is made again.
CLIP = """
CREATE TABLE tts.clip (
    key text PRIMARY KEY CHECK (key ~ '^[0-9a-f]{64}$'),
    side text NOT NULL CHECK (side IN ('en', 'fr')),
    engine text NOT NULL,
    base_url text NOT NULL,
    model text NOT NULL,
    voice text NOT NULL,
    characters integer NOT NULL CHECK (characters > 0),
    bytes integer NOT NULL CHECK (bytes > 0),
    duration_ms integer NOT NULL CHECK (duration_ms > 0),
    made_at timestamptz NOT NULL DEFAULT now()
)
"""

# What a card has now, one row per side: the text that its file speaks (text_hash), the clip that the file is a copy of,
# and the job that put it there. An unchanged text is skipped without touching the file, and job_seq lets an older job
# see that a later one has been there: it never falls. Where a changed text failed, the file that spoke the old text was
# taken away: the row stays, with its text_hash and job_seq, and clip_key and bytes are NULL.
CARD_AUDIO = """
CREATE TABLE tts.card_audio (
    card_id text NOT NULL,
    side text NOT NULL CHECK (side IN ('en', 'fr')),
    text_hash text NOT NULL,
    clip_key text,
    bytes integer CHECK (bytes > 0),
    job_id text NOT NULL,
    job_seq bigint NOT NULL,
    linked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (card_id, side),
    CHECK ((clip_key IS NULL) = (bytes IS NULL))
)
"""

# One row per upstream (engine and base URL), which all workers advance together. next_slot is the moment that the next
# request may start, by the database's clock; held_until is the end of a pause that the upstream asked for, if it did.
PACE = """
CREATE TABLE tts.pace (
    upstream text PRIMARY KEY,
    next_slot timestamptz NOT NULL,
    held_until timestamptz
)
"""


def upgrade() -> None:
    for statement in (JOB, UNFINISHED_JOBS, CLIP, CARD_AUDIO, PACE):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE tts.pace, tts.card_audio, tts.clip, tts.job")
