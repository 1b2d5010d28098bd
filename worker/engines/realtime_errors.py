"""From what goes wrong on a WebSocket to what to do about it: the same classes and words as for `/v1/audio/speech`. Pure."""

import re

import httpx2
import openai
from websockets.exceptions import ConnectionClosed, InvalidStatus

from shared.errors import MemolistError
from worker.engines.realtime_events import Event
from worker.engines.upstream_errors import fault_of
from worker.errors import ClipRefused, KeyRejected, UpstreamFault

SESSION_EXPIRED = "session_expired"
_INVALID = "invalid_request_error"
_BAD_KEY = frozenset("invalid_api_key invalid_authentication authentication_error".split())
# How OpenAI ends a connection that it refuses: close code 3000 or 4000 and "invalid_request_error.invalid_api_key".
_TYPE_AND_CODE = re.compile(r"([a-z_]+)\.([a-z_]+)")
_REQUEST = httpx2.Request("GET", "http://realtime")


class SessionExpired(Exception):
    """A session lasts an hour at most: it is replaced, and nothing is wrong."""


def check_key(key: str) -> None:
    """Raises KeyRejected for a key that cannot be sent: in a handshake it could become a header of its own."""
    fault = fault_of(ConnectionError(), key)  # looks at the key first
    if isinstance(fault, KeyRejected):
        raise fault


def fault_of_handshake(error: Exception, secret: str) -> MemolistError:
    """What came instead of a connection: an answer in HTTP, nobody there, or something that is no WebSocket."""
    if isinstance(error, InvalidStatus):
        answer = error.response
        # No other header: of an encoding, say, the body here knows nothing.
        waits = [(name, value) for name, value in answer.headers.raw_items() if name.lower().startswith("retry-after")]
        body = (answer.body or b"").decode(errors="replace")
        response = httpx2.Response(answer.status_code, headers=waits, content=body, request=_REQUEST)
        return fault_of(openai.APIStatusError("", response=response, body=body), secret)
    if isinstance(error, OSError) and not isinstance(error, TimeoutError):
        gone = openai.APIConnectionError(request=_REQUEST)
        gone.__cause__ = httpx2.ConnectError(str(error) or type(error).__name__)
        return fault_of(gone, secret)
    return fault_of(error, secret)


def fault_of_end(error: Exception, secret: str) -> MemolistError:
    """Why a connection ended too early."""
    if isinstance(error, MemolistError):
        return error
    if isinstance(error, SessionExpired):
        return fault_of_report({"code": SESSION_EXPIRED}, secret)
    if not isinstance(error, ConnectionClosed) or not error.rcvd:
        return fault_of(error, secret)
    said = error.rcvd.reason
    if told := _TYPE_AND_CODE.fullmatch(said):
        return fault_of_report({"type": told[1], "code": told[2], "message": said}, secret)
    fault = fault_of(error, secret)
    fault.reason = f"{type(fault).__name__}: closed with {error.rcvd.code}"
    return fault


def fault_of_report(report: Event, secret: str) -> MemolistError:
    """What an `error` event says, or a response that failed: `type`, `code` and `message`, and no status.

    Only where the request itself is called invalid may a clip be given up: of anything unknown, another try may know better.
    """
    if report.get("code") == SESSION_EXPIRED:
        return UpstreamFault("The upstream's session expired before its answer was whole.")
    is_bad_key = not _BAD_KEY.isdisjoint((str(report.get("code")), str(report.get("type"))))
    fault = _as_if(401 if is_bad_key else 400, report, secret)
    if isinstance(fault, ClipRefused) and report.get("type") != _INVALID:
        return _as_if(500, report, secret)
    return fault


def _as_if(status: int, report: Event, secret: str) -> MemolistError:
    """The fault if this had been the answer to a request, without the status that nobody sent."""
    response = httpx2.Response(status, request=_REQUEST)
    fault = fault_of(openai.APIStatusError("", response=response, body=report), secret)
    fault.args = (str(fault).replace(f"(HTTP {status}: ", "(", 1),)
    fault.reason = fault.reason.replace(f": HTTP {status}", ":", 1)
    fault.status = "error"
    return fault
