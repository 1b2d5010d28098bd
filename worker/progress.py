"""How far a job has come, and what its row says about it. Pure."""

from collections import Counter
from collections.abc import Sequence

from shared.clips import SIDES, Side
from shared.jobs import Phrase, ResultUrl

_REASONS_NAMED = 3


class Progress:
    """What has become of each side of each phrase: a URL, nothing (it is blank), or the reason why there is none."""

    def __init__(self, phrases: Sequence[Phrase], listed_before: Sequence[ResultUrl] = ()) -> None:
        self._card_ids = [phrase["cardId"] for phrase in phrases]
        self._listed_before = {entry["cardId"]: entry for entry in listed_before}
        self._urls: dict[tuple[int, Side], str | None] = {}
        self._errors: dict[tuple[int, Side], str] = {}

    def settle(self, index: int, side: Side, url: str | None) -> None:
        """The side is done: with this URL, or blank."""
        self._urls[index, side] = url

    def fail(self, index: int, side: Side, reason: str) -> None:
        """The side gets no audio from this job."""
        self._urls[index, side] = None
        self._errors[index, side] = reason

    @property
    def processed_count(self) -> int:
        return sum(map(self._is_finished, range(len(self._card_ids))))

    @property
    def done_count(self) -> int:
        """Sides that have audio."""
        return sum(url is not None for url in self._urls.values())

    @property
    def failed_count(self) -> int:
        """Sides that got no audio though they should have."""
        return len(self._errors)

    def is_settled(self, index: int, side: Side) -> bool:
        return (index, side) in self._urls

    def result_urls(self) -> list[ResultUrl]:
        """One entry per finished phrase, in the order of the phrases; those of an earlier run where this one has not come to them."""
        entries = [
            self._entry(index) if self._is_finished(index) else self._listed_before.get(card_id)
            for index, card_id in enumerate(self._card_ids)
        ]
        return [entry for entry in entries if entry]

    def error_message(self) -> str | None:
        """How many clips failed, and why: the most frequent reasons first. None when none did."""
        if not self._errors:
            return None
        reasons = Counter(self._errors.values()).most_common()
        told = "; ".join(
            f"{reason} ({count})" if len(reasons) > 1 else reason for reason, count in reasons[:_REASONS_NAMED]
        )
        more = f"; and {len(reasons) - _REASONS_NAMED} more reasons" if len(reasons) > _REASONS_NAMED else ""
        wanted = self.done_count + len(self._errors)
        return f"{len(self._errors)} of {wanted} clips failed: {told}{more}"

    def _is_finished(self, index: int) -> bool:
        return all((index, side) in self._urls for side in SIDES)

    def _entry(self, index: int) -> ResultUrl:
        entry: ResultUrl = {
            "cardId": self._card_ids[index],
            "audioUrlEn": self._urls[index, "en"],
            "audioUrlFr": self._urls[index, "fr"],
        }
        # A null URL shows which side it is.
        reasons = dict.fromkeys(self._errors[index, side] for side in SIDES if (index, side) in self._errors)
        return entry | {"error": "; ".join(reasons)} if reasons else entry
