"""`python -m scripts.storage_to_s3`: copies the audio of STORAGE_DIR to the bucket and, once the workers write there, rewrites URLs.

Stopped at any moment, it goes on where it was; docs/storage.md says how to move a service that runs.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from scripts import command
from scripts.audio_upload import Upload, files_in
from scripts.progress_lines import follow
from scripts.url_rewrite import UrlRewrite
from shared.database_faults import first_line
from shared.errors import StorageFault
from shared.s3_faults import S3_ERRORS, explain
from shared.s3_storage import S3Storage
from shared.setting_types import as_base_url
from shared.settings import StorageSettings, read_settings
from shared.storage_settings import LOCAL_URL, AudioWriterSettings


class TargetSettings(AudioWriterSettings):
    """The bucket, whatever STORAGE_TYPE says as yet."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *sources: Any, **named: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        target = InitSettingsSource(settings_cls, {"storage_type": "s3"})
        return target, *super().settings_customise_sources(settings_cls, *sources, **named)


def main() -> None:
    parser = argparse.ArgumentParser(prog="just storage-to-s3", description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("--old-url", default=LOCAL_URL, help="what URLs begin with until now (default: %(default)s)")
    options = parser.parse_args()
    command.run(lambda _: _say_what_is_away(lambda: _move(options.old_url, options.dry_run)))


def _say_what_is_away(work: Callable[[], None]) -> None:
    try:
        work()
    except psycopg.OperationalError as error:
        raise command.CannotGoOn(f"DATABASE_URL: {first_line(error)}") from None


def _move(old_url: str, is_dry: bool) -> None:
    settings, target = read_settings(StorageSettings), read_settings(TargetSettings)
    try:
        old_url = as_base_url(old_url)
    except ValueError as error:
        raise command.CannotGoOn(f"--old-url: {error}") from None
    rewrite = UrlRewrite(settings.direct_conninfo, old_url, target.public_base_url)
    if settings.storage_type == "s3":
        _check_urls(rewrite)
    try:
        _copy(settings.storage_dir, target, rewrite.silent_files(), is_dry)
    except StorageFault as fault:
        raise command.CannotGoOn(str(fault)) from None
    except S3_ERRORS as error:
        raise command.CannotGoOn(f"{explain(error, target)}. Run it again: it goes on where it was.") from None
    if settings.storage_type == "s3":
        _rewrite(rewrite, is_dry)
    else:
        print("URLs stay as they are: set STORAGE_TYPE=s3, restart the workers, and run this again.")


def _check_urls(rewrite: UrlRewrite) -> None:
    if rewrite.new == rewrite.old:
        raise command.CannotGoOn(
            f"PUBLIC_BASE_URL: the workers still write {rewrite.new}; unset it, or set the new one"
        )
    if rewrite.new.startswith(f"{rewrite.old}/"):
        raise command.CannotGoOn("--old-url: the new URLs begin with it, too")


def _copy(folder: Path, target: TargetSettings, silent: set[str], is_dry: bool) -> None:
    if not folder.is_dir():
        raise command.CannotGoOn(f"STORAGE_DIR: there is no folder {folder}")
    if not is_dry:
        S3Storage(target).check_access()
    upload = Upload(target, is_dry)
    present = files_in(folder)
    files = [file for file in present if file.key not in silent]
    follow("Copying", len(files), upload.run(files))
    verb = "would be copied" if is_dry else "copied"
    print(
        f"{upload.copied} of {len(files)} files {verb} ({upload.bytes / 1e6:.1f} MB); {upload.there} were there,"
        f" {upload.newer} are newer in the bucket; {len(present) - len(files)} belong to sides without audio."
    )


def _rewrite(rewrite: UrlRewrite, is_dry: bool) -> None:
    cards, jobs = rewrite.count()
    if not is_dry:
        follow("Rewriting", cards + jobs, rewrite.run())
    print(f"{cards} cards and {jobs} jobs {'would point' if is_dry else 'point'} to {rewrite.new} now.")
    if others := rewrite.other_bases():
        print(f"Some cards' URLs begin otherwise; --old-url takes one at a time: {', '.join(others)}")


if __name__ == "__main__":
    main()
