"""A stand-in for S3: moto as a process of its own, and in front of it a door that fails on request.

moto lives in an environment of its own (`.venv-s3`), made here at the first use.
"""

import asyncio
import fcntl
import hashlib
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import aiohttp
import obstore
from aiohttp import web

from tests.ports import free_port
from tests.s3_bucket import clips, documented_policy, objects, open_directly
from tests.service import Answer

ROOT = Path(__file__).parent.parent
LOCK, ENVIRONMENT = ROOT / "requirements" / "s3.txt", ROOT / ".venv-s3"
START_SECONDS = 60
_FOREVER = 1e9
_HOP_HEADERS = {"transfer-encoding", "connection", "content-length", "keep-alive", "host"}

# Kind of fault: status and code of the error that it answers with.
ERRORS = {
    "slow_down": (503, "SlowDown"),
    "internal": (500, "InternalError"),
    "denied": (403, "AccessDenied"),
    "unknown_key": (403, "InvalidAccessKeyId"),
    "wrong_secret": (403, "SignatureDoesNotMatch"),
    "expired": (400, "ExpiredToken"),
    "skewed": (403, "RequestTimeTooSkewed"),
    "other_region": (301, "PermanentRedirect"),
    "wrong_region": (400, "AuthorizationHeaderMalformed"),
    "error_in_200": (200, "SlowDown"),
}
KINDS = frozenset(ERRORS) | {"reset", "hang", "held", "slow", "lost_answer", "unanswered"}
# What real bodies quote, and no message of ours may.
QUOTED = "AKIAQUOTEDBYTHESERVER"


@dataclass
class Fault:
    """How requests fail: every one, or the next `times`, or only those of a method, or whose path holds `path`.

    One that is `held` is passed on when all faults are taken back; one that is `unanswered` at once, and nobody hears of it. An
    error may take `seconds`.
    """

    kind: str
    times: int | None = None
    method: str = ""
    path: str = ""
    seconds: float = 0.0

    def __post_init__(self) -> None:
        assert self.kind in KINDS, f"no such fault: {self.kind}"

    def take(self, request: "Request") -> bool:
        """Whether this request fails so; counts it."""
        if self.times == 0 or self.method not in ("", request.method) or self.path not in request.path:
            return False
        self.times = None if self.times is None else self.times - 1
        return True


@dataclass
class Request:
    """One request as it came. `method` is COPY for a PUT that copies."""

    method: str
    path: str
    at: float = field(default_factory=time.monotonic)
    was_given_up: bool = False  # who asked has not waited for the answer


