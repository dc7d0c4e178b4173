"""One stay as care.episodes shows it: where, from when to when, at which level, and what follow-up measures need of
it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Final, NamedTuple

from services.placement.continuum.model import CoverageFrom, Ending, Folded, Session, StayState
from services.placement.continuum.order import day_of, leaving_day
from services.placement.continuum.stay_facts import ZoneOf
from shared.events.episodes import AttendedDay, DiagnosisNow, EndedBy, HowAttended, StayNow
from shared.events.levels import RANK

LOOKED_BACK: Final = timedelta(days=365)
"""For so long after a discharge attended days are shown; no follow-up window of a site is longer."""
_ADMITTING: Final = "A"
"""The diagnosis type of an admitting diagnosis (HL7 DG1-6, table 0052)."""


class StayPlaces(NamedTuple):
    """What the site says of places: the zone of a facility, and the setting within a level (such as withdrawal
    management) of a (facility, unit, program), None where it has none."""

    zone_of: ZoneOf
    setting_of: Callable[[str, str | None, str | None], str | None]


def stays_now(folded: Folded, places: StayPlaces) -> tuple[StayNow, ...]:
    """The stays of an episode in the order in which they began."""
    return tuple([_stay(stay, folded, places) for stay in folded.stays])


def _stay(stay: StayState, folded: Folded, places: StayPlaces) -> StayNow:
    first, now = stay.segments[0], stay.segments[-1]
    kind, name = stay.key
    return StayNow(
        id=name,
        kind=kind,
        level=now.level,
        visit_class=stay.visit_class,
        facility=stay.facility,
        program=now.program,
        begun=first.since,
        to=stay.ended.at if stay.ended else None,
        suspended=stay.ended is None and bool(stay.suspended) and stay.suspended[-1].until is None,
        attended=(_attended(stay, folded.stays, places.zone_of) or None) if stay.sessions else None,
        setting=places.setting_of(stay.facility, now.unit, now.program) if now.level else None,
        labels=stay.labels or None,
        age_years=stay.age_years,
        diagnosis=_principal(stay) if stay.diagnoses else None,
        payer=_payer(stay, folded.coverage, places.zone_of) if now.level else None,
        begun_by=first.fact,
        ended_by=_ended_by(stay.ended, folded.copies) if stay.ended else None,
    )


def _attended(stay: StayState, stays: Iterable[StayState], zone_of: ZoneOf) -> tuple[AttendedDay, ...]:
    """The attended days that may count as follow-up after a discharge: those since a 24-hour stay first suspended this
    stay, and those within LOOKED_BACK after a discharge from a more intensive level."""
    left = list(_left(stay, stays, zone_of))
    since = stay.suspended[0].since.date() if stay.suspended else date.max
    days = {
        one.day: _mode(one)
        for one in stay.sessions
        if one.attended and (one.day >= since or any(day < one.day <= day + LOOKED_BACK for day in left))
    }
    return tuple(AttendedDay(date=day, mode=mode) for day, mode in sorted(days.items()))


def _left(stay: StayState, stays: Iterable[StayState], zone_of: ZoneOf) -> Iterator[date]:
    """The leaving days of discharges from a more intensive level than this stay's."""
    for other in stays:
        end = other.ended
        if end is None or end.how != "discharged" or other.level is None or stay.level is None:
            continue
        if RANK[other.level] < RANK[stay.level]:
            yield leaving_day(end.at, zone_of(other.facility))


def _mode(session: Session) -> HowAttended:
    """How the patient attended, by the first service; in person where no service is recorded."""
    return session.services[0].mode if session.services else "in-person"


def _principal(stay: StayState) -> DiagnosisNow:
    """The first diagnosis by rank; an admitting diagnosis only where there is no other. The stay must have one."""
    found = next((one for one in stay.diagnoses if one.status != _ADMITTING), stay.diagnoses[0])
    return DiagnosisNow(system=found.system, code=found.code)


def _payer(stay: StayState, coverage: Iterable[CoverageFrom], zone_of: ZoneOf) -> str | None:
    """The first payer of the coverage in force on the day on which the stay began."""
    began = day_of(stay.segments[0].since, zone_of(stay.facility))
    told = [one.coverage for one in coverage if one.day <= began and one.coverage]
    return told[-1][0].payer if told else None


def _ended_by(ending: Ending, copies: Mapping[str, str]) -> EndedBy:
    return EndedBy(
        ce_id=ending.fact,
        how=ending.how,
        disposition=ending.disposition,
        reason=ending.reason,
        copy_of=copies.get(ending.fact),
    )
