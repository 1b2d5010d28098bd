"""One connection to the stand-in for the Realtime API: takes a session's settings, then speaks one text after the other."""

import asyncio
import json
import re
import time
from itertools import count
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from tests.realtime_faults import BEFORE_THE_ANSWER, ERRORS, Fault, Request
from tests.realtime_speech import Event, Spoken, rate_limits

if TYPE_CHECKING:
    from tests.realtime_server import RealtimeServer

_FOREVER = 1e9
_FRAMED = re.compile(r"<(card\d*)>(.*)</\1>", re.DOTALL)
_ids = count(1)


class Session:
    """What one WebSocket is told and says."""

    def __init__(self, server: "RealtimeServer", number: int, http: web.Request) -> None:
        self._server = server
        self._number = number
        self._model = http.query.get("model", "")
        self._api_key = http.headers.get("Authorization", "").removeprefix("Bearer ")
        self._began_at = time.monotonic()
        self._settings: Event = {}
        self._served = 0
        self._request_under_way: Request | None = None
        self._speaking: asyncio.Task[None] | None = None
        self._transport = http.transport
        self.socket = web.WebSocketResponse(max_msg_size=0)

    @property
    def is_busy(self) -> bool:
        return self._request_under_way is not None and self._request_under_way.ended_at is None

    async def run(self) -> None:
        """Until one of both ends it."""
        fault = self._server.fault("open")
        if fault:
            await self.send("error", error=fault.report)
            await self._close_for(fault)
            return
        session: Event = {"type": "realtime", "object": "realtime.session", "id": f"sess_{self._number}"}
        if self._server.session_seconds is not None and self._server.announces_expiry:
            session["expires_at"] = int(time.time() + self._server.session_seconds)
        await self.send("session.created", session=session)
        try:
            async for message in self.socket:
                if message.type == WSMsgType.TEXT:
                    await self._take(json.loads(message.data))
        finally:
            if self._speaking:
                self._speaking.cancel()
                await asyncio.wait([self._speaking])

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send_str(json.dumps({"type": kind, "event_id": f"event_{next(_ids)}", **fields}))

    def cut(self) -> None:
        """No goodbye: the client sees the connection break."""
        if self._transport:
            self._transport.abort()

    async def _take(self, event: Event) -> None:
        match event.get("type"):
            case "session.update":
                await self._configure(event["session"])
            case "response.create":
                await self._create(event)
            case _:
                await self._refuse("unknown_event", "The stand-in does not know this event.", None)

    async def _configure(self, session: Event) -> None:
        fault = self._server.fault("session") or self._server.fault("close")
        if fault:
            if fault.place == "session":
                await self.send("error", error=fault.report)
            await self._close_for(fault)
        elif self._served and _voice(session) != _voice(self._settings):
            await self._refuse("cannot_update_voice", "The voice cannot be changed once audio was produced.", None)
        elif session.get("type") != "realtime" or not _voice(session):
            await self._refuse("invalid_value", "session.type and a voice are required.", None)
        else:
            self._settings = session
            await self.send("session.updated", session=session)

    async def _create(self, event: Event) -> None:
        request = self._request(event["response"])
        self._server.requests.append(request)
        if self.is_busy or not request.text or request.response.get("conversation") != "none":
            request.outcome = "overlap" if self.is_busy else "invalid"
            request.ended_at = time.monotonic()
            await self._refuse(request.outcome, "One response at a time, out of band.", event.get("event_id"))
            return
        self._request_under_way = request
        self._speaking = asyncio.create_task(self._speak_and_record(request, event.get("event_id")))

    def _request(self, response: Event) -> Request:
        content = response["input"][0]["content"][0]["text"]
        framed = _FRAMED.fullmatch(content)
        speed = float(self._settings["audio"]["output"].get("speed", 1.0))
        return Request(
            self._number,
            framed[2] if framed else "",
            response.get("instructions", ""),
            _voice(self._settings),
            self._model,
            speed,
            self._api_key,
            self._settings,
            response,
        )

    async def _speak_and_record(self, request: Request, event_id: str | None) -> None:
        with self._server.counted():
            try:
                await self._answer(request, event_id)
            except (asyncio.CancelledError, ConnectionError):
                if request.outcome == "under way":
                    request.outcome = "cut off"
            finally:
                request.ended_at = request.ended_at or time.monotonic()

    async def _answer(self, request: Request, event_id: str | None) -> None:
        if self._has_expired():
            request.outcome = "session_expired"
            await self._expire()
            return
        fault = self._server.fault("response", request.text) or self._server.fault("done", request.text)
        kind = fault.kind if fault else "ok"
        if kind == "held":
            await self._server.healed.wait()
        if fault and await self._fails_before_the_answer(fault, request, event_id):
            return
        self._served += 1
        answer = Spoken(request, kind, fault)
        async for event in answer.events(self._server.latency_seconds):
            if event is None:  # something happens to the connection
                request.outcome = kind
                await self._break(kind)
                return
            if event["type"] == "response.done":
                request.outcome, request.ended_at = kind, time.monotonic()
            await self.socket.send_str(json.dumps({"event_id": f"event_{next(_ids)}", **event}))

    async def _fails_before_the_answer(self, fault: Fault, request: Request, event_id: str | None) -> bool:
        if fault.place == "done" or fault.kind not in BEFORE_THE_ANSWER | ERRORS.keys():
            return False
        if fault.kind == "hang":
            await asyncio.sleep(_FOREVER)
        request.outcome = fault.kind
        if fault.kind == "cut_early":
            self.cut()
        elif fault.kind == "garbage":
            await self.socket.send_str('{"type": "response.cre')
        elif fault.kind == "session_expired":
            await self._expire()
        else:
            if fault.seconds:
                await self.send("rate_limits.updated", rate_limits=rate_limits(fault.seconds))
            await self.send("error", error=fault.report | {"event_id": event_id})
        return True

    async def _break(self, kind: str) -> None:
        match kind:
            case "cut":
                self.cut()
            case "silent":
                await asyncio.sleep(_FOREVER)
            case "drip":
                while True:
                    await self.send("response.output_text.delta", delta=".")
                    await asyncio.sleep(0.02)
            case "expire":
                await self._expire()
            case "garbage_later":
                await self.socket.send_bytes(b"\xff\x00 this is no JSON")

    def _has_expired(self) -> bool:
        limits = self._server
        is_old = limits.session_seconds is not None and time.monotonic() - self._began_at > limits.session_seconds
        return is_old or (limits.session_responses is not None and self._served >= limits.session_responses)

    async def _expire(self) -> None:
        """As OpenAI does it: says so, and goes."""
        report = Fault("session_expired").report
        await self.send("error", error=report)
        await self.socket.close(code=1001, message=report["message"].encode())

    async def _close_for(self, fault: Fault) -> None:
        await self.socket.close(code=4000, message=f"{fault.report['type']}.{fault.kind}".encode())

    async def _refuse(self, code: str, message: str, event_id: str | None) -> None:
        report = {"type": "invalid_request_error", "code": code, "message": message, "event_id": event_id}
        await self.send("error", error=report)


def _voice(session: Event) -> str:
    voice = session.get("audio", {}).get("output", {}).get("voice", "")
    return str(voice["id"] if isinstance(voice, dict) else voice)
