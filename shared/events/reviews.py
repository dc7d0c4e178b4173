"""What has to be looked at by a day, so that care stays authorized and certified (contract 3.8)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, get_args

from msgspec import Meta
from msgspec.structs import force_setattr

from shared.events.base import CareFact, Code, Day, Identifier, Writer
from shared.events.open_lists import DoneBy, Open, ReviewKind, read_as
from shared.events.published import PublishedStruct


class ReviewSubject(PublishedStruct):
    """What is to be reviewed."""

    kind: Annotated[Literal["authorization", "stay", "plan"], Meta(description="what it is")]
    id: Annotated[Identifier, Meta(description="auth_id; the stay's id; ce_id of plan-recorded")]


class Review(CareFact):
    """Something that has to be looked at by a day."""

    WRITERS: ClassVar[tuple[Writer, ...]] = ("placement",)
    review_id: Annotated[Identifier, Meta(description="the review; the same reason always gives the same id")]


class ReviewDue(Review):
    """It has to be done by the end of a day; stated by a timer on the site's lead day, and again once it is late."""

    TYPE: ClassVar[str] = "review-due"
    kind: Annotated[Open[ReviewKind], Meta(description="what for")]
    of: Annotated[ReviewSubject, Meta(description="what is to be reviewed")]
    due: Annotated[Day, Meta(description="last day on which it is in time, facility's zone")]
    overdue: Annotated[bool | None, Meta(description="true once that day was over and it was not done")] = None

    def __post_init__(self) -> None:
        """A word that is new is read as `other`."""
        force_setattr(self, "kind", read_as(get_args(ReviewKind), self.kind))


class ReviewDone(Review):
    """It was done: by the authorization, certification or plan that it waited for, or by a person."""

    TYPE: ClassVar[str] = "review-done"
    on: Annotated[Day, Meta(description="day on which it was done, facility's zone")]
    by: Annotated[Open[DoneBy], Meta(description="what ended it")]
    reason: Annotated[Code | None, Meta(description="what came of it, where a person says so")] = None

    def __post_init__(self) -> None:
        """A word that is new is read as `other`."""
        force_setattr(self, "by", read_as(get_args(DoneBy), self.by))
