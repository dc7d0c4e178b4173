"""An episode in which placement looks ahead: whatever follows from a fact is stated until nothing follows any more."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from services.placement.continuum.model import Folded
from services.placement.programs.following import Seen, follows
from services.placement.rules import rules_of
from services.placement.search import offers
from services.placement.search.ahead import wants
from services.placement.search.offers import OfferRequest
from services.placement.search.searches import DeskFacts
from services.placement.search.states import SearchState
from shared.events.base import CareFact
from shared.facts.envelope import Fact
from tests import builders as tell
from tests.placement.searching import IN, SITE, Story, program

RULES = rules_of(SITE)
NEW_YORK = ZoneInfo("America/New_York")


def planned(when: str, expected: str | None = "2026-03-09 11:00", *, writer: str = "intake", **more: Any) -> Fact:
    """The stay is expected to end then."""
    at = tell.at(expected).isoformat() if expected else None
    told = {"stay": ("visit", "V1"), **more} | ({"expected_at": at} if at else {})
    return tell.fact("discharge-planned", when, writer=writer, **told)


def called_off(when: str, *, writer: str = "intake", **more: Any) -> Fact:
    """And no longer."""
    return tell.fact("discharge-plan-cancelled", when, writer=writer, **{"stay": ("visit", "V1"), **more})


class Ahead(Story):
    """The story, with everything that follows at the desk."""

    def hears(self, *facts: Fact) -> list[str]:
        """Facts come from elsewhere; the names of what placement states until nothing follows any more."""
        said, before = list[str](), self.folded
        self.facts += facts
        cause = tuple(fact.id for fact in facts)
        while values := self.following(before, cause):
            said += self.add(values)
            assert len(said) < 30, said
        return said

    def following(self, before: Folded, cause: tuple[str, ...]) -> tuple[CareFact, ...]:
        """What follows now."""
        after, own = self.folded, DeskFacts.of(self.facts)
        seen = Seen(before, after, own, cause)
        return follows(seen, wants(after, RULES.policy), RULES, self.now, lambda: f"id-{next(self.numbers)}")

    def looks_for(self) -> list[tuple[str, str | None]]:
        """Level and first day of each open search."""
        found = [one for one in self.searches if one.state is SearchState.OPEN]
        return sorted((one.recommended_level, one.ready_on.isoformat() if one.ready_on else None) for one in found)

    def placed(self, name: str = "GH-PHP1", day: str = "2026-03-09") -> list[str]:
        """A program takes the patient; what followed."""
        desk = self.desk()._replace(search=DeskFacts.of(self.facts).open[0])
        asked = OfferRequest(program(name), date.fromisoformat(day), variance_reason="asked")
        self.add(offers.send(desk, [asked]))
        return self.accepts()

    def accepts(self) -> list[str]:
        """The program takes the day that was proposed last."""
        before = self.folded
        for search in self.searches:
            for offer in search.waiting:
                desk = self.desk()._replace(search=search)
                said = self.add(offers.accept(desk, offer.offer_id, NEW_YORK))
                while values := self.following(before, ()):
                    said += self.add(values)
                return said
        raise AssertionError("no offer waits")

    def first_days(self) -> list[str]:
        """Of the placements that stand."""
        return [one.start_date.isoformat() for one in self.folded.placements]

    def closings(self) -> list[str]:
        """Why each search was closed, in their order."""
        return [str(one.reason) for one in self.searches if one.reason]


def inside() -> Ahead:
    """A patient is in inpatient care."""
    story = Ahead(IN)
    assert story.hears() == []
    return story
