"""`python -m scripts.dev`: the service on this machine until Ctrl-C; API and worker start anew when the code changes."""

import argparse
import json
import logging
import os
import signal
import socket
from pathlib import Path
from urllib.parse import urlencode

if __name__ == "__main__":
    # While the modules below load there is nothing to clean up: no KeyboardInterrupt, no traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import watchfiles

from scripts import command, demo_deck
from scripts.home import CHECKOUT, Home
from scripts.local_service import HOST, LocalService
from scripts.local_settings import engine_environment, local_api_settings
from scripts.programs import ProgramFailed, Programs
from scripts.screen import Screen
from scripts.signing import Signing, make_secret

WATCHED = [CHECKOUT / name for name in ("api", "worker", "shared", "migrations")]
# How long a signal may have to wait for the watcher, which is not Python.
WATCH_MS = 300


def main() -> None:
    parser = argparse.ArgumentParser(prog="just dev", description=__doc__)
    parser.add_argument("--data", type=Path, default=CHECKOUT / ".local", help="the folder that keeps everything")
    home = Home(parser.parse_args().data.absolute())
    command.run(lambda programs: run_dev(programs, home))


def run_dev(programs: Programs, home: Home) -> None:
    screen = Screen()
    lock = home.lock("just dev")
    make_secret(home.jwt_secret)
    settings = local_api_settings(home.jwt_secret)
    engine, signing = engine_environment(), Signing.of(settings)
    _refuse_used_port(settings.api_port)
    service = LocalService(programs, home, settings.api_port, signing.environment(), engine, lock=lock)
    with screen.step("Postgres and its tables"):
        service.start_postgres()
        demo_deck.put_in(service.database_url)
    runs = _start(service)
    screen.say(_welcome(service, engine["TTS_ENGINE"], signing.token(demo_deck.USER_ID)))
    logging.getLogger("watchfiles").setLevel(logging.ERROR)  # it has a word to say on Ctrl-C
    # It swallows what a signal raises, and returns.
    watch = watchfiles.watch(
        *WATCHED,
        watch_filter=watchfiles.PythonFilter(extra_extensions=(".css", ".html", ".js")),
        rust_timeout=WATCH_MS,
        yield_on_timeout=True,
        raise_interrupt=False,
    )
    for changes in watch:
        service.check_postgres()
        if reason := _reason_to_restart(service, changes, runs):
            screen.say(f"{reason}. Starting anew")
            service.stop_api_and_worker()
            runs = _start(service)


def _reason_to_restart(service: LocalService, changes: set[watchfiles.main.FileChange], runs: bool) -> str | None:
    if changes:
        names = sorted({str(Path(path).relative_to(CHECKOUT)) for _, path in changes})
        return f"Changed: {', '.join(names)}"
    try:
        if runs:
            service.check()
    except ProgramFailed as failure:
        return str(failure)
    return None


def _start(service: LocalService) -> bool:
    """Whether all of it runs. What ends at once says why on the terminal, and is tried again after the next change."""
    service.start_api_and_worker(logs=False)
    try:
        service.wait_until_ready()
        service.check()
    except ProgramFailed as failure:
        Screen().say(f"{failure}: waiting for a change")
        return False
    return True


def _welcome(service: LocalService, engine: str, token: str) -> str:
    body = json.dumps({"deckId": demo_deck.DECK_ID, "phrases": demo_deck.PHRASES[:2]})
    quoted = body.replace("'", "\\u0027")
    return f"""
Studio: open this, and make a deck speak:
{service.url}/studio#{urlencode({"token": token, "deck": demo_deck.DECK_ID, "example": 1})}

API       {service.url}   (its documentation: {service.url}/schema)
Audio     {service.audio_url}/demo-01_en.mp3, once it is made by the {engine} engine
Postgres  {service.database_url}
Token     of {demo_deck.USER_ID}, good for 24 hours; `just token USER` prints others:
{token}

The same without the page:
curl -X POST {service.url}/api/tts/generate -H 'Content-Type: application/json' \\
  -H 'Authorization: Bearer {token}' \\
  -d '{quoted}'

Ctrl-C ends it. Changed code starts API and worker anew.
"""


def _refuse_used_port(port: int) -> None:
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        raise command.CannotGoOn(
            f"port {port} cannot be used ({os.strerror(error.errno or 0)}): set API_PORT to another"
        ) from None


if __name__ == "__main__":
    main()
