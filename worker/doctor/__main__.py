"""`python -m worker.doctor [--no-upstream] [--url URL] [--free-mb N]`: what is wrong with this installation, a line for each thing."""

import argparse
import asyncio
import os
import sys

from shared.logs import configure_logs
from shared.setting_sources import LogSettings
from shared.setting_types import as_base_url
from worker.doctor.audio import AudioChecks
from worker.doctor.checkup import Check, Finding, examine
from worker.doctor.database import DatabaseChecks
from worker.doctor.installation import Installation
from worker.doctor.speech import CHARACTERS, SECONDS, upstream

_FREE_MB = 500.0


def main() -> None:
    arguments = _arguments()
    configure_logs(LogSettings.model_construct(log_level="error", log_format="console"))
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # an upstream may say what a terminal cannot show
    try:
        asyncio.run(_run(arguments))
    except KeyboardInterrupt:
        raise SystemExit(130) from None


async def _run(arguments: argparse.Namespace) -> None:
    installation = Installation()
    findings = await _examine(installation, arguments)
    for finding in findings:
        print(f"{finding.verdict:<8} {finding.name:<10} {finding.line}")
    problems = sum(finding.verdict == "PROBLEM" for finding in findings)
    print(f"{problems} of {len(findings)} are not well." if problems else "All is well.", flush=True)
    os._exit(1 if problems else 0)  # asyncio would wait for a thread that hangs, in a dead network disk for example


async def _examine(installation: Installation, arguments: argparse.Namespace) -> list[Finding]:
    database = DatabaseChecks(installation)
    audio = AudioChecks(installation, arguments.url, arguments.free_mb)
    checks = [
        Check("settings", installation.settings),
        Check("database", database.database),
        Check("schema", database.schema),
        Check("workers", database.workers),
        Check("queue", database.queue),
        Check("keeping", database.keeping),
        Check("upstream", lambda: upstream(installation, not arguments.no_upstream), SECONDS),
        Check("storage", audio.storage),
        Check("disk", audio.disk),
        Check("public", audio.public),
    ]
    return await asyncio.gather(*map(examine, checks))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="just doctor", description="Says what is wrong with this installation.")
    parser.add_argument(
        "--no-upstream", action="store_true", help=f"do not ask it to speak; that costs {CHARACTERS} characters"
    )
    parser.add_argument(
        "--url", type=_url, help="where to look for audio, where PUBLIC_BASE_URL cannot be reached from here"
    )
    parser.add_argument(
        "--free-mb", type=float, default=_FREE_MB, help="less room than this is a problem (default: %(default).0f MB)"
    )
    return parser.parse_args()


def _url(text: str) -> str:
    """It may carry a user and a password, for a server that asks for them."""
    _, at, place = text.rpartition("@")
    try:
        as_base_url(f"{text.partition('//')[0]}//{place}" if at else text)
    except ValueError as error:  # whose words do not show it
        raise argparse.ArgumentTypeError(str(error)) from None
    return text.rstrip("/")


if __name__ == "__main__":
    main()
