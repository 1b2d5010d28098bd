"""The first request of a process, which an upstream that counts every second wants as much in time as any other."""

import asyncio
import sys

from tests.service import ROOT
from tests.speech_server import SpeechServer

_PROGRAM = """
import asyncio, sys
from shared.clips import Voice
from worker.engines.speech import SpeechEngine

async def main(url):
    engine = SpeechEngine("sk-test", url, 30, 2)
    await asyncio.to_thread(int)  # as every worker has by then
    loaded = set(sys.modules)
    await engine.speak("Hello", Voice("en", "speech", "", "gpt-4o-mini-tts", "marin", "Speak plainly.", 1.0, {}))
    print(*set(sys.modules) - loaded)
    await engine.close()

asyncio.run(main(sys.argv[1]))
"""


async def test_it_loads_nothing_that_could_be_loaded_before() -> None:
    """The asyncio part of anyio took 15 ms: three workers that began at once were refused with 429 now and then."""
    async with SpeechServer() as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _PROGRAM, server.url, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        loaded, _ = await process.communicate()
    assert (process.returncode, loaded.decode().split()) == (0, [])
