"""What the sweep must know: when clips were last wanted, since when audio belongs to no card, when it last ran."""

from alembic import op

revision = "0006"
down_revision = "0005"

# When a job last wanted a clip, to within some hours; one that never came to be made is here too. A job that looks for a clip
# writes its row first, and the sweep deletes a clip only while it holds that row: neither can overlook the other. Not in
# tts.clip, since a clip may be in the storage before it is on record.
CLIP_USE = """
CREATE TABLE tts.clip_use (
    key text PRIMARY KEY,
    used_at timestamptz NOT NULL
)
"""
CLIP_USE_BY_AGE = "CREATE INDEX clip_use_used_at ON tts.clip_use (used_at)"
KNOWN_CLIPS = "INSERT INTO tts.clip_use (key, used_at) SELECT key, now() FROM tts.clip"

# Files in the storage that no card names, since when, as the sweep saw it. A job that is about to use such a name takes its row
# away first, and the sweep deletes a file only while it holds its row.
UNNAMED_AUDIO = """
CREATE TABLE tts.unnamed_audio (
    name text PRIMARY KEY,
    bytes bigint NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
)
"""

# One row: the last sweep of any worker. ended_at is that of the last one that came to its end.
SWEEP = """
CREATE TABLE tts.sweep (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    began_at timestamptz NOT NULL,
    ended_at timestamptz
)
"""
NEVER = "INSERT INTO tts.sweep (began_at) VALUES ('epoch')"

ENDED_JOBS = "CREATE INDEX job_ended ON tts.job (ended_at) WHERE ended_at IS NOT NULL"


# The request that asked for the job, or for it again: workers tell it in their log. Not in the queue's entry, where workers of
# older versions would meet an argument that they do not know.
REQUEST = "ALTER TABLE tts.job ADD COLUMN request_id text"


def upgrade() -> None:
    for statement in (REQUEST, CLIP_USE, CLIP_USE_BY_AGE, KNOWN_CLIPS, UNNAMED_AUDIO, SWEEP, NEVER, ENDED_JOBS):
        op.execute(statement)


def downgrade() -> None:
    op.execute("ALTER TABLE tts.job DROP COLUMN request_id")
    op.execute("DROP INDEX tts.job_ended")
    op.execute("DROP TABLE tts.sweep, tts.unnamed_audio, tts.clip_use")
