"""Reviews over HTTP: what has to be looked at by which day, and that a person has done it (contract 3.8)."""

from __future__ import annotations

from pydantic import Field

from services.placement.continuum.order import day_of
from services.placement.desk.commands import Ask, Code
from services.placement.desk.frame import Listing, Rule, Subject, of_entries, write
from services.placement.engine.act import Decided, Situation
from services.placement.worklists.lists import REVIEWING
from shared.errors import Rejected
from shared.events.base import Day
from shared.events.reviews import ReviewDone

REVIEWERS = ("coordinator", "clinician", "billing", "reviewer")


class DoReview(Ask):
    """A person has done it."""

    on: Day | None = Field(default=None, description="day on which it was done; absent: today")
    reason: Code | None = Field(default=None, description="what came of it, as appealed, sent-to-payer")


def done(now: Situation, review_id: str, asked: DoReview) -> Decided:
    """State that a review is done. Raises Rejected: `gone` where it is not due, `done` where it was done before,
    `in-the-future`."""
    due = next((one for one in now.folded.reviews if one.review_id == review_id), None)
    if due is None:
        raise Rejected("gone", "this is not due, or its reason has gone")
    if due.done_fact is not None:
        raise Rejected("done", "it was done before", state="done")
    today = day_of(now.now, now.rules.zone_of(due.facility))
    if asked.on is not None and asked.on > today:
        raise Rejected("in-the-future", "that day has not come yet", possible=("later",))
    told = ReviewDone(
        **now.about(due.facility).heading(now.now),
        stay=due.stay,
        review_id=review_id,
        on=asked.on or today,
        by="person",
        reason=asked.reason,
    )
    return Decided((told,), (review_id,))


SUBJECT = Subject(
    Listing(
        "reviews", "What payers, physicians and the plan of care want to have looked at, and by which day",
        (*REVIEWING,), filters=("state", "episode_id", "facility"), states=of_entries("review"),
    ),
    (
        write(
            "/api/reviews/{id}/done", DoReview, Rule(done), action="review-done", operation="doReview",
            roles=REVIEWERS, summary="A person has done what was to be reviewed",
        ),
    ),
)  # fmt: skip
