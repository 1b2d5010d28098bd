"""The body of a request, as bytes: of the right kind, and whole."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Request
from litestar.datastructures import State
from litestar.exceptions import HTTPException, InternalServerException
from litestar.status_codes import HTTP_415_UNSUPPORTED_MEDIA_TYPE

from api.auth import User
from shared.errors import InvalidRequest, ServiceStopping

UserRequest = Request[User, Any, State]
# A body that is on its way comes within this time, or not before this process has ended.
_LAST_SECONDS = 1


class UnsupportedBody(HTTPException):
    """415: it may be right, but nobody here can read it."""

    status_code = HTTP_415_UNSUPPORTED_MEDIA_TYPE


class IncomingBodies:
    """Those that are still coming in. A process that stops does not wait for what dawdles: nothing was done for it yet."""

    def __init__(self) -> None:
        self._open: set[asyncio.Timeout] = set()
        self._until: float | None = None

    def stop(self) -> None:
        """From now on a body has a second."""
        self._until = asyncio.get_running_loop().time() + _LAST_SECONDS
        for limit in self._open:
            limit.reschedule(self._until)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """While a body is read. Raises `ServiceStopping` where it does not come in time."""
        try:
            async with asyncio.timeout_at(self._until) as limit:
                self._open.add(limit)
                try:
                    yield
                finally:
                    self._open.discard(limit)
        except TimeoutError:
            raise ServiceStopping from None


async def read_json(request: UserRequest) -> bytes:
    """The body, where it says that it is plain JSON."""
    media_type, _ = request.content_type
    if media_type != "application/json":
        raise UnsupportedBody("Send the body as Content-Type: application/json.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedBody("Send the body uncompressed.")
    try:
        async with request.app.state.incoming.reading():
            return await request.body()
    except InternalServerException:  # what Litestar makes of a client that left
        raise InvalidRequest("The body ended before its time.") from None
