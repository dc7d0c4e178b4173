"""Every review of an episode, by its facts and the site's clocks: those that are open, and those that are done. Pure;
reads no clock, so that facts in any order give the same reviews (contract 3.8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from services.placement.billing.outlook import outlooks
from services.placement.billing.periods import periods
from services.placement.clock import authorized
from services.placement.clock.authorized import Used
from services.placement.clock.certifications import certifying
from services.placement.clock.courses import courses
from services.placement.clock.model import CERTIFYING, Answer, ClockReview, Course, as_told, review_id
from services.placement.continuum.model import Folded
from services.placement.continuum.order import day_of
from services.placement.continuum.standing import StandingPlan, StandingReview
from services.placement.rules import Rules
from shared.events.levels import Level
from shared.events.reviews import ReviewSubject
from shared.values import replace

AFTER_A_DEATH = CERTIFYING | {"peer-to-peer", "appeal"}
"""Kinds of review that a bill needs still; the others look ahead (contract 3.6 rule 13)."""


def used_up(folded: Folded, rules: Rules) -> Used:
    """auth_id → how far the authorization is used up, for those in force."""
    if not any(one.in_force for one in folded.authorizations):
        return {}
    found = periods(folded, rules.zone_of, rules.billed, rules.payers)
    return {one.allowance.auth_id: one for one in outlooks(found, folded, rules.payers)}


def last_covered_days(folded: Folded, rules: Rules, used: Used) -> dict[str, date]:
    """auth_id → the last day that is authorized of an open stay, on the authorization that it is of."""
    found = (authorized.last_covered(course, folded, used) for course in courses(folded, rules))
    return {one.told.auth_id: one.day for one in found if one is not None}


def reviews(folded: Folded, rules: Rules, used: Used | None = None) -> tuple[ClockReview, ...]:
    """The reviews of an episode by id: open ones, those whose reason has gone because something ended them, and those
    that a person says are done. `used`: what `used_up` gives, where it is known already."""
    had = courses(folded, rules)
    known = used_up(folded, rules) if used is None else used
    found = {one.review_id: one for one in _open(folded, had, rules, known)}
    if folded.deaths:
        found = {name: one for name, one in found.items() if one.kind in AFTER_A_DEATH}
    for standing in folded.reviews:
        if standing.review_id not in found and (one := _ended(standing, folded, had, rules)) is not None:
            found[standing.review_id] = one
    return tuple(found[name] for name in sorted(found))


def _open(folded: Folded, had: Sequence[Course], rules: Rules, used: Used) -> Iterator[ClockReview]:
    for course in had:
        yield from certifying(course, folded)
        yield from authorized.of_course(course, folded, used)
        yield from _length(course)
    yield from authorized.denied(folded, rules)
    yield from _plans(folded, had)


def _length(course: Course) -> Iterator[ClockReview]:
    """The day on which a stay has lasted as long as is expected."""
    days = course.clock.expected_days
    if days is None or course.until is not None:
        return
    due = course.first + timedelta(days=days - 1)
    yield ClockReview(
        review_id=review_id("length-of-stay", course.facility, *course.stay.key, course.level),
        kind="length-of-stay",
        of=ReviewSubject(kind="stay", id=course.stay.id),
        due=due,
        lead=due - timedelta(days=course.clock.lead_days),
        facility=course.facility,
        level=course.level,
        payer=course.payer,
        stay=course.named,
    )


def _plans(folded: Folded, had: Sequence[Course]) -> Iterator[ClockReview]:
    """The latest plan of each facility and level where a stay goes on."""
    latest = {(plan.facility, plan.level): plan for plan in folded.plans}
    for course in {(one.facility, one.level): one for one in had if one.until is None}.values():
        if (plan := latest.get((course.facility, course.level))) is not None:
            yield _of_plan(plan, course)


def _of_plan(plan: StandingPlan, course: Course) -> ClockReview:
    most = course.clock.plan_days
    due = plan.review_due if most is None else min(plan.review_due, course.day(plan.at) + timedelta(days=most))
    return ClockReview(
        review_id=review_id("plan", plan.fact),
        kind="plan",
        of=ReviewSubject(kind="plan", id=plan.fact),
        due=due,
        lead=due - timedelta(days=course.clock.lead_days),
        facility=plan.facility,
        level=plan.level,
        payer=course.payer,
        stay=course.named,
    )


def _ended(standing: StandingReview, folded: Folded, had: Sequence[Course], rules: Rules) -> ClockReview | None:
    """A review that is not open any more, as what ended it; None where its reason has gone."""
    if standing.of.kind == "authorization":
        found = authorized.answered(standing, folded, had, rules)
    else:
        found = _newer_plan(standing, folded, rules) if standing.of.kind == "plan" else None
    if found is None and standing.done_fact is not None and not standing.done_from:
        return _said_by_a_person(standing, folded)
    return found


def _newer_plan(standing: StandingReview, folded: Folded, rules: Rules) -> ClockReview | None:
    plan = next((one for one in folded.plans if one.fact == standing.of.id), None)
    if plan is None:
        return None
    same = (plan.facility, plan.level)
    newer = [one for one in folded.plans if (one.facility, one.level) == same and one.at > plan.at]
    if not newer:
        return None
    found = as_told(standing, plan.level)
    on = day_of(newer[0].at, rules.zone_of(standing.facility))
    return replace(found, answer=Answer("plan", on, (newer[0].fact,)))


def _said_by_a_person(standing: StandingReview, folded: Folded) -> ClockReview | None:
    """What a person did stays done while what it was of stands, also when nothing has to be done any more."""
    of = standing.of
    stays = {name for stay in folded.stays for name in (stay.key, *stay.aliases)}
    there = {
        "authorization": any(one.auth_id == of.id for one in folded.authorizations),
        "stay": any(name == of.id for _, name in stays),
        "plan": any(one.fact == of.id for one in folded.plans),
    }
    return as_told(standing, _level(of.id, folded)) if there[of.kind] else None


def _level(subject: str, folded: Folded) -> Level | None:
    """The level of an authorization, a plan or a stay by its id."""
    told: list[tuple[str, Level | None]] = [
        *((one.auth_id, one.level) for one in folded.authorizations),
        *((one.fact, one.level) for one in folded.plans),
        *((stay.id, stay.level) for stay in folded.stays),
    ]
    return next((level for name, level in told if name == subject), None)
