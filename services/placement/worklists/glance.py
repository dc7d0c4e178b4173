"""With what lines of lists are shown: the time, the site and who reads; and words that every kind of line uses.
Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from services.placement.worklists.views import Line
from services.placement.worklists.wording import FactWords
from shared.events.levels import WORDS
from shared.site.config import Site
from shared.web.marks import Team
from shared.web.tables import Badge
from shared.web.wording import moment
from shared.web.words import say


@dataclass(frozen=True)
class Glance:
    """The time and the site with which lines are shown. `facts`: ce_id → the fact in words, for lines that name facts;
    `reader`: the zone in which instants are told, None: in the facility's; `team`: what colleagues are
    called. Days are always the facility's."""

    at: datetime
    site: Site
    facts: Mapping[str, FactWords] = field(default_factory=dict, kw_only=True)
    reader: tzinfo | None = field(default=None, kw_only=True)
    team: Team = field(default=Team("", {}), kw_only=True)

    def zone(self, facility: str) -> ZoneInfo:
        """The facility's zone."""
        return self.site.zone(facility)

    def reading(self, facility: str) -> tzinfo:
        """The zone in which an instant at the facility is told."""
        return self.reader or self.zone(facility)

    def facility(self, facility: str) -> str:
        """A facility's title, else its name."""
        found = self.site.facility(facility)
        return found.title if found else facility

    def payer(self, payer: str) -> str:
        """A payer's title, else its id."""
        return next((each.title for each in self.site.payers if each.id == payer), payer)

    def program(self, program: str | None) -> str:
        """A program's title, else its id."""
        found = self.site.program(program) if program else None
        return found.title if found else program or say("no program")


Drawn = tuple[str, tuple[str, ...], Badge]
"""How a line is shown: what it is about, its details, and a badge with its state."""


def level(code: str | None) -> str:
    """A level of care in words."""
    return say(WORDS.get(code or "", "No level"))


def inside(sentence: str) -> str:
    """The same words with a small first letter, for use within a sentence."""
    return sentence[:1].lower() + sentence[1:]


def since_words(line: Line, now: Glance) -> str:
    return say("since {at}", at=moment(line.at, now.reading(line.facility)))
