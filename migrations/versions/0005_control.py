"""What users see and steer: their jobs, each job's clips, keys of requests that may be sent twice."""

from alembic import op

revision = "0005"
down_revision = "0004"

# user_id and deck_id are those of "TtsJob", which may get no index from us. cancel_requested_at is when its user asked a running
# job to end: the run does that itself, or the next one where it died.
JOB = """
ALTER TABLE tts.job
    ADD COLUMN user_id text,
    ADD COLUMN deck_id text,
    ADD COLUMN cancel_requested_at timestamptz
"""
OWNERS = """
UPDATE tts.job SET user_id = row."userId", deck_id = row."deckId" FROM public."TtsJob" AS row WHERE row."id" = tts.job.id
"""
JOBS_OF_A_USER = "CREATE INDEX job_of_user ON tts.job (user_id, seq DESC)"

# What became of each side of each phrase of a job; one that is not here is still to come. made says that this job made the clip,
# rather than found it. position is the phrase's, from 0. A row is written once, with the checkpoint, and again where a later
# run comes to something else.
JOB_CLIP = """
CREATE TABLE tts.job_clip (
    job_id text NOT NULL,
    position integer NOT NULL CHECK (position >= 0),
    side text NOT NULL CHECK (side IN ('en', 'fr')),
    status text NOT NULL CHECK (status IN ('done', 'skipped', 'failed')),
    made boolean NOT NULL,
    clip_key text,
    url text,
    error text,
    PRIMARY KEY (job_id, position, side),
    CHECK ((status = 'done') = (url IS NOT NULL)),
    CHECK ((status = 'failed') = (error IS NOT NULL))
)
"""

# The first answer to a request that may be sent again. body_hash is that of the decoded body: the same key with another body is
# a mistake.
IDEMPOTENCY_KEY = """
CREATE TABLE tts.idempotency_key (
    user_id text NOT NULL,
    key text NOT NULL,
    body_hash text NOT NULL,
    job_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
)
"""
OLD_KEYS = "CREATE INDEX idempotency_key_created_at ON tts.idempotency_key (created_at)"


def upgrade() -> None:
    for statement in (JOB, OWNERS, JOBS_OF_A_USER, JOB_CLIP, IDEMPOTENCY_KEY, OLD_KEYS):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE tts.idempotency_key, tts.job_clip")
    op.execute("DROP INDEX tts.job_of_user")
    op.execute("ALTER TABLE tts.job DROP COLUMN user_id, DROP COLUMN deck_id, DROP COLUMN cancel_requested_at")
