"""`/storage/tts/…` from the API itself, for development without nginx. It answers as `nginx/` does."""

import re
from pathlib import Path

from litestar import asgi
from litestar.exceptions import HTTPException as LitestarException
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

_PATH = "/storage/tts"
# No folder, nothing hidden: the cache is out of reach.
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*\.mp3")


def audio_route(folder: Path) -> ASGIRouteHandler:
    """Serves the card files of a storage folder."""
    files = _CardFiles(directory=folder, check_dir=False)

    @asgi(_PATH, is_mount=True, copy_scope=True)
    async def audio(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await files(scope, receive, send)  # type: ignore[arg-type]
        except HTTPException as error:
            headers = dict(error.headers or {})
            raise LitestarException(error.detail, status_code=error.status_code, headers=headers) from None

    return audio


class _CardFiles(StaticFiles):
    async def check_config(self) -> None:
        """Nothing to check: the worker makes the folder, perhaps later."""

    async def get_response(self, path: str, scope: Scope) -> Response:  # type: ignore[override]
        if not _NAME.fullmatch(path):
            raise HTTPException(404)
        response = await super().get_response(path, scope)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "no-cache"  # the URL outlives its content
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response
