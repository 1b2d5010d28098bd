"""The API is a small program: it has no use for the OpenAI client, the audio libraries and Alembic, nor for settings at import."""

import subprocess
import sys

from tests.service import ROOT

USELESS = ("openai", "miniaudio", "lameenc", "espeakng_loader", "worker", "alembic")


def test_importing_the_api_loads_nothing_that_it_cannot_use_and_reads_no_settings() -> None:
    program = f"import api.app, api.__main__, sys; print([name for name in {USELESS!r} if name in sys.modules])"

    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env={}, capture_output=True, text=True, check=True
    )

    assert ended.stdout == "[]\n"
