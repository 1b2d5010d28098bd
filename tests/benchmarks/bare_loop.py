"""What the OpenAI client can do alone: so many requests in flight, no database, no storage, no look at the audio.

`python -m tests.benchmarks.bare_loop URL CLIPS IN_FLIGHT` prints its figures as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator

import openai

_INSTRUCTIONS = (
    "Read the text exactly as it is written, clearly and at an even pace, as for someone who learns the language."
)


async def run(base_url: str, clips: int, in_flight: int) -> dict[str, float]:
    """Asks for the clips; returns what that took."""
    texts = (f"The train for deck-1-{number} leaves early" for number in range(clips))
    async with openai.AsyncOpenAI(api_key="sk-any", base_url=base_url, max_retries=0) as client:
        seconds, cpu_seconds = time.monotonic(), time.process_time()
        await asyncio.gather(*(_hand(client, texts) for _ in range(in_flight)))
        return {"seconds": time.monotonic() - seconds, "cpu_seconds": time.process_time() - cpu_seconds}


async def _hand(client: openai.AsyncOpenAI, texts: Iterator[str]) -> None:
    for text in texts:
        answer = await client.audio.speech.create(
            input=text, model="gpt-4o-mini-tts", voice="marin", response_format="mp3", instructions=_INSTRUCTIONS
        )
        assert answer.content


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))))
