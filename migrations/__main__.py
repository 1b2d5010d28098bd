"""`python -m migrations`: brings the database to the newest revision. `… downgrade REVISION` takes it back."""

import gc

gc.disable()  # until all is loaded: nothing of it is garbage, and looking for some is a sixth of a start

import argparse

from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

import migrations
from shared.database_faults import DatabaseUnreached
from shared.settings import Settings, read_settings, stop


def main() -> None:
    gc.freeze()
    gc.enable()
    arguments = _parser().parse_args()
    settings = read_settings(Settings)
    try:
        if arguments.command == "downgrade":
            migrations.downgrade(settings.direct_conninfo, arguments.revision)
        else:
            migrations.upgrade(settings.direct_conninfo)
            print(f"The database is at revision {migrations.head()}.")  # noqa: T201
    except (migrations.MigrationRefused, CommandError) as error:
        stop(str(error))
    except DBAPIError as error:
        if error.statement is None and error.orig:  # there was nobody to say one to
            setting = "DIRECT_URL" if settings.direct_url else "DATABASE_URL"
            stop(str(DatabaseUnreached(setting, error.orig)))
        stop(_reason(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m migrations", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("upgrade", help="to the newest revision (the default)")
    downgrade = commands.add_parser("downgrade", help="back to a revision")
    downgrade.add_argument("revision", help="such as 0002, -1, or base")
    return parser


def _reason(error: DBAPIError) -> str:
    """The first line only: the others are the statement."""
    return (str(error.orig).splitlines() or [type(error.orig).__name__])[0]


if __name__ == "__main__":
    main()
