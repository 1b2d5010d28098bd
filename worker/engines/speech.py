"""Speaks over `POST /v1/audio/speech`: OpenAI's, or that of any server made after it. Neither retries nor judges the audio."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
import openai
from openai import omit

from shared.clips import Voice
from shared.errors import MemolistError
from worker.engines import Speech
from worker.engines.bounded_body import ASK_UNPACKED, bound
from worker.engines.patience import Patience
from worker.engines.shutdown import ModelShutdown, is_openai
from worker.engines.upstream_errors import fault_of
from worker.errors import BadAudio, ModelNotFound

# Servers on uvicorn drop an idle connection after 5 seconds: ours go first, so that no request meets a closing one.
_KEEP_IDLE_SECONDS = 3.0
_CONNECT_SECONDS = 10.0
# A server that loads its model for the first request: five minutes by default. OpenAI's models are always there.
_FIRST_ANSWER_TIMES = 5


class SpeechEngine:
    """OpenAI's speech API, or a server that speaks it."""

    def __init__(
        self,
        api_key: str,
        base_url: str,
        timeout_seconds: float,
        max_connections: int,
        patience: Patience | None = None,
        shutdown: ModelShutdown | None = None,
    ) -> None:
        """Inside a running event loop: the engine warns of the shutdown by itself, until it is closed."""
        self._api_key = api_key
        self._base_url = base_url
        self._patience = patience or _patience(base_url, timeout_seconds)
        self._shutdown = shutdown or ModelShutdown(base_url)
        # The one used last is taken first: few connections are kept warm, where few are needed.
        self._clients: asyncio.LifoQueue[openai.AsyncOpenAI] = asyncio.LifoQueue()
        for client in _clients(api_key, base_url, min(timeout_seconds, _CONNECT_SECONDS), max_connections):
            self._clients.put_nowait(client)
        self._warnings = asyncio.create_task(self._shutdown.run())

    @property
    def upstream(self) -> str:
        """Names what is paced."""
        return f"speech {self._base_url}"

    async def speak(self, text: str, voice: Voice) -> Speech:
        """The text as the upstream's bytes, whatever they are."""
        try:
            async with self._a_client() as client, self._patience.limit():
                audio = await self._request(client, text, voice)
        except (openai.OpenAIError, httpx2.HTTPError, OSError, ValueError, TypeError) as error:
            if isinstance(error.__cause__, BadAudio):  # the client takes what its hooks raise for a lost connection
                raise error.__cause__ from None
            # Not `from error`: what the client raises may quote the headers, and with them the key.
            raise self._fault_of(error, voice) from None
        if not audio:
            raise BadAudio("The upstream answered without any audio.")
        self._patience.answered()
        return Speech(audio)

    async def close(self) -> None:
        """Closes the connections."""
        self._warnings.cancel()
        while not self._clients.empty():
            await self._clients.get_nowait().close()

    @asynccontextmanager
    async def _a_client(self) -> AsyncIterator[openai.AsyncOpenAI]:
        client = await self._clients.get()
        try:
            yield client
        finally:
            self._clients.put_nowait(client)

    async def _request(self, client: openai.AsyncOpenAI, text: str, voice: Voice) -> bytes:
        answer = await client.audio.speech.create(
            input=text,
            model=voice.model,
            voice=voice.name,
            response_format="mp3",
            # Left out where they say nothing: some servers refuse fields that they don't know, as tts-1 does instructions.
            instructions=voice.instructions or omit,
            speed=voice.speed if voice.speed != 1.0 else omit,
            extra_body=_extra_body(text, voice),
        )
        return answer.content

    def _fault_of(self, error: Exception, voice: Voice) -> MemolistError:
        fault = fault_of(error, self._api_key)
        return self._shutdown.explain(fault, voice.model) if isinstance(fault, ModelNotFound) else fault


def _extra_body(text: str, voice: Voice) -> dict[str, Any]:
    """`TTS_EXTRA_BODY` goes before every field but the text, and takes out those that it sets to null."""
    filled = _fill(dict(voice.extra_body), voice)
    return {name: omit if value is None else value for name, value in filled.items()} | {"input": text}


def _fill(value: Any, voice: Voice) -> Any:
    """The same with `{language}` as `en` or `fr`: there is one TTS_EXTRA_BODY for both, and servers that must be told."""
    match value:
        case str():
            return value.replace("{language}", voice.language)
        case dict():
            return {name: _fill(inner, voice) for name, inner in value.items()}
        case list():
            return [_fill(inner, voice) for inner in value]
        case _:
            return value


def _patience(base_url: str, timeout_seconds: float) -> Patience:
    return Patience(timeout_seconds, timeout_seconds * (1 if is_openai(base_url) else _FIRST_ANSWER_TIMES))


def _clients(api_key: str, base_url: str, connect_seconds: float, count: int) -> list[openai.AsyncOpenAI]:
    """One for each connection: a client looks at all that it has for each request and each answer."""
    # Its other limits are per read, which a server that drips a byte a second would never meet: `Patience` limits the whole.
    timeout = httpx2.Timeout(None, connect=connect_seconds)
    limits = httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_KEEP_IDLE_SECONDS)
    trusted = httpx2.create_ssl_context()
    clients = [
        openai.AsyncOpenAI(
            api_key=api_key,
            base_url=base_url,
            max_retries=0,
            timeout=timeout,
            http_client=openai.DefaultAsyncHttpxClient(
                verify=trusted, timeout=timeout, limits=limits, headers=ASK_UNPACKED, event_hooks={"response": [bound]}
            ),
        )
        for _ in range(count)
    ]
    # What the clients would load with the first request, 45 ms: an upstream that counts every second doesn't forgive so much.
    anyio.Event()
    for client in clients:
        _ = client.audio.speech, client.platform_headers()
    return clients
