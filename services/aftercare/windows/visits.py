"""What keeps a follow-up window: days at a program or clinic, and contacts, as the measure's row counts them. Pure.

A day attended inside the window keeps it, whenever the stay began and whichever system reported it; so does the first
day of a stay that began inside it. A stay that began on the leaving day or before keeps nothing by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time

from services.aftercare.contacts.contacts import Contact
from services.aftercare.contacts.stays import ZoneOf, first_day, leaving_day, order
from services.aftercare.decisions.windows import KeptWindow, Window
from shared.events.aftercare import Mode
from shared.events.episodes import AttendedDay, StayNow
from shared.events.levels import ROUND_THE_CLOCK
from shared.site.measures import CountedStay, FollowUpClock


def kept(
    window: Window, clock: FollowUpClock, others: Iterable[StayNow], contacts: Sequence[Contact], zone_of: ZoneOf
) -> KeptWindow | None:
    """The earliest day or contact inside the window that the row counts; None where there is none. `others`: all stays
    but the one that ended."""
    found = [*_days(window, clock, others, zone_of), *_contacts(window, clock, contacts, zone_of)]
    return min(found, key=_earliest, default=None)


def _earliest(each: KeptWindow) -> tuple[date, bool, datetime, str]:
    """Sort key: by day, and on one day first what a fact shows, since a day attended has no time of day."""
    return each.at.date(), each.by_fact is None, each.at, each.by_fact or ""


def _days(window: Window, clock: FollowUpClock, others: Iterable[StayNow], zone_of: ZoneOf) -> Iterator[KeptWindow]:
    for stay in sorted(others, key=order):
        counted = next((each for each in clock.stays if _counts(each, stay)), None)
        if counted is not None:
            yield from _of(stay, window, counted, zone_of)


def _counts(counted: CountedStay, stay: StayNow) -> bool:
    return stay.level in counted.levels and (not counted.labels or bool({*counted.labels} & {*(stay.labels or ())}))


def _of(stay: StayNow, window: Window, counted: CountedStay, zone_of: ZoneOf) -> Iterator[KeptWindow]:
    """What keeps the window in one stay. Days are in the zone of the stay's facility; where no kind of provider was
    given, the stay's level stands for it."""
    zone, began, level = zone_of(stay.facility), first_day(stay, zone_of), str(stay.level)
    if window.due_from <= began <= window.due_to:
        mode: Mode = next((told.mode for told in stay.attended or () if told.date == began), "in-person")
        yield KeptWindow(stay.begun.astimezone(zone), level, stay.begun_by, mode)
    elif level in ROUND_THE_CLOCK and began < window.due_from and _there_on(stay, window.due_from, zone_of):
        yield KeptWindow(datetime.combine(window.due_from, time.min, zone), level, stay.begun_by)
    for told in stay.attended or ():
        if window.due_from <= told.date <= window.due_to and _in_the_way(told, counted):
            at = datetime.combine(told.date, time.min, zone)
            yield KeptWindow(at, told.provider_kind or level, None, told.mode)


def _there_on(stay: StayNow, day: date, zone_of: ZoneOf) -> bool:
    return stay.to is None or leaving_day(stay.to, zone_of(stay.facility)) >= day


def _in_the_way(told: AttendedDay, counted: CountedStay) -> bool:
    mode = not counted.modes or told.mode in counted.modes
    kind = told.provider_kind
    return mode and (not counted.provider_kinds or kind is None or kind in counted.provider_kinds)


def _contacts(
    window: Window, clock: FollowUpClock, contacts: Sequence[Contact], zone_of: ZoneOf
) -> Iterator[KeptWindow]:
    """The contacts that keep the window. For HEDIS FUH, telehealth and telephone visits with a mental health provider
    count as those in person do."""
    counted, zone = clock.contacts, zone_of(window.facility)
    for contact in contacts:
        if counted is None or not contact.kept or contact.provider_kind is None:
            continue
        fits = contact.mode in counted.modes and contact.provider_kind in counted.provider_kinds
        if fits and window.due_from <= contact.at.astimezone(zone).date() <= window.due_to:
            yield KeptWindow(contact.at.astimezone(zone), contact.provider_kind, contact.ce_id, contact.mode)
