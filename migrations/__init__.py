"""The schema of the database, in steps: Alembic runs `versions/`, each run in one transaction. Reads no settings."""

from pathlib import Path

FOLDER = Path(__file__).parent


class MigrationRefused(Exception):
    """The database holds something that the migration cannot work with; nothing was changed."""


def head() -> str:
    """The newest revision, four digits: what `tts.alembic_version` holds in a database that is up to date.

    By the files' names. API and worker ask for it at their start, and should not have to load Alembic and every step for it.
    """
    return max(file.name[:4] for file in (FOLDER / "versions").glob("[0-9]*.py"))


def upgrade(conninfo: str) -> None:
    """Brings a database to `head()`, all or nothing. Waits for another run that is under way."""
    _run("upgrade", conninfo, "head")


def downgrade(conninfo: str, revision: str) -> None:
    """Takes a database back to `revision` (`base`: before the first), all or nothing."""
    if not revision:  # Alembic only asserts it
        raise MigrationRefused("name a revision, such as 0002, -1 or base")
    _run("downgrade", conninfo, revision)


def _run(command_name: str, conninfo: str, revision: str) -> None:
    from alembic import command  # not at the top: see `head`
    from alembic.config import Config

    config = Config()
    # As attributes, not as options: Config would read a % in a folder's name or a password as its own.
    config.attributes["conninfo"] = conninfo
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    getattr(command, command_name)(config, revision)
