"""Which follow-up windows an episode has and how each stands, by its stays and the site's clocks; nothing is told here.

The rules are those that the public sheets on NCQA HEDIS FUH describe (follow-up after hospitalization for mental
illness); sources and what is left out: docs/decisions/0103-follow-up-windows.md. Value sets are licensed: none is here.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from services.aftercare.contacts import Contact
from services.aftercare.domain import Excluded, Kept, Outcome, Window
from services.aftercare.stays import ZoneOf, ends_later, first_day, leaving_day, order, said_of_end
from shared.events.episodes import EndedBy, EpisodeState, StayNow
from shared.events.levels import ROUND_THE_CLOCK, Level
from shared.site_values import FollowUpClock

LAST_DISCHARGE_DAYS = 30
"""FUH looks so many days after a discharge for another stay or a death, for both of its windows."""
COUNTS = frozenset({Level.PHP.value, Level.IOP.value, Level.OUTPATIENT.value})
"""Levels whose first day is a follow-up visit (FUH numerator: outpatient, intensive outpatient, partial
hospitalization)."""
_IDS = uuid.UUID("5b6a1f4e-2f0c-5c0e-9a57-6f6f6c6c6f77")


def windows(
    episode: EpisodeState,
    clocks: Sequence[FollowUpClock],
    zone_of: ZoneOf,
    contacts: Sequence[Contact] = (),
    marks: Mapping[str, Outcome] | None = None,
) -> tuple[Window, ...]:
    """Every window of every discharge that stands, in the order of the stays and then of the clocks.

    A clock runs for a stay of one of its levels that ended by `discharged`. `contacts` are those recorded, `marks` what
    people decided, by follow_up_id. Raises what `zone_of` raises.
    """
    seen = _Seen(episode, zone_of, contacts, marks or {})
    return tuple(
        _window(stay, stay.ended_by, stay.to, clock=clock, seen=seen)
        for stay in episode.stays
        if stay.to is not None and stay.ended_by is not None and stay.ended_by.how == "discharged"
        for clock in clocks
        if stay.level in clock.levels
    )


def follow_up_id(episode_id: str, discharge: str, measure: str) -> str:
    """The same discharge and measure give the same id (contract 3.4); a discharge is of one episode."""
    return str(uuid.uuid5(_IDS, f"{episode_id}|{discharge}|{measure}"))


class _Seen(NamedTuple):
    """What windows are judged by."""

    episode: EpisodeState
    zone_of: ZoneOf
    contacts: Sequence[Contact]
    marks: Mapping[str, Outcome]


def _window(stay: StayNow, ended_by: EndedBy, left_at: datetime, *, clock: FollowUpClock, seen: _Seen) -> Window:
    zone, stays = seen.zone_of(stay.facility), seen.episode.stays
    left = leaving_day(left_at, zone)
    window = Window(
        follow_up_id=follow_up_id(seen.episode.episode_id, ended_by.ce_id, clock.measure),
        measure=clock.measure,
        discharge=ended_by.ce_id,
        facility=stay.facility,
        left_at=left_at.astimezone(zone),
        due_from=left + timedelta(days=clock.first_day),
        due_to=left + timedelta(days=clock.last_day),
        over_at=datetime.combine(left + timedelta(days=clock.last_day + 1), time.min, zone),
    )
    outcome = (
        _excluded(stay, ended_by, left, stays, seen.zone_of)
        or seen.marks.get(window.follow_up_id)
        or _kept(window, stay, clock, seen)
    )
    return replace(window, outcome=outcome)


def _kept(window: Window, stay: StayNow, clock: FollowUpClock, seen: _Seen) -> Kept | None:
    """The first day at a program or clinic inside the window, by the day of that place, attendance there again after
    the stay, or the first contact that the clock counts; the earliest of them."""
    found = [*_visits(window, stay, seen), *_contacts(window, clock, seen)]
    return min(found, key=lambda kept: (kept.at, kept.by_fact or ""), default=None)


def _visits(window: Window, stay: StayNow, seen: _Seen) -> Iterator[Kept]:
    for other in sorted(seen.episode.stays, key=order):
        if other is stay or other.level is None or other.level not in COUNTS:
            continue
        zone = seen.zone_of(other.facility)
        if window.due_from <= first_day(other, seen.zone_of) <= window.due_to:
            yield Kept(other.begun.astimezone(zone), other.level, other.begun_by)
        for day in other.attended or ():
            if window.due_from <= day.date <= window.due_to:
                yield Kept(datetime.combine(day.date, time.min, zone), other.level, None, day.mode)


def _contacts(window: Window, clock: FollowUpClock, seen: _Seen) -> Iterator[Kept]:
    """Telehealth and telephone visits count for FUH as those in person do, with a mental health provider."""
    counted, zone = clock.contacts, seen.zone_of(window.facility)
    for contact in seen.contacts:
        if counted is None or not contact.kept or contact.provider_kind is None:
            continue
        fits = contact.mode in counted.modes and contact.provider_kind in counted.provider_kinds
        if fits and window.due_from <= contact.at.astimezone(zone).date() <= window.due_to:
            yield Kept(contact.at.astimezone(zone), contact.provider_kind, contact.ce_id, contact.mode)


def _excluded(
    stay: StayNow, ended_by: EndedBy, left: date, stays: Sequence[StayNow], zone_of: ZoneOf
) -> Excluded | None:
    """Why the discharge doesn't count, the surest reason first; None when it does.

    `deceased` at or within 30 days after it; `transferred` by its disposition, or to an inpatient stay that began the
    same day or before (IPFQR's FUH excludes transfers; of a direct transfer only the last discharge counts);
    `readmitted` to inpatient within 30 days (the last discharge counts); `non-acute-stay`: residential within 30 days.
    """
    last = left + timedelta(days=LAST_DISCHARGE_DAYS)
    for death in _deaths(left, last, stays, zone_of):
        return Excluded("deceased", (death,))
    if ended_by.disposition is not None and ended_by.disposition.kind == "transfer":
        return Excluded("transferred", (ended_by.ce_id,))
    later = [s for s in _later(stay, stays) if first_day(s, zone_of) <= last]
    for level in (Level.INPATIENT, Level.RESIDENTIAL):
        for other in (s for s in later if s.level == level):
            same_day = first_day(other, zone_of) <= left
            acute = "transferred" if same_day else "readmitted"
            return Excluded(acute if level is Level.INPATIENT else "non-acute-stay", (other.begun_by,))
    return None


def _deaths(left: date, last: date, stays: Sequence[StayNow], zone_of: ZoneOf) -> Iterator[str]:
    """ce_ids of endings by death from one day to another."""
    for stay in stays:
        if stay.ended_by is None or stay.to is None:
            continue
        if said_of_end(stay) == "deceased" and left <= leaving_day(stay.to, zone_of(stay.facility)) <= last:
            yield stay.ended_by.ce_id


def _later(stay: StayNow, stays: Sequence[StayNow]) -> list[StayNow]:
    """24-hour stays that go on after this one ended, in the order of their beginnings."""
    others = [s for s in stays if s is not stay and s.level in ROUND_THE_CLOCK and ends_later(s, stay)]
    return sorted(others, key=order)
