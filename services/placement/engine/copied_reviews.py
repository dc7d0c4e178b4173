"""How what was said of reviews in a retired episode reads in the surviving one (contract 3.6 rule 11, 3.8). Pure.

A review goes along once what it is of is there, so that the clock finds its reason; the review of a plan has another id
there, since that names the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import structs

from services.placement.clock.model import review_id
from services.placement.continuum.leftovers import Name, names
from shared.events.base import CareFact
from shared.events.reviews import Review, ReviewDue, ReviewSubject
from shared.facts.envelope import Fact


class CopiedReviews:
    """Reviews of a retired episode, and what the surviving one has that they may be of."""

    def __init__(self, retired: Iterable[Fact], surviving: Iterable[Fact]) -> None:
        self.subjects = {fact.value.review_id: fact.value.of for fact in retired if isinstance(fact.value, ReviewDue)}
        self.there: set[Name] = set()
        for fact in surviving:
            self.take(fact.value)

    def take(self, value: CareFact) -> None:
        """Take note of a fact that stands in the surviving episode."""
        if not isinstance(value, Review):
            self.there |= names(value)

    def of(self, value: Review, found: Review, head_of: Callable[[str], str | None]) -> Review | None:
        """The copy, made of `found`; None while what the review is of is not there. `head_of`: ce_id of a fact of the
        retired episode → that of its copy that stands."""
        subject = value.of if isinstance(value, ReviewDue) else self.subjects.get(value.review_id)
        if value.stay is not None and (value.stay.kind, value.stay.id) not in self.there:
            return None
        if subject is None or subject.kind == "stay":
            return found
        if subject.kind == "authorization":
            return found if ("auth_id", subject.id) in self.there else None
        head = head_of(subject.id)
        if head is None:
            return None
        found = structs.replace(found, review_id=review_id("plan", head))
        return structs.replace(found, of=ReviewSubject(kind="plan", id=head)) if isinstance(found, ReviewDue) else found
