"""Events of the Realtime API as they come: dictionaries of which nothing may be taken for granted. Pure."""

import json
from typing import Any

from worker.errors import UpstreamFault

Event = dict[str, Any]
# A 32-bit integer, as it is stored.
_MOST = 2**31 - 1


def parse(message: bytes) -> Event:
    """The event in a message. Raises UpstreamFault where there is none: what follows cannot be trusted either.

    Not the client's own parser: it builds models of every field, for ten times the CPU, and fails in many ways.
    """
    try:
        event = json.loads(message)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict):
        raise UpstreamFault("The upstream sent something that is no event of the Realtime API.")
    return event


def part(event: Event, name: str) -> Event:
    """An object within an event; empty where there is none."""
    found = event.get(name)
    return found if isinstance(found, dict) else {}


def parts(event: Event, name: str) -> list[Event]:
    """The objects in a list within an event."""
    found = event.get(name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def count(event: Event, name: str) -> int:
    """A number of something; 0 where it is not told, or cannot be."""
    found = event.get(name)
    return found if isinstance(found, int) and 0 < found <= _MOST else 0
