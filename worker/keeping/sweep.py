"""One sweep, through the database and the storage. Any number may be under way, in workers and by hand: they share the work."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from shared.database import Sessions
from shared.keeping_settings import KeepingSettings
from shared.storage import Storage
from shared.stored_files import Kind, StoredFile
from worker.keeping.cards import GoneCards
from worker.keeping.clips import UnusedClips
from worker.keeping.jobs import OldJobs
from worker.keeping.rows import sweep_rows
from worker.keeping.tally import Tally

# No write takes so long.
_LEFT_OVER_AFTER = timedelta(hours=1)


class Sweep:
    """Reads the storage once, and clears away what is due. Killed at any moment it has done no harm: the next goes on."""

    def __init__(self, sessions: Sessions, storage: Storage, settings: KeepingSettings, tally: Tally) -> None:
        self._sessions = sessions
        self._storage = storage
        self._tally = tally
        self._jobs = OldJobs(sessions, tally, settings.jobs_kept_days)
        self._clips = UnusedClips(sessions, storage, tally, settings.clips_kept_days)
        self._cards = GoneCards(sessions, storage, tally, settings.gone_audio_kept_days)

    async def run(self, is_dry: bool = False, is_sure: bool = False) -> None:
        """Deletes or, when it is dry, only counts. Raises `StorageFault`, `LostRun` and what the database raises.

        `is_sure`: also where nearly all audio belongs to no card, as it does where the database is another one.
        """
        await sweep_rows(self._sessions, self._tally, is_dry)
        await self._jobs.sweep(is_dry)
        await self._cards.begin()
        async for files in self._storage.files():
            self._tally.see(len(files))
            await self._cards.look(_of_kind(files, "card"), is_dry)
            await self._clips.sweep(_of_kind(files, "clip"), is_dry)
            await self._clear_left_overs(_of_kind(files, "left over"), is_dry)
        await self._clips.sweep_rows(is_dry)
        await self._cards.sweep(is_dry, is_sure)

    async def _clear_left_overs(self, files: Sequence[StoredFile], is_dry: bool) -> None:
        # A worker may be writing there just now.
        old = [file for file in files if datetime.now(UTC) - file.changed_at > _LEFT_OVER_AFTER]
        if not is_dry:
            await self._storage.remove([file.path for file in old], math.inf)
        self._tally.add("unfinished files", files=len(old), size=sum(file.bytes for file in old))


def _of_kind(files: Sequence[StoredFile], kind: Kind) -> list[StoredFile]:
    return [file for file in files if file.kind == kind]
