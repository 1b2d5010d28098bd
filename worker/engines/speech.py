"""Speaks over `POST /v1/audio/speech`: OpenAI's, or that of any server made after it. Neither retries nor judges the audio."""

import asyncio
from urllib.parse import urlsplit

import httpx2
import openai
import structlog
from openai import omit

from shared.clips import Voice
from worker.engines import Speech
from worker.engines.upstream_errors import fault_of
from worker.errors import BadAudio

log = structlog.get_logger(__name__)

# Servers on uvicorn drop an idle connection after 5 seconds: ours go first, so that no request meets a closing one.
_KEEP_IDLE_SECONDS = 3.0
_CONNECT_SECONDS = 10.0


class SpeechEngine:
    """OpenAI's speech API, or a server that speaks it."""

    def __init__(self, api_key: str, base_url: str, timeout_seconds: float, max_connections: int) -> None:
        self._api_key = api_key
        self._base_url = base_url
        self._timeout_seconds = timeout_seconds
        self._client = _client(api_key, base_url, timeout_seconds, max_connections)
        if urlsplit(base_url).hostname == "api.openai.com":
            log.warning("OpenAI shuts its speech models down on 2027-01-06", base_url=base_url)

    @property
    def upstream(self) -> str:
        """Names what is paced."""
        return f"speech {self._base_url}"

    async def speak(self, text: str, voice: Voice) -> Speech:
        """The text as the upstream's bytes, whatever they are."""
        try:
            # The client's own timeouts are per read: a server that drips a byte a second would never meet them.
            async with asyncio.timeout(self._timeout_seconds):
                audio = await self._request(text, voice)
        except (openai.OpenAIError, httpx2.HTTPError, OSError, ValueError, TypeError) as error:
            # Not `from error`: what the client raises may quote the headers, and with them the key.
            raise fault_of(error, self._api_key) from None
        if not audio:
            raise BadAudio("The upstream answered without any audio.")
        return Speech(audio)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()

    async def _request(self, text: str, voice: Voice) -> bytes:
        answer = await self._client.audio.speech.create(
            input=text,
            model=voice.model,
            voice=voice.name,
            response_format="mp3",
            # Left out where they say nothing: some servers refuse fields that they don't know, as tts-1 does instructions.
            instructions=voice.instructions or omit,
            speed=voice.speed if voice.speed != 1.0 else omit,
            extra_body=dict(voice.extra_body) or None,
        )
        return answer.content


def _client(api_key: str, base_url: str, timeout_seconds: float, max_connections: int) -> openai.AsyncOpenAI:
    timeout = httpx2.Timeout(timeout_seconds, connect=min(timeout_seconds, _CONNECT_SECONDS))
    limits = httpx2.Limits(
        max_connections=max_connections,
        max_keepalive_connections=max_connections,
        keepalive_expiry=_KEEP_IDLE_SECONDS,
    )
    client = openai.AsyncOpenAI(
        api_key=api_key,
        base_url=base_url,
        max_retries=0,
        timeout=timeout,
        http_client=openai.DefaultAsyncHttpxClient(timeout=timeout, limits=limits),
    )
    # What the client would load with its first request, 30 ms: an upstream that counts every second doesn't forgive so much.
    _ = client.audio.speech, client.platform_headers()
    return client
