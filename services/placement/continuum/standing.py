"""What stands of an episode beside its stays: windows, placements, authorizations, certifications, reviews, referral,
arrivals, assessment. Frozen values, no rules; `fact` and `root` as in model.py."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from shared.events.authorizations import AuthorizationUnit, Denial
from shared.events.base import Stay
from shared.events.levels import Level
from shared.events.open_lists import DoneBy, ReviewKind
from shared.events.published import PublishedStruct
from shared.events.reviews import ReviewSubject
from shared.values import value_object


@value_object
class Window:
    """A follow-up window that aftercare opened. `outcome`: kept, missed or excluded; None while it is open."""

    follow_up_id: str
    measure: str
    due_to: date
    outcome: str | None
    fact: str


@value_object
class StandingPlacement:
    """A placement that was made and not cancelled; `fact` is its `placed` fact."""

    placement_id: str
    at: datetime
    fact: str
    program: str
    level: Level
    start_date: date
    variance_reason: str | None = None


@value_object
class EndedMerge:
    """A merge that was taken back: from `since` to `until` the records that `facility` holds of episode `retired`
    counted here."""

    retired: str
    facility: str
    since: datetime
    until: datetime


@value_object
class Leftover:
    """What was stated of both while episode `retired` was merged into this one, and hangs on the records of neither.

    `id`: the first statement of the first of its `facts`; `at`: when that was recorded; `kept`: a person said that it
    stays here.
    """

    id: str
    facts: tuple[str, ...]
    facility: str
    at: datetime
    retired: str
    merged_at: str
    """The facility that said the merge."""
    kept: bool = False


class StandingAuthorization(PublishedStruct):
    """An authorization by its latest facts; `begins` to `to`, both days included.

    `in_force`: the payer has approved it; the terms are then those last approved, extended or ended. `status`: the
    latest fact's name without `authorization-`. `units` None: no limit was named.
    """

    auth_id: str
    number: str | None = None
    payer: str
    level: Level
    unit: AuthorizationUnit
    units: int | None = None
    begins: date = msgspec.field(name="from")
    to: date
    facility: str
    status: str
    in_force: bool
    fact: str
    unit_minutes: int | None = None
    requested_units: int | None = None
    next_review: date | None = None
    reference: str | None = None
    denial: Denial | None = None
    told: str = ""
    """ce_id of the latest fact; `fact` is the one that has the terms."""
    told_at: datetime | None = None


class StandingReview(PublishedStruct):
    """A review that stands as due, by its latest facts. `fact`: its review-due; `at`: when it was first stated.

    `done`: by what it ended and on which day, None while it is open; `done_fact` says so, and `done_from` are the facts
    that this was concluded from, empty where a person said it.
    """

    review_id: str
    kind: ReviewKind
    of: ReviewSubject
    due: date
    at: datetime
    facility: str
    fact: str
    overdue: bool = False
    stay: Stay | None = None
    done: DoneBy | None = None
    done_on: date | None = None
    done_fact: str | None = None
    done_from: tuple[str, ...] = ()

    @property
    def late(self) -> bool:
        """Whether it was not done in time: it is overdue, or was done later."""
        return self.overdue if self.done_on is None else self.done_on > self.due


@value_object
class ReviewAnswer:
    """That a review was done, by its review-done; it counts whether or not the review was said to be due before."""

    review_id: str
    by: DoneBy
    on: date
    fact: str
    derived_from: tuple[str, ...] = ()


class StandingCertification(PublishedStruct):
    """A certification that stands; `begins` to `to`, both days included. `stay` None: of no stay in particular."""

    kind: str
    begins: date = msgspec.field(name="from")
    to: date
    npi: str
    stay: Stay | None = None
    fact: str
    signed_at: datetime | None = None
    told_at: datetime | None = None


@value_object
class StandingPlan:
    """A plan of care that stands; `at`: when it was recorded. It is looked at again by `review_due`."""

    at: datetime
    facility: str
    level: Level
    hours_week: float
    review_due: date
    fact: str


@value_object
class FirstReferral:
    """The episode's first referral that stands."""

    at: datetime
    facility: str
    fact: str
    root: str
    source: str
    requested_level: Level | None = None
    needs: tuple[str, ...] = ()


@value_object
class ExpectedArrival:
    """A stay that a hospital expects: its id, the facility, when the patient is to come and was said to, and the unit
    with its level and program, where they are known. `root` is the first of the facts that say so."""

    stay: str
    facility: str
    at: datetime
    said_at: datetime
    root: str
    unit: str | None = None
    level: Level | None = None
    program: str | None = None


@value_object
class LatestAssessment:
    """The latest assessment that recommends a level, and the facility where it was made."""

    at: datetime
    recommended_level: Level
    fact: str
    instrument: str
    root: str = ""
    facility: str = ""
    needs: tuple[str, ...] = ()
