"""What a decision about one episode is made on: its document, the facts that stand, the site, the time. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from services.aftercare.decisions.own_facts import Heading, heading
from services.aftercare.decisions.windows import Outcome
from shared.events.base import CareFact
from shared.events.episodes import EpisodeState
from shared.facts.envelope import Fact
from shared.scope import EVERYTHING, Scope
from shared.site.config import Site


@dataclass(frozen=True, slots=True)
class Situation:
    """An episode as it is now; `new_id` makes ids of referrals, contacts and appointments.

    `standing` are the facts that the asker may see, `everything` all that stand.
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
        """The asker's facility that the episode is at now: that of the stay that began last."""
        own = (stay for stay in self.document.stays if self.scope.has(stay.facility))
        return max(own, key=lambda stay: (stay.begun, stay.id)).facility

    @property
    def state(self) -> str | None:
        """The episode's state, for who sees all of it."""
        whole = self.scope.has_all(stay.facility for stay in self.document.stays)
        return self.document.state if whole else None

    def heading(self, facility: str, occurred_at: datetime | None = None) -> Heading:
        """What every fact of the episode has; `occurred_at` None: it happens now."""
        return heading(self.document, facility, occurred_at or self.now, self.now)


@dataclass(frozen=True, slots=True)
class Decided:
    """What somebody did: facts to state, in order, and outcomes of windows that were decided by hand."""

    facts: tuple[CareFact, ...] = ()
    taken_back: tuple[tuple[Fact, str], ...] = ()
    """Facts that were told in error, each with the reason."""
    marks: dict[str, Outcome] = field(default_factory=dict)
    subject: str = ""
    """The id of what was made or changed."""
