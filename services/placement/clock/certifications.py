"""By which day a physician has to certify a stay, and which certification did it (42 CFR 424.14, 424.24). Pure.

The first day is day 1. The certification at the admission is due on it, the first recertification on the day that the
site says, each further one at most so many days after the one before began. One that is signed later is late, and
counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from services.placement.clock.model import Answer, ClockReview, Course, review_id
from services.placement.continuum.model import Folded
from services.placement.continuum.standing import StandingCertification
from shared.events.open_lists import ReviewKind
from shared.events.reviews import ReviewSubject


class Slot(NamedTuple):
    """One certification that a stay needs: which one of them, by which day, and what did it; None while it is open."""

    number: int
    kind: ReviewKind
    due: date
    done: StandingCertification | None


def certifying(course: Course, folded: Folded) -> Iterator[ClockReview]:
    """The certifications that a stay needs or had, the open one last. Of a stay that ended only those that were due in
    it, and said to be due before its end: what is told of old stays, one message after the other, makes none due."""
    before = {one.review_id for one in folded.reviews if course.ended is None or one.at < course.ended}
    for slot in _slots(course, folded):
        name = review_id("certification", course.facility, *course.stay.key, course.level, str(slot.number))
        over = course.until is not None and (slot.due > course.until or name not in before)
        if slot.done is None and over:
            continue
        yield ClockReview(
            review_id=name,
            kind=slot.kind,
            of=ReviewSubject(kind="stay", id=course.stay.id),
            due=slot.due,
            lead=slot.due - timedelta(days=course.clock.lead_days),
            facility=course.facility,
            level=course.level,
            payer=course.payer,
            stay=course.named,
            begins=course.until is None,
            answer=_answer(slot.done, course) if slot.done else None,
        )


def _slots(course: Course, folded: Folded) -> Iterator[Slot]:
    rule = course.clock.certification
    if rule is None:
        return
    mine = sorted(
        (one for one in folded.certifications if _of(one, course)), key=lambda one: (one.begins, one.to, one.fact)
    )
    first = next((one for one in mine if one.kind == "initial"), None)
    yield Slot(1, "certification", course.first, first)
    if rule.then_day is not None:
        due = course.first + timedelta(days=rule.then_day - 1)
    else:
        due = (first.begins if first else course.first) + timedelta(days=rule.every_days)
    number = 2
    for one in mine:
        if one.kind == "recertification":
            yield Slot(number, "recertification", due, one)
            number, due = number + 1, one.begins + timedelta(days=rule.every_days)
    yield Slot(number, "recertification", due, None)


def _of(told: StandingCertification, course: Course) -> bool:
    """Whether a certification is of this stay and level: it names the stay, or none, and begins on a day of it."""
    names = {course.stay.key, *course.stay.aliases}
    return (told.stay is None or (told.stay.kind, told.stay.id) in names) and course.has(told.begins)


def _answer(told: StandingCertification, course: Course) -> Answer:
    signed = told.signed_at or told.told_at
    return Answer("certification", course.day(signed) if signed else told.begins, (told.fact,))
