"""Which updates of a visit only say again what the one before them said: feeds send A08 at every touch. Pure.

Such a message changes nothing, whatever else is known, as long as nothing is said between the two; so the next message
is derived without it, and costs the same however many of them came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from services.intake.hl7.model import Adt, Moment, VisitMessage
from services.intake.visits.stays import Stay

REPEATED = "repeated"
"""The reason noted for a message that says what the update before it said."""
_WHEN = frozenset(
    {"control_id", "stated_at", "occurred", "occurred_from", "event", "sent_at", "charset", "warnings", "processing_id"}
)
"""The fields of a message that say when and how it was said, and nothing of the visit."""
_DAY = timedelta(days=1)
"""A day of the facility may be the one before or after in UTC, in which times are compared here."""
_WHAT = tuple(name for name in Adt.__struct_fields__ if name not in _WHEN)


def repeated(said: Sequence[VisitMessage], stays: Mapping[int, Stay | None]) -> set[int]:
    """The turns (places in the order said) of updates that repeat the message directly before them, an update of the
    same stay; `stays` has the stay of each update.

    A day on which a plan that was told begins or ends makes the first message after it news (snapshots.coverage).
    """
    if len(stays) < 2:
        return set()
    found: set[int] = set()
    days: set[date] = set()
    latest = said[0].adt.event.start.date()
    for turn, one in enumerate(said):
        day = one.adt.event.start.date()
        if (
            turn in stays
            and turn - 1 in stays
            and stays[turn] is stays[turn - 1]
            and says_the_same(one.adt, said[turn - 1].adt)
            and not any(latest - _DAY <= each <= day + _DAY for each in days)
        ):
            found.add(turn)
        else:
            days |= _days_of(one.adt)
        latest = max(latest, day)
    return found


def says_the_same(one: Adt, before: Adt) -> bool:
    """Whether an update says, field by field, what another of the same event said."""
    return (
        one.means.updates
        and before.trigger == one.trigger
        and all(getattr(one, name) == getattr(before, name) for name in _WHAT)
    )


def _days_of(adt: Adt) -> set[date]:
    """The days on which plans that a message tells begin, or have ended."""
    told = adt.coverage if isinstance(adt.coverage, tuple) else ()
    return {each.since for each in told if each.since} | {each.until + _DAY for each in told if each.until}


def goes_on(news: Sequence[VisitMessage], kept: Iterable[VisitMessage], quiet_until: datetime) -> bool:
    """Whether a visit's new messages can be derived without those that are repeated: all are updates said after
    everything before (`quiet_until`), and none tells another beginning or end than those that are `kept`."""
    known = {(each.adt.admitted, each.adt.discharged) for each in kept}
    begins, ends = {begin for begin, _ in known}, {end for _, end in known}
    return all(
        each.adt.means.updates
        and each.adt.whole is None
        and each.adt.stated_at > quiet_until
        and (not isinstance(each.adt.admitted, Moment) or each.adt.admitted in begins)
        and (not isinstance(each.adt.discharged, Moment) or each.adt.discharged in ends)
        for each in news
    )