class S3Server:
    """`async with S3Server(moto_url) as s3:` gives a door with an empty, public bucket behind it."""

    def __init__(self, moto_url: str, bucket: str) -> None:
        self.bucket = bucket
        self.faults: list[Fault] = []
        self.healed = asyncio.Event()
        self.requests: list[Request] = []
        self.port = 0
        self.in_flight = 0
        self.peak_in_flight = 0
        self._moto_url = moto_url
        self._runner: web.AppRunner | None = None
        self._http: aiohttp.ClientSession | None = None

    @property
    def url(self) -> str:
        """What to set as AWS_ENDPOINT_URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def bucket_url(self) -> str:
        return f"{self.url}/{self.bucket}"

    @property
    def environment(self) -> dict[str, str]:
        """The settings of a program that uses it."""
        return {
            "STORAGE_TYPE": "s3",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_S3_BUCKET": self.bucket,
            "AWS_ACCESS_KEY_ID": "AKIATEST",
            "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-tests",
        }

    def fail(
        self, kind: str, times: int | None = None, *, method: str = "", path: str = "", seconds: float = 0.0
    ) -> Fault:
        """Makes requests fail from now on. The first fault that fits a request wins."""
        self.faults.append(Fault(kind, times, method, path, seconds))
        return self.faults[-1]

    def heal(self) -> None:
        """Takes all faults back. What is held goes on."""
        self.faults.clear()
        self.healed.set()
        self.healed = asyncio.Event()

    def count(self, method: str = "", path: str = "") -> int:
        """How many such requests came."""
        return len([one for one in self.requests if method in ("", one.method) and path in one.path])

    async def get(self, key: str) -> Answer:
        """What anybody gets, without a key: past the door."""
        assert self._http
        async with self._http.get(f"{self._moto_url}/{self.bucket}/{key}") as answer:
            return Answer(answer.status, await answer.read(), answer.headers)

    async def keys(self) -> dict[str, tuple[int, str]]:
        """Everything in the bucket, the hidden too: size and ETag."""
        return await asyncio.to_thread(objects, self._moto_url, self.bucket)

    async def clips(self) -> list[bytes]:
        """The audio of all clips in the cache, which nobody may get without a key."""
        return await asyncio.to_thread(clips, self._moto_url, self.bucket)

    async def put(self, key: str, content: bytes) -> None:
        """Puts something there as somebody else would."""
        await asyncio.to_thread(obstore.put, open_directly(self._moto_url, self.bucket), key, content)

    async def make_public(self) -> None:
        """The policy of docs/storage.md."""
        await self._administer("PUT", "?policy", documented_policy("PublicAudio", self.bucket))

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(auto_decompress=False)
        await self._administer("PUT", "")
        self._runner = web.AppRunner(self._app(), handler_cancellation=True, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        listening = socket.create_server(("127.0.0.1", self.port), backlog=1024)
        self.port = listening.getsockname()[1]
        await web.SockSite(self._runner, listening).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner
        assert self._http
        await self._runner.cleanup()
        await self._http.close()

    async def _administer(self, method: str, query: str, body: str = "") -> None:
        assert self._http
        headers = {"Content-Type": "application/json"}
        url = f"{self._moto_url}/{self.bucket}{query}"
        async with self._http.request(method, url, data=body, headers=headers) as answer:
            assert answer.status in (200, 204), await answer.text()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=100 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    async def _answer(self, http: web.Request) -> web.StreamResponse:
        body = await http.read()
        method = "COPY" if "x-amz-copy-source" in http.headers else http.method
        request = Request(method, http.raw_path)
        self.requests.append(request)
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        try:
            return await self._answer_or_fail(http, body, request)
        except asyncio.CancelledError:
            request.was_given_up = True
            raise
        finally:
            self.in_flight -= 1

    async def _answer_or_fail(self, http: web.Request, body: bytes, request: Request) -> web.StreamResponse:
        fault = next((fault for fault in self.faults if fault.take(request)), None)
        if fault is None:
            return await self._pass_on(http, body)
        if fault.kind in ERRORS:
            await asyncio.sleep(fault.seconds)
            return _error(http, fault.kind)
        return await self._trouble(http, body, fault)

    async def _trouble(self, http: web.Request, body: bytes, fault: Fault) -> web.StreamResponse:
        match fault.kind:
            case "reset":
                return _reset(http)
            case "hang":
                await asyncio.sleep(_FOREVER)
            case "held":
                await self.healed.wait()
            case "slow":
                await asyncio.sleep(fault.seconds)
        answer = await self._pass_on(http, body)
        if fault.kind == "unanswered":
            await asyncio.sleep(_FOREVER)
        return _reset(http) if fault.kind == "lost_answer" else answer

    async def _pass_on(self, http: web.Request, body: bytes) -> web.StreamResponse:
        assert self._http
        headers = {name: value for name, value in http.headers.items() if name.lower() not in _HOP_HEADERS}
        url = self._moto_url + http.raw_path
        async with self._http.request(http.method, url, data=body, headers=headers, allow_redirects=False) as answer:
            content = await answer.read()
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_HEADERS}
            if http.method == "HEAD":
                kept["Content-Length"] = answer.headers.get("Content-Length", "0")
            return web.Response(status=answer.status, body=content, headers=kept)


@contextmanager
def running_moto() -> Iterator[str]:
    """The URL of a moto of one's own."""
    port = free_port()
    command = [_python(), "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_it_listens(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _python() -> str:
    """The interpreter of moto's environment, which is made, or made anew, where it is not as the lock says."""
    python, stamp = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "lock"
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    with (LOCK.parent / ".s3.lock").open("w") as others:
        fcntl.flock(others, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            uv = [sys.executable, "-m", "uv"]
            subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, ENVIRONMENT], check=True)
            install = ["pip", "sync", "--quiet", "--require-hashes", "--python", str(python), str(LOCK)]
            subprocess.run([*uv, *install], check=True)
            stamp.write_text(wanted)
    return str(python)


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"moto did not start (exit code {process.poll()})")


def _error(http: web.Request, kind: str) -> web.Response:
    status, code = ERRORS[kind]
    region = "<Region>eu-west-1</Region>" if kind == "wrong_region" else ""
    quoted = f"<AWSAccessKeyId>{QUOTED}</AWSAccessKeyId>"
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>No.</Message>{region}{quoted}</Error>'
    return web.Response(status=status, text="" if http.method == "HEAD" else body, content_type="application/xml")


def _reset(http: web.Request) -> web.Response:
    if http.transport:
        # No lingering: the client sees a reset, not an orderly end.
        http.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        http.transport.abort()
    return web.Response()
