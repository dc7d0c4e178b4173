"""The values of the clock: a stay at one level with what its payer wants, a review, and what ended one."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.placement.continuum.model import StayState
from services.placement.continuum.order import day_of
from services.placement.continuum.standing import StandingReview
from shared.events.base import Stay
from shared.events.levels import Level
from shared.events.open_lists import DoneBy, ReviewKind
from shared.events.reviews import ReviewSubject
from shared.site.payers import PayerClock
from shared.values import value_object

CERTIFYING: frozenset[str] = frozenset({"certification", "recertification"})
"""Kinds of review that a certification ends."""


@value_object
class Course:
    """The days of one stay at one level, with what its payer wants there: from `first` to `until`, its last day, and
    the instant at which it `ended`; both None while it goes on."""

    stay: StayState
    level: Level
    payer: str
    clock: PayerClock
    zone: ZoneInfo
    first: date
    until: date | None
    ended: datetime | None

    @property
    def facility(self) -> str:
        """Where."""
        return self.stay.facility

    @property
    def named(self) -> Stay:
        """The stay, as facts name it."""
        return Stay(kind=self.stay.kind, id=self.stay.id)

    def day(self, at: datetime) -> date:
        """The day of an instant there."""
        return day_of(at, self.zone)

    def has(self, day: date) -> bool:
        """Whether the day is one of it."""
        return self.first <= day and (self.until is None or day <= self.until)


class Answer(NamedTuple):
    """What ended a review: of which kind, on which day, and the ce_ids of the facts that say so."""

    by: DoneBy
    on: date
    facts: tuple[str, ...]


@value_object
class ClockReview:
    """One review: what for, by the end of which day, and from which day on it is listed (`lead`).

    `begins`: its reason goes on, so that a timer may state it. `answer`: what ended it, None while it is open.
    """

    review_id: str
    kind: ReviewKind
    of: ReviewSubject
    due: date
    lead: date
    facility: str
    level: Level | None
    payer: str
    stay: Stay | None = None
    begins: bool = True
    answer: Answer | None = None


def as_told(standing: StandingReview, level: Level | None) -> ClockReview:
    """A review that was stated and whose reason goes on no more; `level`: of what it is about."""
    return ClockReview(
        review_id=standing.review_id,
        kind=standing.kind,
        of=standing.of,
        due=standing.due,
        lead=standing.due,
        facility=standing.facility,
        level=level,
        payer="",
        stay=standing.stay,
        begins=False,
    )


def review_id(*reason: str) -> str:
    """The id of the review with this reason: the same for the same words."""
    return "review-" + hashlib.blake2b("\n".join(reason).encode(), digest_size=10).hexdigest()
