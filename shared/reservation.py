"""What a job is about to use, the sweep leaves alone (`worker/keeping/`). Nothing here commits."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# Longer than nothing, so that a clip in steady use is not written at every job; much shorter than a day, the least time for
# which clips are kept.
_CLIPS = text(
    """
    INSERT INTO tts.clip_use (key, used_at) SELECT key, now() FROM unnest(CAST(:keys AS text[])) AS key ORDER BY key
    ON CONFLICT (key) DO UPDATE SET used_at = now() WHERE clip_use.used_at < now() - interval '6 hours'
    """
)
_FILES = text(
    """
    DELETE FROM tts.unnamed_audio WHERE name IN (
        SELECT name FROM tts.unnamed_audio WHERE name = ANY(CAST(:names AS text[])) ORDER BY name FOR UPDATE
    )
    """
)


async def reserve(session: AsyncSession, clip_keys: Collection[str], file_names: Collection[str]) -> None:
    """Keeps clips, and cards' files, from the sweep for a day; what the sweep is removing just now is gone when this returns.

    To be committed before the storage is looked at: what is found there then stays.
    """
    await session.execute(_CLIPS, {"keys": sorted(clip_keys)})
    await session.execute(_FILES, {"names": sorted(file_names)})
