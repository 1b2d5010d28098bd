"""SIGTERM to an API with open connections of every kind: what can be answered is, and nobody who dawdles holds it up."""

import asyncio
from urllib.parse import urlsplit

from tests.event_stream import watching
from tests.service import GIVE_UP_SECONDS, Service, phrases, token

HALF_A_POST = """POST /api/tts/generate HTTP/1.1
Host: x
Authorization: Bearer {}
Content-Type: application/json
Content-Length: 1000

{{"deckId\"""".replace("\n", "\r\n")


class Client:
    """A connection on which somebody has said something."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer

    @classmethod
    async def says(cls, service: Service, words: str) -> "Client":
        address = urlsplit(service.url)
        client = cls(*await asyncio.open_connection(address.hostname, address.port))
        client.writer.write(words.encode())
        return client

    async def rest(self) -> str:
        """All that is answered until the server closes."""
        async with asyncio.timeout(GIVE_UP_SECONDS):
            said = (await self._reader.read()).decode()
        self.writer.close()
        return said


async def test_it_ends_at_once_whoever_holds_a_connection(service: Service) -> None:
    service.add_deck("deck", ["card-1"])
    api = await service.start_api()
    job_id = await service.post("deck", phrases(["card-1"]))
    idle = await Client.says(service, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"200 OK" in await idle._reader.readuntil(b"}")
    half_a_head = await Client.says(service, "GET /health HTTP/1.1\r\nHo")
    half_a_body = await Client.says(service, HALF_A_POST.format(token("anna")))

    async with watching(service.url, job_id) as stream:
        assert await stream.next()  # by now the API has read what came before
        ending = asyncio.create_task(service.stop(api))
        assert await stream.rest() == []

    told = await half_a_body.rest()
    assert "HTTP/1.1 503 Service Unavailable" in told
    assert "retry-after: 5" in told.lower()
    assert "Idempotency-Key" in told
    assert await idle.rest() == await half_a_head.rest() == ""
    assert await ending == 0
    assert "exceeded" not in service.log("api")
    assert "Traceback" not in service.log("api")
    assert service.sql('SELECT count(*) FROM public."TtsJob"') == [(1,)]
