"""`python -m worker.gc [--dry-run] [--nearly-all]`: clears away what nobody needs any more, as a worker does by itself once a day."""

import argparse
import asyncio
import sys
import time

from sqlalchemy.exc import SQLAlchemyError

from migrations.current import check_schema
from shared.database import create_engine, create_sessions
from shared.database_faults import first_line
from shared.errors import MemolistError
from shared.logs import configure_logs
from shared.settings import SweepSettings, read_settings, stop
from shared.storage import open_storage
from worker.keeping.sweep import Sweep
from worker.keeping.tally import Tally

_TELL_EVERY_SECONDS = 2.0


class Progress:
    """A line on standard error now and then."""

    def __init__(self) -> None:
        self._told_at = time.monotonic()

    def __call__(self, tally: Tally) -> None:
        if time.monotonic() - self._told_at < _TELL_EVERY_SECONDS:
            return
        self._told_at = time.monotonic()
        total = tally.total()
        print(
            f"… {tally.files_seen:,} files seen; {total.files:,} files and {total.rows:,} rows so far",
            file=sys.stderr,
            flush=True,
        )


def main() -> None:
    arguments = _arguments()
    settings = read_settings(SweepSettings)
    configure_logs(settings)
    tally = Tally(Progress())
    try:
        asyncio.run(_sweep(settings, tally, arguments.dry_run, arguments.nearly_all))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except SQLAlchemyError as error:
        stop(f"DATABASE_URL: {first_line(error.__cause__ or error)}")
    except MemolistError as error:
        stop(str(error))
    print("\n".join(_report(tally, settings, arguments.dry_run)))
    raise SystemExit(1 if tally.held_back else 0)


async def _sweep(settings: SweepSettings, tally: Tally, is_dry: bool, is_sure: bool) -> None:
    database = create_engine(settings, pool_size=1)
    try:
        async with database.connect() as connection:
            await check_schema(connection)
        await Sweep(create_sessions(database), open_storage(settings), settings, tally).run(is_dry, is_sure)
    finally:
        await database.dispose()


def _report(tally: Tally, settings: SweepSettings, is_dry: bool) -> list[str]:
    freed = tally.freed | {"In all": tally.total()}
    lines = [
        f"{what:<24}{one.rows:>9,} rows {one.files:>9,} files {one.bytes / 1e6:>11,.1f} MB"
        for what, one in freed.items()
    ]
    lines.append("Nothing was removed: this was a dry run." if is_dry else "Removed.")
    if tally.waiting:
        lines.append(
            f"{tally.waiting:,} more files belong to no card; they go when that was so for {settings.gone_audio_kept_days} days."
        )
    if tally.held_back:
        lines.append(
            f"{tally.held_back:,} files stay: nearly all audio here belongs to no card of this database."
            " Is DATABASE_URL the right one? If so, say --nearly-all."
        )
    return lines


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="just gc", description="Clears away what nobody needs any more.")
    parser.add_argument("--dry-run", action="store_true", help="say what would be removed, and remove nothing")
    parser.add_argument(
        "--nearly-all", action="store_true", help="also where nearly all audio belongs to no card of this database"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
