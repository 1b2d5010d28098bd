"""The pages of an Ogg, read from their headers alone: is it all there? A decoder plays a cut one to its end and calls it good."""

from collections.abc import Iterator
from dataclasses import dataclass

from worker.errors import BadAudio

_HEADER_BYTES = 27
_FIRST, _LAST = 2, 4  # among the flags of a page


@dataclass(frozen=True)
class _Page:
    flags: int
    number: int


def check_whole(body: bytes) -> None:
    """Raises BadAudio unless this is one stream from its first page to its last."""
    pages = list(_pages(body))
    if sum(bool(page.flags & _FIRST) for page in pages) > 1:
        raise BadAudio("The Ogg holds more than one stream.")  # a decoder would play the first, and leave words out
    if not pages[-1].flags & _LAST:
        raise BadAudio("The Ogg is cut short: its last page is missing.")
    if any(page.number != pages[0].number + index for index, page in enumerate(pages)):
        raise BadAudio("The Ogg is broken: a page is missing.")


def _pages(body: bytes) -> Iterator[_Page]:
    at = 0
    while at < len(body):
        if not body.startswith(b"OggS", at):
            raise BadAudio(f"The Ogg is broken at byte {at}.")
        header = body[at : at + _HEADER_BYTES]
        segments = header[26] if len(header) == _HEADER_BYTES else 0
        sizes = body[at + _HEADER_BYTES : at + _HEADER_BYTES + segments]
        end = at + _HEADER_BYTES + segments + sum(sizes)
        if len(header) < _HEADER_BYTES or len(sizes) < segments or end > len(body):
            raise BadAudio("The Ogg is cut short: its last page is incomplete.")
        yield _Page(header[5], int.from_bytes(header[18:22], "little"))
        at = end
