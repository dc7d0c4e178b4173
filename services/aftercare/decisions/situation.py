"""What a decision about one episode is based on: its document, the standing facts, the site config and the time.
Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from services.aftercare.decisions.own_facts import heading
from services.aftercare.decisions.windows import Outcome
from shared.events.base import CareFact, LabelledHeading
from shared.events.episodes import EpisodeState
from shared.facts.envelope import Fact
from shared.scope import EVERYTHING, Scope
from shared.site.config import Site


@dataclass(frozen=True, slots=True)
class Situation:
    """One episode at this moment. `new_id` makes the ids of referrals, contacts and appointments.

    `standing` are the standing facts that whoever asks may see, `everything` all of them.
    """

    document: EpisodeState
    standing: tuple[Fact, ...]
    site: Site
    now: datetime
    new_id: Callable[[], str]
    scope: Scope = EVERYTHING
    everything: tuple[Fact, ...] = ()

    @property
    def home(self) -> str:
        """Of the facilities that whoever asks may see, the one whose stay began last."""
        own = (stay for stay in self.document.stays if self.scope.has(stay.facility))
        return max(own, key=lambda stay: (stay.begun, stay.id)).facility

    @property
    def state(self) -> str | None:
        """The episode's state, or None for somebody who sees only some of its facilities."""
        whole = self.scope.has_all(stay.facility for stay in self.document.stays)
        return self.document.state if whole else None

    def heading(self, facility: str, occurred_at: datetime | None = None) -> LabelledHeading:
        """The fields that every fact of this episode has; without `occurred_at` it happens now."""
        return heading(self.document, facility, occurred_at or self.now, self.now)


@dataclass(frozen=True, slots=True)
class Decided:
    """The outcome of what somebody asked: facts to state in this order, facts to take back, and outcomes of windows
    that a person decided, by follow_up_id."""

    facts: tuple[CareFact, ...] = ()
    taken_back: tuple[tuple[Fact, str], ...] = ()
    """Facts that were stated in error, each with the reason."""
    marks: dict[str, Outcome] = field(default_factory=dict)
    subject: str = ""
    """The id of what was made or changed."""
