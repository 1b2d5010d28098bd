"""What the OpenAI client can do alone: so many requests in flight, no database, no storage, no look at the audio.

`python -m tests.benchmarks.bare_loop URL CLIPS IN_FLIGHT [decode]` prints its figures as JSON; with `decode` each answer is
heard, on the spot.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator

import openai

from worker.audio import accept

_INSTRUCTIONS = (
    "Read the text exactly as it is written, clearly and at an even pace, as for someone who learns the language."
)


async def run(base_url: str, clips: int, in_flight: int, decode: bool) -> dict[str, float]:
    """Asks for the clips; returns what that took."""
    texts = (f"The train for deck-1-{number} leaves early" for number in range(clips))
    async with openai.AsyncOpenAI(api_key="sk-any", base_url=base_url, max_retries=0) as client:
        seconds, cpu_seconds = time.monotonic(), time.process_time()
        await asyncio.gather(*(_hand(client, texts, decode) for _ in range(in_flight)))
        return {"seconds": time.monotonic() - seconds, "cpu_seconds": time.process_time() - cpu_seconds}


async def _hand(client: openai.AsyncOpenAI, texts: Iterator[str], decode: bool) -> None:
    for text in texts:
        answer = await client.audio.speech.create(
            input=text, model="gpt-4o-mini-tts", voice="marin", response_format="mp3", instructions=_INSTRUCTIONS
        )
        assert answer.content
        if decode:
            accept(answer.content, text)


if __name__ == "__main__":
    url, clips, in_flight, *options = sys.argv[1:]
    print(json.dumps(asyncio.run(run(url, int(clips), int(in_flight), decode="decode" in options))))
