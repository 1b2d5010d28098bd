"""What happened since a run's last checkpoint. Pure."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import reduce

from shared.card_audio import CardChange, CardSide, ClipFacts
from shared.clips import Side, Voice, file_name
from shared.job_clips import ClipOutcome
from shared.usage import NO_USAGE, Spent, Usage


@dataclass
class Unwritten:
    """`links` are card files and the clips, by key, that they become; `removed` card files that go."""

    links: dict[str, str] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    changes: list[CardChange] = field(default_factory=list)
    urls: dict[CardSide, str | None] = field(default_factory=dict)
    clips: dict[str, tuple[Voice, ClipFacts]] = field(default_factory=dict)
    found: set[str] = field(default_factory=set)
    outcomes: dict[tuple[int, Side], ClipOutcome] = field(default_factory=dict)

    def and_then(self, later: "Unwritten") -> "Unwritten":
        """Both, where the later goes before the earlier."""
        return Unwritten(
            self.links | later.links,
            self.removed + later.removed,
            self.changes + later.changes,
            self.urls | later.urls,
            self.clips | later.clips,
            self.found | later.found,
            self.outcomes | later.outcomes,
        )

    def without(self, lost: Collection[CardSide]) -> "Unwritten":
        """What is left when these sides are not touched: what was paid for is told all the same."""
        files = {file_name(card_id, side) for card_id, side in lost}
        return replace(
            self,
            links={name: key for name, key in self.links.items() if name not in files},
            removed=[name for name in self.removed if name not in files],
            changes=[change for change in self.changes if (change.card_id, change.side) not in lost],
            urls={side: url for side, url in self.urls.items() if side not in lost},
        )

    def replacing(self, sides: Collection[CardSide]) -> "Unwritten":
        """The same, where these sides get what their changes say, or lose their URLs, whatever an older job has put there."""
        changes = [change for change in self.changes if (change.card_id, change.side) in sides]
        links = {file_name(change.card_id, change.side): change.clip_key for change in changes if change.clip_key}
        silent: dict[CardSide, str | None] = {
            (change.card_id, change.side): None for change in changes if not change.clip_key
        }
        return replace(self, links=self.links | links, urls=self.urls | silent)

    @property
    def sides(self) -> set[CardSide]:
        """The cards' sides that are about to change."""
        return {(change.card_id, change.side) for change in self.changes} | set(self.urls)

    def outcomes_where(self, paid: Collection[str]) -> list[ClipOutcome]:
        """What became of the sides. Of those with a clip that this job pays for, the first is the one that it was made for."""
        outcomes = self.outcomes.values()
        first = {outcome.clip_key: outcome for outcome in reversed([*outcomes]) if outcome.clip_key in paid}
        return [replace(one, made=True) if one is first.get(one.clip_key) else one for one in outcomes]

    def cost_of(self, keys: Collection[str]) -> Spent:
        """What these clips have cost."""
        facts = [self.clips[key][1] for key in keys]
        usage = reduce(Usage.plus, (clip.usage for clip in facts), NO_USAGE)
        return Spent(len(facts), sum(clip.characters for clip in facts), usage)
