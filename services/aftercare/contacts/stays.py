"""Which day a stay begins and ends on, and which of two ends later; read from care.episodes, nothing is folded here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta, tzinfo

from shared.events.episodes import StayNow

ZoneOf = Callable[[str], tzinfo]
"""The zone in which a facility's days begin."""


def leaving_day(at: datetime, zone: tzinfo) -> date:
    """The facility's day of an end; 00:00 is 24:00 of the day before (contract 3.6 rule 7)."""
    local = at.astimezone(zone)
    return local.date() - timedelta(days=local.time() == time.min)


def first_day(stay: StayNow, zone_of: ZoneOf) -> date:
    """The day on which a stay begins, by the place where it is."""
    return stay.begun.astimezone(zone_of(stay.facility)).date()


def ends_later(other: StayNow, stay: StayNow) -> bool:
    """True for an open one. Two that end at one instant: the one begun later is the last."""
    if other.to is None or stay.to is None:
        return other.to is None
    return (other.to, *order(other)) > (stay.to, *order(stay))


def order(stay: StayNow) -> tuple[datetime, str, str]:
    """By their beginnings."""
    return stay.begun, stay.kind, stay.id


def said_of_end(stay: StayNow) -> str | None:
    """The kind of disposition, or the reason, with which a stay ended."""
    if stay.ended_by is None:
        return None
    return stay.ended_by.disposition.kind if stay.ended_by.disposition else stay.ended_by.reason
