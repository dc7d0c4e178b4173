"""Which follow-up windows an episode has and how each stands, by its stays and the site's clocks; nothing is told here.

The rules are those that the public sheets on NCQA HEDIS FUH describe (follow-up after hospitalization for mental
illness); sources and what is left out: docs/decisions/0103-follow-up-windows.md. Value sets are licensed: none is here.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta, tzinfo

from services.aftercare.domain import Excluded, Kept, Window
from shared.events.episodes import EndedBy, EpisodeState, StayNow
from shared.events.levels import ROUND_THE_CLOCK, Level
from shared.site_values import FollowUpClock

ZoneOf = Callable[[str], tzinfo]
"""The zone in which a facility's days begin."""

LAST_DISCHARGE_DAYS = 30
"""FUH looks so many days after a discharge for another stay or a death, for both of its windows."""
COUNTS = frozenset({Level.PHP.value, Level.IOP.value, Level.OUTPATIENT.value})
"""Levels whose first day is a follow-up visit (FUH numerator: outpatient, intensive outpatient, partial
hospitalization)."""
_IDS = uuid.UUID("5b6a1f4e-2f0c-5c0e-9a57-6f6f6c6c6f77")


def windows(episode: EpisodeState, clocks: Sequence[FollowUpClock], zone_of: ZoneOf) -> tuple[Window, ...]:
    """Every window of every discharge that stands, in the order of the stays and then of the clocks.

    A clock runs for a stay of one of its levels that ended by `discharged`. Raises what `zone_of` raises.
    """
    return tuple(
        _window(stay, stay.ended_by, stay.to, clock=clock, episode=episode, zone_of=zone_of)
        for stay in episode.stays
        if stay.to is not None and stay.ended_by is not None and stay.ended_by.how == "discharged"
        for clock in clocks
        if stay.level in clock.levels
    )


def follow_up_id(episode_id: str, discharge: str, measure: str) -> str:
    """The same discharge and measure give the same id (contract 3.4); a discharge is of one episode."""
    return str(uuid.uuid5(_IDS, f"{episode_id}|{discharge}|{measure}"))


def leaving_day(at: datetime, zone: tzinfo) -> date:
    """The facility's day of an end; 00:00 is 24:00 of the day before (contract 3.6 rule 7)."""
    local = at.astimezone(zone)
    return local.date() - timedelta(days=local.time() == time.min)


def _window(
    stay: StayNow,
    ended_by: EndedBy,
    left_at: datetime,
    *,
    clock: FollowUpClock,
    episode: EpisodeState,
    zone_of: ZoneOf,
) -> Window:
    zone, stays = zone_of(stay.facility), episode.stays
    left = leaving_day(left_at, zone)
    due_from, due_to = left + timedelta(days=clock.first_day), left + timedelta(days=clock.last_day)
    return Window(
        follow_up_id=follow_up_id(episode.episode_id, ended_by.ce_id, clock.measure),
        measure=clock.measure,
        discharge=ended_by.ce_id,
        facility=stay.facility,
        left_at=left_at.astimezone(zone),
        due_from=due_from,
        due_to=due_to,
        over_at=datetime.combine(due_to + timedelta(days=1), time.min, zone),
        outcome=_excluded(stay, ended_by, left, stays, zone_of) or _kept(due_from, due_to, stay, stays, zone_of),
    )


def _kept(due_from: date, due_to: date, stay: StayNow, stays: Sequence[StayNow], zone_of: ZoneOf) -> Kept | None:
    """The first day at a program or clinic inside the window, by the day of that place; the earliest one."""
    first = min(
        (s for s in stays if s is not stay and s.level in COUNTS and due_from <= _begun(s, zone_of) <= due_to),
        key=_order,
        default=None,
    )
    if first is None or first.level is None:
        return None
    return Kept(first.begun.astimezone(zone_of(first.facility)), first.level, first.begun_by)


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
    later = [s for s in _later(stay, stays) if _begun(s, zone_of) <= last]
    for level in (Level.INPATIENT, Level.RESIDENTIAL):
        for other in (s for s in later if s.level == level):
            same_day = _begun(other, zone_of) <= left
            acute = "transferred" if same_day else "readmitted"
            return Excluded(acute if level is Level.INPATIENT else "non-acute-stay", (other.begun_by,))
    return None


def _deaths(left: date, last: date, stays: Sequence[StayNow], zone_of: ZoneOf) -> Iterator[str]:
    """ce_ids of endings by death from one day to another."""
    for stay in stays:
        if stay.ended_by is None or stay.to is None:
            continue
        said = stay.ended_by.disposition.kind if stay.ended_by.disposition else stay.ended_by.reason
        if said == "deceased" and left <= leaving_day(stay.to, zone_of(stay.facility)) <= last:
            yield stay.ended_by.ce_id


def _later(stay: StayNow, stays: Sequence[StayNow]) -> list[StayNow]:
    """24-hour stays that go on after this one ended, in the order of their beginnings."""
    others = [s for s in stays if s is not stay and s.level in ROUND_THE_CLOCK and _ends_later(s, stay)]
    return sorted(others, key=_order)


def _ends_later(other: StayNow, stay: StayNow) -> bool:
    """True for an open one. Two that end at one instant: the one begun later is the last."""
    if other.to is None or stay.to is None:
        return other.to is None
    return (other.to, *_order(other)) > (stay.to, *_order(stay))


def _order(stay: StayNow) -> tuple[datetime, str, str]:
    return stay.begun, stay.kind, stay.id


def _begun(stay: StayNow, zone_of: ZoneOf) -> date:
    return stay.begun.astimezone(zone_of(stay.facility)).date()
