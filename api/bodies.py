"""The body of a request, as bytes: of the right kind, and whole."""

from typing import Any

from litestar import Request
from litestar.datastructures import State
from litestar.exceptions import HTTPException, InternalServerException
from litestar.status_codes import HTTP_415_UNSUPPORTED_MEDIA_TYPE

from api.auth import User
from shared.errors import InvalidRequest

UserRequest = Request[User, Any, State]


class UnsupportedBody(HTTPException):
    """415: it may be right, but nobody here can read it."""

    status_code = HTTP_415_UNSUPPORTED_MEDIA_TYPE


async def read_json(request: UserRequest) -> bytes:
    """The body, where it says that it is plain JSON."""
    media_type, _ = request.content_type
    if media_type != "application/json":
        raise UnsupportedBody("Send the body as Content-Type: application/json.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedBody("Send the body uncompressed.")
    try:
        return await request.body()
    except InternalServerException:  # what Litestar makes of a client that left
        raise InvalidRequest("The body ended before its time.") from None
