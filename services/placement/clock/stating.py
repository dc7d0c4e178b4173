"""What to state of an episode's reviews: due, late, done, and taken back, as the difference from what stands. Pure.

Only a timer states first that something is due or late (`over`); all else follows from facts whenever they change
(contract 3.8). Called again with what it states among the facts, it states nothing more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime

from msgspec import structs

from services.placement.clock.model import Answer, ClockReview
from services.placement.clock.reviews import reviews
from services.placement.continuum.about import about
from services.placement.continuum.model import Folded
from services.placement.continuum.order import day_of
from services.placement.continuum.standing import StandingReview
from services.placement.rules import Rules
from shared.events.base import CareFact
from shared.events.reviews import ReviewDone, ReviewDue
from shared.events.taking_back import FactCancelled, taken_back
from shared.facts.restating import OwnFacts

GONE = "derived-away"
"""The reason with which a review is taken back."""


def stated(folded: Folded, own: OwnFacts, rules: Rules, now: datetime, *, over: bool = False) -> tuple[CareFact, ...]:
    """The facts to state next of the episode's reviews, in order. `own`: placement's facts of it, by sequence. `over`:
    it is a timer's turn, so that what is due or late by `now` is stated too."""
    if not over and not (folded.reviews or folded.answers or _gone(own)):
        return ()
    found = {one.review_id: one for one in reviews(folded, rules)}
    return tuple(_difference(found, folded, own, rules, now, over=over))


def _difference(
    found: Mapping[str, ClockReview], folded: Folded, own: OwnFacts, rules: Rules, now: datetime, *, over: bool
) -> Iterator[CareFact]:
    said = {fact.id: fact.value for fact in own}
    standing = {one.review_id: one for one in folded.reviews}
    for one in folded.reviews:
        today = day_of(now, rules.zone_of(one.facility))
        if (review := found.get(one.review_id)) is None:
            yield from _taken_back(one, said, now)
        elif one.done_fact is None:
            yield from _of_an_open_one(one, review, said[one.fact], now, today=today, over=over)
        elif one.done_from:
            yield from _of_a_done_one(one, review, said[one.done_fact], now)
    for left in folded.answers:
        if left.review_id not in standing and left.derived_from:
            yield taken_back(said[left.fact], left.fact, reason=GONE, now=now)
    back = {name: told for name, told in _gone(own).items() if name in found and name not in standing}
    yield from (_said_again(told, found[name], now) for name, told in back.items() if found[name].begins)
    if not over:
        return
    done = {one.review_id for one in folded.answers}
    for review in found.values():
        today = day_of(now, rules.zone_of(review.facility))
        is_new = review.review_id not in standing and review.review_id not in back
        if is_new and review.begins and review.answer is None and review.lead <= today:
            yield _due(review, folded, now, late=review.due < today and review.review_id not in done)


def _gone(own: OwnFacts) -> dict[str, ReviewDue]:
    """Review → how it was last said to be due before it was taken back, since its reason had gone."""
    back = {told.cancels for fact in own if isinstance(told := fact.value, FactCancelled) and told.reason == GONE}
    if not back:
        return {}
    return {told.review_id: told for fact in own if fact.id in back and isinstance(told := fact.value, ReviewDue)}


def _said_again(told: ReviewDue, review: ClockReview, now: datetime) -> ReviewDue:
    """A review whose reason is back: as it was said before, since a timer had said it."""
    late = told.overdue if review.due == told.due else None
    return structs.replace(told, due=review.due, overdue=late, occurred_at=now, recorded_at=now, replaces=None)


def _taken_back(one: StandingReview, said: Mapping[str, CareFact], now: datetime) -> Iterator[CareFact]:
    """A review whose reason has gone, with what was concluded of it."""
    if one.done_fact is not None and one.done_from:
        yield taken_back(said[one.done_fact], one.done_fact, reason=GONE, now=now)
    yield taken_back(said[one.fact], one.fact, reason=GONE, now=now)


def _of_an_open_one(
    one: StandingReview, review: ClockReview, told: CareFact, now: datetime, *, today: date, over: bool
) -> Iterator[CareFact]:
    if review.answer is not None:
        yield _done(review, review.answer, told, now)
    elif review.due != one.due or (over and not one.overdue and review.due < today):
        late = review.due < today or None
        yield structs.replace(told, due=review.due, overdue=late, recorded_at=now, replaces=one.fact)


def _of_a_done_one(one: StandingReview, review: ClockReview, told: CareFact, now: datetime) -> Iterator[CareFact]:
    """What was concluded to be done, where it is so no more, or was on another day."""
    if review.answer is None:
        yield taken_back(told, str(one.done_fact), reason=GONE, now=now)
    elif (one.done, one.done_on) != (review.answer.by, review.answer.on):
        by, on, facts = review.answer
        yield structs.replace(told, by=by, on=on, derived_from=facts, recorded_at=now, replaces=one.done_fact)


def _due(review: ClockReview, folded: Folded, now: datetime, *, late: bool) -> ReviewDue:
    return ReviewDue(
        **about(folded, review.facility).heading(now),
        stay=review.stay,
        review_id=review.review_id,
        kind=review.kind,
        of=review.of,
        due=review.due,
        overdue=late or None,
    )


def _done(review: ClockReview, answer: Answer, told: CareFact, now: datetime) -> ReviewDone:
    return ReviewDone(
        episode_id=told.episode_id,
        patient_id=told.patient_id,
        facility=told.facility,
        occurred_at=now,
        recorded_at=now,
        labels=told.labels,
        stay=told.stay,
        derived_from=answer.facts,
        review_id=review.review_id,
        on=answer.on,
        by=answer.by,
    )
