"""The page at `/studio`: files that are read once, and the headers that keep it to itself. Knows nothing of jobs."""

import gzip
from dataclasses import dataclass
from hashlib import blake2s
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from litestar import Request, Response, route
from litestar.enums import HttpMethod
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.status_codes import HTTP_200_OK, HTTP_304_NOT_MODIFIED

from shared.settings import ApiSettings

_FOLDER = Path(__file__).parent / "studio"
_PAGE = "index.html"
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".tsv": "text/tab-separated-values",
}


@dataclass(frozen=True)
class _File:
    """A file as it goes out. Its tag is a weak one: it stands for both forms."""

    media_type: str
    plain: bytes
    packed: bytes
    tag: str

    @classmethod
    def read(cls, path: Path) -> "_File":
        content = path.read_bytes()
        tag = f'W/"{blake2s(content, digest_size=8).hexdigest()}"'
        return cls(_TYPES[path.suffix], content, gzip.compress(content, mtime=0), tag)

    def is_known(self, request: Request[Any, Any, Any]) -> bool:
        known = request.headers.get("if-none-match", "").split(",")
        return self.tag.removeprefix("W/") in (tag.strip().removeprefix("W/") for tag in known)


def studio_route(settings: ApiSettings) -> HTTPRouteHandler:
    """Serves the page, with leave to fetch and play the audio of these settings."""
    files = {path.name: _File.read(path) for path in _FOLDER.iterdir() if path.suffix in _TYPES}
    common = _headers(settings.public_base_url)

    @route(
        ["/studio", "/studio/{name:str}"],
        http_method=[HttpMethod.GET, HttpMethod.HEAD],
        status_code=HTTP_200_OK,
        include_in_schema=False,
    )
    async def studio(request: Request[Any, Any, Any], name: str = _PAGE) -> Response[bytes]:
        file = files.get(name)
        if not file:
            raise NotFoundException
        headers = common | {"ETag": file.tag}
        if file.is_known(request):
            return Response(b"", status_code=HTTP_304_NOT_MODIFIED, headers=headers)
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(file.plain, media_type=file.media_type, headers=headers)
        return Response(file.packed, media_type=file.media_type, headers=headers | {"Content-Encoding": "gzip"})

    return studio


def _headers(audio_url: str) -> dict[str, str]:
    audio = _source(audio_url)
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"connect-src 'self' {audio}; media-src 'self' {audio}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-cache",  # a new version is there at once, an unchanged file costs a 304
        "Vary": "Accept-Encoding",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def _source(url: str) -> str:
    """The URL's origin, as a policy names it: for an address of IPv6 it has no name but the scheme."""
    parts = urlsplit(url)
    return f"{parts.scheme}:" if ":" in (parts.hostname or "") else f"{parts.scheme}://{parts.netloc}"
