"""`python -m scripts.demo`: a deck learns to speak, start to end, on this machine. A second run finds its audio again."""

import argparse
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

if __name__ == "__main__":
    # While the modules below load there is nothing to clean up: no KeyboardInterrupt, no traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from scripts import command, demo_deck
from scripts.api_client import ApiClient, JobStatus
from scripts.home import CHECKOUT, Home
from scripts.job_report import JobReport, read_report
from scripts.local_service import HOST, LocalService
from scripts.local_settings import engine_environment
from scripts.programs import Programs
from scripts.screen import Screen
from scripts.signing import Signing
from shared.clips import normalise
from worker import audio

POLL_SECONDS = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(prog="just demo", description=__doc__)
    parser.add_argument("--data", type=Path, default=CHECKOUT / ".local", help="the folder that keeps everything")
    home = Home(parser.parse_args().data.absolute())
    command.run(lambda programs: run_demo(programs, home))


def run_demo(programs: Programs, home: Home) -> None:
    began = time.monotonic()
    screen = Screen()
    engine = engine_environment()
    signing = Signing(secret=token_hex(32))
    lock = home.lock("just demo")
    service = LocalService(programs, home, _free_port(), signing.environment(), engine, lock=lock)
    screen.say(f"A deck of {len(demo_deck.PHRASES)} phrases learns to speak, with the {engine['TTS_ENGINE']} engine")
    start(service, screen)
    client = ApiClient(service.url, signing.token(demo_deck.USER_ID))
    job_id = client.generate(demo_deck.DECK_ID, demo_deck.PHRASES)
    screen.say(f"  POST {service.url}/api/tts/generate: job {job_id}")
    job = screen.follow(_statuses(client, service, job_id))
    if job.status != "completed":
        raise command.CannotGoOn(f"the job {job.status}: {job.error_message}")
    report = read_report(service.database_url, job_id, [phrase["cardId"] for phrase in demo_deck.PHRASES])
    screen.show_cards(demo_deck.PHRASES, job.result_urls, report)
    screen.say(f"  {_check_one(client, job)}")
    with screen.step("Stopping everything"):
        programs.stop()
    screen.say(_summary(report, time.monotonic() - began))
    screen.say(
        f"Listen: {home.audio}/{demo_deck.PHRASES[0]['cardId']}_en.mp3 and its neighbours. `just dev` keeps it all running."
    )


def start(service: LocalService, screen: Screen) -> None:
    """Everything, with the demo deck in the database."""
    with screen.step("Postgres and its tables"):
        service.start_postgres()
        demo_deck.put_in(service.database_url)
    with screen.step("API and worker"):
        service.start_api_and_worker()
        service.wait_until_ready()


def _statuses(client: ApiClient, service: LocalService, job_id: str) -> Iterator[JobStatus]:
    while True:
        status = client.status(job_id)
        yield status
        if status.has_ended:
            return
        service.check()
        time.sleep(POLL_SECONDS)


def _check_one(client: ApiClient, job: JobStatus) -> str:
    url, text = job.result_urls[0]["audioUrlFr"], demo_deck.PHRASES[0]["textFr"]
    if url is None:
        raise command.CannotGoOn("the first card has no French audio")
    mp3 = client.audio(url)
    facts = audio.accept(mp3, normalise(text))
    return f"GET {url}: 200, audio/mpeg, {len(mp3)} bytes, decodes to {facts.duration_ms / 1000:.1f} s of sound"


def _summary(report: JobReport, seconds: float) -> str:
    made, cached = report.clips_made, report.clips_cached
    some = f"{made} clips were made, {cached} came from the cache"
    clips = some if made else f"all {cached} clips came from the cache"
    return f"Done in {seconds:.1f} seconds: {clips}."


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])


if __name__ == "__main__":
    main()
