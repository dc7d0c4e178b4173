"""List entries of an episode's reviews, and what an authorization's entry says of the stay that it is for. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from services.placement.clock.authorized import Used
from services.placement.clock.model import ClockReview
from services.placement.clock.reviews import reviews
from services.placement.continuum.model import Folded
from services.placement.continuum.order import midnight
from services.placement.continuum.standing import StandingReview
from services.placement.rules import Rules
from services.placement.search.entry import ListEntry, known
from shared.events.published import as_json


def entries_of_reviews(folded: Folded, used: Used, rules: Rules) -> Iterator[ListEntry]:
    """One entry for each review: `ahead` until its lead day, then as its facts say. Of one that was done before it was
    listed there is none."""
    standing = {one.review_id: one for one in folded.reviews}
    for review in reviews(folded, rules, used):
        told = standing.get(review.review_id)
        if told is not None or (review.begins and review.answer is None):
            yield _entry(review, told, folded, used, rules)


def _entry(review: ClockReview, told: StandingReview | None, folded: Folded, used: Used, rules: Rules) -> ListEntry:
    """`at`: the beginning of the day on which it is due; `due`: when a timer has to say so, or it is late."""
    state = _state(told)
    zone = rules.zone_of(review.facility)
    when = review.lead if state == "ahead" else review.due + timedelta(days=1)
    stay = next((one for one in folded.stays if review.stay and one.id == review.stay.id), None)
    content: dict[str, Any] = {
        "review_id": review.review_id,
        "kind": review.kind,
        "of": as_json(review.of),
        "due_on": review.due.isoformat(),
        "due": midnight(review.due + timedelta(days=1), zone).isoformat(),
        "level": review.level,
        "payer": review.payer or None,
        "stay": as_json(review.stay) if review.stay else None,
        "since": stay.begun.isoformat() if stay else None,
        "done_by": told.done if told else None,
        "done_on": told.done_on.isoformat() if told and told.done_on else None,
        **_of_the_authorization(review, folded, used),
    }
    program = stay.program if stay else None
    return ListEntry(
        "review", review.review_id, review.facility, program, state, midnight(review.due, zone),
        midnight(when, zone), known(content),
    )  # fmt: skip


def _state(told: StandingReview | None) -> str:
    if told is None:
        return "ahead"
    if told.done_fact is not None:
        return "done"
    return "overdue" if told.overdue else "due"


def _of_the_authorization(review: ClockReview, folded: Folded, used: Used) -> dict[str, Any]:
    """What a reviewer asks of an authorization: its number and units, and what is used of them (`as_of` counts on)."""
    told = next((one for one in folded.authorizations if one.auth_id == review.of.id), None)
    if told is None or review.of.kind != "authorization":
        return {}
    outlook = used.get(told.auth_id)
    return {
        "number": told.number,
        "reference": told.reference,
        "unit": told.unit,
        "unit_minutes": told.unit_minutes,
        "units": told.units,
        "requested_units": told.requested_units,
        "next_review": told.next_review.isoformat() if told.next_review else None,
        **(outlook.told() if outlook is not None else {}),
    }
