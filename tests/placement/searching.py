"""An episode in which placement searches: facts come, decisions are stated, and the next one is made on both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from itertools import count

import pytest

from services.placement.continuum.about import about
from services.placement.continuum.fold import fold
from services.placement.continuum.model import Folded
from services.placement.search import offers
from services.placement.search.ahead import wants
from services.placement.search.keeping import followed
from services.placement.search.levels import LevelQuestion, Recommendation, recommend
from services.placement.search.offers import OfferRequest
from services.placement.search.search import Desk, Policy
from services.placement.search.searches import DeskFacts, Search
from shared.errors import Rejected
from shared.events.base import CareFact
from shared.facts.envelope import Fact
from shared.facts.stating import said
from shared.site.config import SAMPLE, load
from shared.site.values import Program
from tests import builders as tell

SITE = load(SAMPLE)
NOW = tell.at("2026-03-09 15:00")
IN, OUT = tell.admitted("2026-03-02 10:00"), tell.discharged("2026-03-09 14:00")


def program(name: str) -> Program:
    """A program of the sample site."""
    found = SITE.program(name)
    assert found is not None
    return found


class Story:
    """An episode's facts, and what placement adds to them by its decisions."""

    def __init__(self, *facts: Fact) -> None:
        self.facts = list(facts)
        self.numbers = count(1)
        self.now = NOW

    @property
    def folded(self) -> Folded:
        """All facts so far."""
        return fold(self.facts, tell.zone_of)

    @property
    def searches(self) -> tuple[Search, ...]:
        """By placement's own facts."""
        return DeskFacts.of(self.facts).searches

    @property
    def search(self) -> Search:
        """The latest."""
        return self.searches[-1]

    def desk(self) -> Desk:
        """What a decision is made on."""
        found = self.searches
        return Desk(about(self.folded), found[-1] if found else None, self.now, lambda: f"id-{next(self.numbers)}")

    def add(self, values: Sequence[CareFact]) -> list[str]:
        """State what was decided; the names of the facts."""
        for value in values:
            number = 1000 + len(self.facts)
            self.facts.append(said(value, ce_id=f"own-{number}", writer="placement", sequence=number))
        return [value.TYPE for value in values]

    def hears(self, *facts: Fact) -> list[str]:
        """Facts come from elsewhere, and placement follows."""
        self.facts += facts
        cause = tuple(fact.id for fact in facts)
        return self.add(self.follows(cause))

    def follows(self, cause: tuple[str, ...]) -> tuple[CareFact, ...]:
        """What makes the searches agree with the fold."""
        earlier = self.searches[:-1]
        return followed(self.desk(), self.folded, wants(self.folded, POLICY), POLICY, earlier=earlier, cause=cause)

    def offers(self) -> dict[str, str]:
        """Program → state of its last offer."""
        return {one.program: one.state.value for one in self.search.offers}


def by_policy(question: LevelQuestion) -> Recommendation:
    """The sample site's recommendation."""
    return recommend(SITE.recommendations, question, SITE.version)


POLICY = Policy(by_policy, lambda *words: SITE.begins("search", *words), tell.zone_of, SITE.limits.gap_days)


def searching() -> Story:
    """A patient left the ward, and a search is open."""
    story = Story(IN)
    assert story.hears(OUT) == ["search-opened"]
    return story


def asking(*names: str) -> Story:
    """Offers went out to these programs."""
    story = searching()
    asked = [OfferRequest(program(name), date(2026, 3, 11), variance_reason="asked") for name in names]
    story.add(offers.send(story.desk(), asked, NOW + timedelta(days=1)))
    return story


def offer_of(story: Story, name: str) -> str:
    """The id of the program's last offer."""
    return [one.offer_id for one in story.search.offers if one.program == name][-1]


def refused(decide: Callable[[], object]) -> Rejected:
    """Why not."""
    with pytest.raises(Rejected) as why:
        decide()
    return why.value
