"""On which day a stay begins and ends, and which of two stays ends later, as care.episodes has them. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta, tzinfo

from shared.events.episodes import StayNow

ZoneOf = Callable[[str], tzinfo]
"""The zone in which a facility's days begin."""


def leaving_day(at: datetime, zone: tzinfo) -> date:
    """The day at the facility on which a stay that ended at `at` is counted as over; an end at 00:00 belongs to the day
    before (contract 3.6 rule 7)."""
    local = at.astimezone(zone)
    return local.date() - timedelta(days=local.time() == time.min)


def first_day(stay: StayNow, zone_of: ZoneOf) -> date:
    """The day on which a stay begins, in the zone of its facility."""
    return stay.begun.astimezone(zone_of(stay.facility)).date()


def ends_later(other: StayNow, stay: StayNow) -> bool:
    """True where `other` ends after `stay` or is still open; of two that end at the same instant, the later begun
    one."""
    if other.to is None or stay.to is None:
        return other.to is None
    return (other.to, *order(other)) > (stay.to, *order(stay))


def order(stay: StayNow) -> tuple[datetime, str, str]:
    """Sort key: stays in the order in which they began."""
    return stay.begun, stay.kind, stay.id


def kind_of_end(stay: StayNow) -> str | None:
    """The kind of disposition with which a stay ended, else the reason; None where neither was given."""
    if stay.ended_by is None:
        return None
    return stay.ended_by.disposition.kind if stay.ended_by.disposition else stay.ended_by.reason
