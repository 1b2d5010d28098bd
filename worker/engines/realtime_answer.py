"""One response of the Realtime API, put together from its events. Pure: neither sends nor waits."""

import binascii

from shared.errors import MemolistError
from shared.usage import Usage
from worker.engines import Speech
from worker.engines.bounded_body import check_size
from worker.engines.pcm import wav_of
from worker.engines.realtime_errors import fault_of_report
from worker.engines.realtime_events import Event, count, part, parts
from worker.engines.realtime_prompt import SAMPLE_RATE
from worker.errors import BadAudio, Unspoken, UpstreamFault

_CUT_OFF = {
    "max_output_tokens": "The answer grew far longer than its text takes to read, and was cut off.",
    "content_filter": "The upstream's content filter cut the answer off.",
}


class Answer:
    """Takes events one by one; those of other responses, and those that it does not know, change nothing."""

    def __init__(self, request_id: str, secret: str) -> None:
        self._request_id = request_id
        self._secret = secret
        self._response_id: str | None = None
        self._response: Event | None = None
        self._pcm = bytearray()
        self._transcripts: list[str] = []

    @property
    def has_begun(self) -> bool:
        """Whether the upstream has said that it heard the request: from then on it costs."""
        return self._response_id is not None

    @property
    def is_over(self) -> bool:
        return self._response is not None

    def take(self, event: Event) -> None:
        """Raises what an `error` event says to this request, and BadAudio for audio that is none."""
        kind = event.get("type")
        if kind == "error":
            self._refuse(part(event, "error"))
        elif kind == "response.created":
            self._begin(part(event, "response"))
        elif not self.has_begun:
            return
        elif kind == "response.done" and part(event, "response").get("id") == self._response_id:
            self._response = part(event, "response")
        elif event.get("response_id") == self._response_id:
            self._hear(event)

    def speech(self) -> Speech:
        """What was spoken, once it is over. Raises why it is not to be used, with what it cost."""
        fault = self._fault()
        if fault is None:
            return Speech(wav_of(bytes(self._pcm), SAMPLE_RATE), self._transcript(), self._usage())
        if isinstance(fault, Unspoken):
            fault.usage = self._usage()
        raise fault

    def _refuse(self, report: Event) -> None:
        if report.get("event_id") in (None, self._request_id):
            raise fault_of_report(report, self._secret)

    def _begin(self, response: Event) -> None:
        asked_by = part(response, "metadata").get("request", self._request_id)
        if not self.has_begun and asked_by == self._request_id:
            self._response_id = str(response.get("id"))

    def _hear(self, event: Event) -> None:
        if event.get("type") == "response.output_audio.delta":
            try:
                self._pcm += binascii.a2b_base64(event.get("delta") or "", strict_mode=True)
            except (ValueError, TypeError):
                raise BadAudio("The upstream sent audio that cannot be decoded.") from None
            check_size(len(self._pcm))
        elif event.get("type") == "response.output_audio_transcript.done":
            self._transcripts.append(str(event.get("transcript") or ""))

    def _fault(self) -> MemolistError | None:
        response = self._response or {}
        details = part(response, "status_details")
        match response.get("status"):
            case "completed":
                return self._fault_in_what_was_said()
            case "incomplete":
                return BadAudio(_CUT_OFF.get(str(details.get("reason")), "The upstream did not finish its answer."))
            case "failed":
                return fault_of_report(part(details, "error"), self._secret)
            case _:
                return UpstreamFault("The upstream broke its answer off.")

    def _fault_in_what_was_said(self) -> MemolistError | None:
        if not self._pcm:
            return BadAudio("The upstream answered without any audio.")
        if len(self._pcm) % 2:
            return BadAudio("The upstream sent audio that ends in the middle of a sample.")
        # Without one nobody would notice a question that was answered instead of read.
        return None if self._transcript() is not None else BadAudio("The upstream did not say which words it spoke.")

    def _transcript(self) -> str | None:
        told = self._transcripts or self._transcripts_of_items()
        return " ".join(told) if told else None

    def _transcripts_of_items(self) -> list[str]:
        contents = [content for item in parts(self._response or {}, "output") for content in parts(item, "content")]
        return [words for content in contents if isinstance(words := content.get("transcript"), str)]

    def _usage(self) -> Usage:
        usage = part(self._response or {}, "usage")
        details = part(usage, "output_token_details")
        audio = count(details, "audio_tokens")
        # What a model thought is in the sum, but perhaps in neither part: it is billed as text.
        text = max(count(details, "text_tokens"), count(usage, "output_tokens") - audio)
        return Usage(count(usage, "input_tokens"), text, audio)
