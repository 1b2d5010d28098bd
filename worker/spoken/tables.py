"""Tables as text: one entry a line, "key : one way to say it | another"; a bar with nothing behind it: or not at all."""

Table = dict[str, tuple[str, ...]]


def table(rows: str) -> Table:
    """The entries by their keys."""
    entries = (row.strip().split(" : ", 1) for row in rows.strip().splitlines())
    return {key.strip(): tuple(way.strip() for way in ways.split("|")) for key, ways in entries}
