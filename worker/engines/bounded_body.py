"""Answers are read no further than audio can reach, as they are sent: an upstream must not be able to fill the memory."""

from collections.abc import AsyncIterator
from typing import cast

import httpx2

from worker.errors import BadAudio
from worker.sound.thresholds import LARGEST_BODY_BYTES

# Audio is packed already, and errors are small. What is packed could become a thousand times as large.
ASK_UNPACKED = {"Accept-Encoding": "identity"}


def check_size(size: int) -> None:
    """Raises BadAudio where this is more than any audio takes."""
    if size > LARGEST_BODY_BYTES:
        raise BadAudio(f"The answer is too large: more than {LARGEST_BODY_BYTES >> 20} MB.")


async def bound(response: httpx2.Response) -> None:
    """A hook for the client, which reads every body whole: those of errors too."""
    response.headers.pop("Content-Encoding", None)
    response.stream = _Bounded(cast(httpx2.AsyncByteStream, response.stream))


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for block in self._stream:
            size += len(block)
            check_size(size)
            yield block

    async def aclose(self) -> None:
        await self._stream.aclose()
