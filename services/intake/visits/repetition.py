"""Which updates of a visit only say again what the one before them said: feeds send A08 at every touch. Pure.

Such a message changes nothing, whatever else is known, as long as nothing is said between the two; so the next message
is derived without it, and costs the same however many of them came.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from services.intake.hl7.model import Adt, Moment, VisitMessage

REPEATED = "repeated"
"""The reason noted for a message that says what the update before it said."""
_WHEN = frozenset(
    {"control_id", "stated_at", "occurred", "occurred_from", "event", "sent_at", "charset", "warnings", "processing_id"}
)
"""The fields of a message that say when and how it was said, and nothing of the visit."""
_WHAT = tuple(name for name in Adt.__struct_fields__ if name not in _WHEN)


def says_the_same(one: Adt, before: Adt) -> bool:
    """Whether an update says what the one before it said. A payer from a day that lay ahead when it was told first
    may be news when it is told again."""
    if not (one.means.updates and before.trigger == one.trigger):
        return False
    return all(getattr(one, name) == getattr(before, name) for name in _WHAT) and not _looks_ahead(before)


def _looks_ahead(adt: Adt) -> bool:
    """Whether a payer's first day lies after the message's own."""
    told = adt.coverage
    days = [each.since for each in told if each.since] if isinstance(told, tuple) else []
    return bool(days) and max(days) > adt.event.start.date()


def goes_on(news: Sequence[VisitMessage], kept: Iterable[VisitMessage], quiet_until: datetime) -> bool:
    """Whether a visit's new messages can be derived without those that are repeated: all are updates said after
    everything before (`quiet_until`), and none tells another beginning or end than those that are `kept`."""
    known = {(each.adt.admitted, each.adt.discharged) for each in kept}
    begins, ends = {begin for begin, _ in known}, {end for _, end in known}
    return all(
        each.adt.means.updates
        and each.adt.stated_at > quiet_until
        and (not isinstance(each.adt.admitted, Moment) or each.adt.admitted in begins)
        and (not isinstance(each.adt.discharged, Moment) or each.adt.discharged in ends)
        for each in news
    )
