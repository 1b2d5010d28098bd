"""The schema of the database, in steps: Alembic runs `versions/`, each run in one transaction. Reads no settings."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

FOLDER = Path(__file__).parent


class MigrationRefused(Exception):
    """The database holds something that the migration cannot work with; nothing was changed."""


def head() -> str:
    """The newest revision: what `tts.alembic_version` holds in a database that is up to date."""
    newest = ScriptDirectory(FOLDER).get_current_head()
    if newest is None:
        raise LookupError("migrations/versions is empty")
    return newest


def upgrade(conninfo: str) -> None:
    """Brings a database to `head()`, all or nothing. Waits for another run that is under way."""
    command.upgrade(_config(conninfo), "head")


def downgrade(conninfo: str, revision: str) -> None:
    """Takes a database back to `revision` (`base`: before the first), all or nothing."""
    if not revision:  # Alembic only asserts it
        raise MigrationRefused("name a revision, such as 0002, -1 or base")
    command.downgrade(_config(conninfo), revision)


def _config(conninfo: str) -> Config:
    config = Config()
    # As attributes, not as options: Config would read a % in a folder's name or a password as its own.
    config.attributes["conninfo"] = conninfo
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    return config
