"""What a clip was checked for, and what it cost where the upstream counts tokens."""

from alembic import op

revision = "0004"
down_revision = "0003"

# input_tokens, output_text_tokens and output_audio_tokens are the upstream's own counts, 0 where it bills by characters; a job's
# are those of all its answers, a clip's those of the one that was kept. words_checked says that the engine told what it
# spoke, and that those were the card's words.
CLIP = """
ALTER TABLE tts.clip
    ADD COLUMN words_checked boolean NOT NULL DEFAULT false,
    ADD COLUMN input_tokens integer NOT NULL DEFAULT 0 CHECK (input_tokens >= 0),
    ADD COLUMN output_text_tokens integer NOT NULL DEFAULT 0 CHECK (output_text_tokens >= 0),
    ADD COLUMN output_audio_tokens integer NOT NULL DEFAULT 0 CHECK (output_audio_tokens >= 0)
"""
JOB = """
ALTER TABLE tts.job
    ADD COLUMN input_tokens bigint NOT NULL DEFAULT 0 CHECK (input_tokens >= 0),
    ADD COLUMN output_text_tokens bigint NOT NULL DEFAULT 0 CHECK (output_text_tokens >= 0),
    ADD COLUMN output_audio_tokens bigint NOT NULL DEFAULT 0 CHECK (output_audio_tokens >= 0)
"""


def upgrade() -> None:
    op.execute(CLIP)
    op.execute(JOB)


def downgrade() -> None:
    tokens = "DROP COLUMN input_tokens, DROP COLUMN output_text_tokens, DROP COLUMN output_audio_tokens"
    op.execute(f"ALTER TABLE tts.job {tokens}")
    op.execute(f"ALTER TABLE tts.clip DROP COLUMN words_checked, {tokens}")
