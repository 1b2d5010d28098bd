"""Which texts Postgres, and an answer in UTF-8, can hold."""


def is_storable(text: str) -> bool:
    """Neither NUL nor half a surrogate pair."""
    return "\0" not in text and text.encode(errors="replace").decode() == text
