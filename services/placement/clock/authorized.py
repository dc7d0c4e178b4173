"""Reviews of what payers authorized: its last covered day, the day they want to hear again, and denials. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from services.placement.billing.days import ONE_DAY
from services.placement.billing.outlook import Outlook
from services.placement.clock.model import Answer, ClockReview, Course, as_told, review_id
from services.placement.continuum.model import Folded
from services.placement.continuum.order import day_of
from services.placement.continuum.standing import StandingAuthorization, StandingReview
from services.placement.rules import Rules
from shared.events.levels import ROUND_THE_CLOCK
from shared.events.open_lists import ReviewKind
from shared.events.reviews import ReviewSubject
from shared.values import replace

Used = Mapping[str, Outlook]
"""auth_id → how far the authorization is used up, of those in force."""
_OVERTURNED = frozenset({"approved", "extended", "requested", "pended", "ended"})
"""States that an authorization goes to after a denial: what could be said against it was said."""
_OF_THE_LAST_DAY = frozenset({"authorization-ending", "authorization-used-up"})


class LastCovered(NamedTuple):
    """The last day of a stay that is authorized, the authorization it is of, and whether its units end before its
    days."""

    day: date
    told: StandingAuthorization
    used_up: bool


def last_covered(course: Course, folded: Folded, used: Used) -> LastCovered | None:
    """The last day that is authorized as far as is known today; None where nothing is, or the stay has ended.

    At a 24-hour level each day in the house takes a unit; at a program only attended days do, so that it is the last
    day of the authorization, or with no unit left the last attended one.
    """
    told = [one for one in _of(folded, course) if one.in_force]
    if course.until is not None or not told:
        return None
    last = max(told, key=lambda one: (one.to, one.begins, one.auth_id))
    left = [one for one in told if _left(one, used)]
    if course.level not in ROUND_THE_CLOCK:
        if left:
            ends = max(left, key=lambda one: (one.to, one.begins, one.auth_id))
            return LastCovered(ends.to, ends, used_up=False)
        came = [session.day for session in course.stay.sessions if session.attended]
        return LastCovered(max(came, default=last.begins), last, used_up=True)
    if last in left:
        return LastCovered(last.to, last, used_up=False)
    days = [day for one in told for day in used[one.auth_id].ahead] or [min(one.begins for one in told) - ONE_DAY]
    return LastCovered(max(days), last, used_up=max(days) < last.to)


def _left(told: StandingAuthorization, used: Used) -> bool:
    """Whether units are left after all days that are known to take one, those ahead too."""
    return told.units is None or used[told.auth_id].allowance.used < told.units


def _of(folded: Folded, course: Course) -> list[StandingAuthorization]:
    return [one for one in folded.authorizations if (one.payer, one.level) == (course.payer, course.level)]


class WhyReviewed(NamedTuple):
    """Why something about an authorization has to be looked at, and by which day."""

    review_id: str
    kind: ReviewKind
    due: date


def of_course(course: Course, folded: Folded, used: Used) -> Iterator[ClockReview]:
    """The reviews of a stay that goes on: its last covered day, and the days on which payers want to hear again."""
    if course.until is not None:
        return
    covered = last_covered(course, folded, used)
    if covered is not None:
        kind: ReviewKind = "authorization-used-up" if covered.used_up else "authorization-ending"
        reason = WhyReviewed(_name(kind, covered.told), kind, covered.day)
        yield _review(reason, covered.told, course.clock.lead_days, course)
    for told in _of(folded, course):
        if told.next_review is not None:
            name = review_id("next-review", told.auth_id, told.next_review.isoformat())
            yield _review(WhyReviewed(name, "next-review", told.next_review), told, course.clock.lead_days, course)


def denied(folded: Folded, rules: Rules) -> Iterator[ClockReview]:
    """The days until which something can be said against a denial that stands."""
    for told in folded.authorizations:
        row = rules.clock(told.payer, told.level) if told.status == "denied" and told.denial else None
        if row is None or told.denial is None:
            continue
        days: tuple[tuple[ReviewKind, date | None], ...] = (
            ("peer-to-peer", told.denial.peer_to_peer_by),
            ("appeal", told.denial.appeal_by),
        )
        for kind, due in days:
            if due is not None:
                reason = WhyReviewed(review_id(kind, told.auth_id, due.isoformat()), kind, due)
                yield _review(reason, told, row.lead_days)


def _name(kind: str, told: StandingAuthorization) -> str:
    """The review of an authorization's last day: by that day, or by the number of units that end before it."""
    return review_id(kind, told.auth_id, told.to.isoformat() if kind == "authorization-ending" else str(told.units))


def _review(
    reason: WhyReviewed, told: StandingAuthorization, lead_days: int, course: Course | None = None
) -> ClockReview:
    return ClockReview(
        review_id=reason.review_id,
        kind=reason.kind,
        of=ReviewSubject(kind="authorization", id=told.auth_id),
        due=reason.due,
        lead=reason.due - timedelta(days=lead_days),
        facility=course.facility if course else told.facility,
        level=told.level,
        payer=told.payer,
        stay=course.named if course else None,
    )


def answered(standing: StandingReview, folded: Folded, had: Sequence[Course], rules: Rules) -> ClockReview | None:
    """A review that is due and whose reason has gone, if an authorization ended it; else None."""
    told = next((one for one in folded.authorizations if one.auth_id == standing.of.id), None)
    if told is None:
        return None
    by = _answering(standing, told, folded, had)
    if by is None or by.told_at is None:
        return None
    on = day_of(by.told_at, rules.zone_of(standing.facility))
    return replace(as_told(standing, told.level), payer=told.payer, answer=Answer("authorization", on, (by.told,)))


def _answering(
    standing: StandingReview, told: StandingAuthorization, folded: Folded, had: Sequence[Course]
) -> StandingAuthorization | None:
    """The authorization whose latest fact ended a review."""
    if standing.kind in {"peer-to-peer", "appeal"}:
        return told if told.status in _OVERTURNED else None
    if not any((one.payer, one.level) == (told.payer, told.level) for one in had):
        return None
    if standing.kind == "next-review":
        return told if told.next_review != standing.due else None
    if standing.kind not in _OF_THE_LAST_DAY:
        return None
    if told.in_force and _more(standing, told):
        return told
    return _longest(
        one
        for one in folded.authorizations
        if one.in_force and (one.payer, one.level) == (told.payer, told.level) and one.to > standing.due
        if one.auth_id != told.auth_id
    )


def _more(standing: StandingReview, told: StandingAuthorization) -> bool:
    """Whether the same authorization has other terms than those that were to end."""
    if standing.kind == "authorization-ending":
        return told.to > standing.due
    return _name(standing.kind, told) != standing.review_id


def _longest(found: Iterable[StandingAuthorization]) -> StandingAuthorization | None:
    return max(found, key=lambda one: (one.to, one.auth_id), default=None)
