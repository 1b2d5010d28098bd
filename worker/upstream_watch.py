"""What this worker has seen of its upstream lately: does one clip fail, is it down for everyone, or closed to us?"""

import time
from collections.abc import Callable

from worker.errors import ClipFailed, OtherWords, RateLimited, UpstreamAway, UpstreamClosed, UpstreamFault, UpstreamGone

# While others are served, a clip that fails is that clip's trouble.
_RECENT_SECONDS = 60.0
# More than the tries of one clip, or of two: so many failures in a row are not a clip's.
_TOO_MANY_IN_A_ROW = 10
_PROBE_SECONDS = 60.0
# A pause that is asked for is kept in silence. A longer one is an outage, which jobs tell and lose patience with.
LONGEST_PAUSE_SECONDS = 60.0
# As rarely as jobs wait for any outage at last: what the upstream says of an hour may be over sooner, or be a mistake.
_LONGEST_LEFT_ALONE_SECONDS = 300.0


class UpstreamWatch:
    """Counts what all jobs of this worker hear from the upstream."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._served_at: float | None = None
        self._failed_in_a_row = 0
        self._closed_by: UpstreamClosed | None = None
        self._probe_at = 0.0
        self._away_by: UpstreamAway | None = None
        self._away_since = 0.0
        self._left_alone_until = 0.0

    def begin(self) -> float:
        """A clip's tries begin: `check_open` is told when that was."""
        return self._clock()

    def check_back(self, began_at: float) -> None:
        """Before a request stands in line. Raises `UpstreamAway` again while it wants to be left alone.

        What stood in line when the upstream was found to be away need not see for itself: that is for the next run.
        """
        if self._away_by and (began_at <= self._away_since or self._clock() < self._left_alone_until):
            raise self._told_again(self._away_by)

    def check_open(self, began_at: float) -> None:
        """Before a request. Raises also what closed the upstream to us; once a minute one request may try."""
        self.check_back(began_at)
        if self._closed_by is None:
            return
        if self._clock() < self._probe_at:
            raise type(self._closed_by)(str(self._closed_by), self._closed_by.reason)
        self._probe_at = self._clock() + _PROBE_SECONDS

    def served(self) -> None:
        """A request was answered with good audio."""
        self._served_at = self._clock()
        self._failed_in_a_row = 0
        self._closed_by = None
        self._away_by = None
        self._left_alone_until = 0.0

    def closed(self, error: UpstreamClosed) -> None:
        """It serves nothing to this key or account, until a person acts."""
        self._closed_by = error
        self._probe_at = self._clock() + _PROBE_SECONDS

    def failed(self, error: ClipFailed) -> None:
        """A clip failed once. Raises `UpstreamAway` when that is not the clip's fault: its tries are not spent then."""
        if isinstance(error, OtherWords):  # it serves us, if not as we asked
            return self.served()
        self._failed_in_a_row += 1
        asked_seconds = _long_pause_seconds(error)
        if self._failed_in_a_row >= _TOO_MANY_IN_A_ROW or asked_seconds or self._is_everyones(error):
            self._away_by, self._away_since = UpstreamAway(str(error), error.reason), self._clock()
            left_alone_until = self._clock() + min(asked_seconds, _LONGEST_LEFT_ALONE_SECONDS)
            self._left_alone_until = max(self._left_alone_until, left_alone_until)
            raise self._told_again(self._away_by) from error

    def _is_everyones(self, error: ClipFailed) -> bool:
        serves_others = self._served_at is not None and self._clock() - self._served_at < _RECENT_SECONDS
        return isinstance(error, UpstreamGone) or (isinstance(error, UpstreamFault) and not serves_others)

    def _told_again(self, away: UpstreamAway) -> UpstreamAway:
        again = away.again()
        again.retry_after_seconds = max(0.0, self._left_alone_until - self._clock())
        return again


def _long_pause_seconds(error: ClipFailed) -> float:
    """How long it asks to wait, where that is no mere pause; else 0."""
    seconds = error.retry_after_seconds if isinstance(error, RateLimited) else None
    return seconds if seconds and seconds > LONGEST_PAUSE_SECONDS else 0.0
