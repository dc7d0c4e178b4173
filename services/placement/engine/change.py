"""A change of one episode on its way through a transaction, and what the transaction states facts with. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.placement.continuum.model import Folded
from services.placement.engine.outcome import WRITER, Ids
from services.placement.engine.store import LockedEpisode
from services.placement.programs.following import Seen
from services.placement.rules import Rules
from services.placement.search.ahead import wants
from services.placement.search.search import DesiredSearch, Policy
from services.placement.search.searches import DESK, DeskFacts
from shared.events.base import CareFact
from shared.facts.envelope import Fact
from shared.facts.restating import numbered
from shared.facts.stating import Provenance
from shared.facts.tracing import begun_with
from shared.values import value_object

NOTHING_SAID = DeskFacts()


@dataclass(slots=True)
class EpisodeChange:
    """One locked episode and its change in this transaction.

    `before` and `after`: its folds. `seen`: the last sequence of each writer. `new`: facts that came in, the last of
    which causes what follows. `stated`: placement's own facts that this transaction states.
    """

    row: LockedEpisode
    before: Folded
    after: Folded
    seen: dict[str, int]
    new: tuple[Fact, ...] = ()
    stated: list[Fact] = field(default_factory=list)
    own: DeskFacts | None = None
    """Placement's facts of the desk by sequence; None: the desk has nothing to do with this episode."""
    because: tuple[str, ...] = ()
    """ce_ids of the facts that made the change; facts that follow at the desk name them as their cause."""
    want: tuple[Folded, tuple[DesiredSearch, ...]] | None = None
    """The searches that `desired_searches` last found, with the fold that they are by; None: not asked for yet."""
    cause: Fact | None = None
    """The fact about another episode that caused the change, where a merge joins both."""
    origins: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """ce_id of a copy → (retired episode, the first statement there of the fact that it copies)."""
    merged_here: frozenset[str] = frozenset()
    """ce_ids of the copies whose originals count in this episode now, by a merge that was seen."""

    def state(self, values: Iterable[CareFact], provenance: Provenance) -> tuple[Fact, ...]:
        """State these values as placement's next facts of the episode."""
        said = numbered(values, self.seen.get(WRITER, 0), provenance.stated)
        if said:
            self.seen[WRITER] = said[-1].sequence
        self.stated += said
        if self.own is not None:
            self.own = DeskFacts([*self.own, *(fact for fact in said if fact.name in DESK)])
        return said

    def state_one(self, provenance: Provenance, value: CareFact, copy_of: str | None = None) -> Fact:
        """State a value as placement's next fact of the episode, before its facts of the desk are gathered. `copy_of`:
        ce_id of the fact of a retired episode that it copies."""
        fact = provenance.stated(value, self.seen.get(WRITER, 0) + 1, copy_of)
        self.seen[WRITER] = fact.sequence
        self.stated.append(fact)
        return fact

    def desired_searches(self, policy: Policy) -> tuple[DesiredSearch, ...]:
        """The searches that should be open by `after`; worked out once for each fold."""
        if self.want is None or self.want[0] is not self.after:
            self.want = (self.after, wants(self.after, policy))
        return self.want[1]

    @property
    def at_the_desk(self) -> Seen:
        """The change as programs/following.py takes it."""
        want = self.want[1][0] if self.want and self.want[1] else None
        copied = want is not None and want.trigger in self.after.copies
        awaits = copied and want is not None and want.trigger not in self.merged_here
        return Seen(self.before, self.after, self.own or NOTHING_SAID, self.because, awaits)


@value_object
class Publishing:
    """What one transaction states facts with: the rules, the time, a source of ids, and the traceparent of the request;
    None: each episode has a trace of its own."""

    rules: Rules
    now: datetime
    ids: Ids
    trace: str | None = None

    def telling(self, change: EpisodeChange) -> Provenance:
        """The provenance of facts about this episode; their cause is the last fact that came in."""
        cause = change.new[-1] if change.new else change.cause
        if cause is not None:
            return Provenance(WRITER, self.now, self.ids).caused_by(cause)
        asked = self.trace or begun_with(f"{change.row.episode_id}#{change.row.version}")
        return Provenance(WRITER, self.now, self.ids, trace=asked)
