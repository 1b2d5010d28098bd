"""The queue: procrastinate's own schema, as its release 3.10.0 ships it, in schema `tts`."""

from alembic import op

from migrations import FOLDER

revision = "0001"
down_revision = None


def upgrade() -> None:
    # It names no schema: the search path, which begins with tts, decides.
    op.execute((FOLDER / "procrastinate-3.10.0.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    # Schema tts itself stays, with Alembic's empty table in it: Alembic still writes there after this step,
    # and an administrator may have made the schema for a role that could not make it again.
    # Functions first, CASCADE taking the triggers: one of them returns the row type of a table.
    op.execute(
        """
        DO $$
        DECLARE
            routine regprocedure;
        BEGIN
            FOR routine IN
                SELECT oid FROM pg_proc WHERE pronamespace = 'tts'::regnamespace AND proname LIKE 'procrastinate\\_%'
            LOOP
                EXECUTE format('DROP FUNCTION %s CASCADE', routine);
            END LOOP;
        END
        $$;

        DROP TABLE tts.procrastinate_events, tts.procrastinate_periodic_defers, tts.procrastinate_jobs, tts.procrastinate_workers;
        DROP TYPE tts.procrastinate_job_to_defer_v1, tts.procrastinate_job_event_type, tts.procrastinate_job_status;
        """
    )
