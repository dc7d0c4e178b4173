"""The life of one stay: facts through the table of moves, sessions judged by day; no other stay is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from services.placement.continuum.model import Away, Ending, Segment, Session, StayDiagnosis, StayState
from services.placement.continuum.order import OrderedFact, day_of, leaving_day, midnight
from services.placement.continuum.states import MOVES, TO_LEVEL, TO_NONE, NoEffectReason, state_of
from shared.events.base import Admission, CareFact, Disposition
from shared.events.episodes import HowEnded
from shared.events.levels import Level
from shared.events.planning import DischargePlan, DischargePlanned
from shared.events.stays import (
    Absent,
    Admitted,
    Attended,
    Completed,
    DiagnosisRecorded,
    Discharged,
    Discontinued,
    LeaveEnded,
    LeaveStarted,
    Started,
    Transferred,
    VisitEnded,
    VisitStarted,
)
from shared.values import replace

_NOTHING_TOLD = Admission()


def lived(stay: StayState | None, told: Iterable[OrderedFact]) -> tuple[StayState | None, dict[str, str]]:
    """The stay after these moving facts (in order), and the word for each that had no legal move.

    Facts of one instant are tried until none moves any more (contract 3.6 rule 6).
    """
    words: dict[str, str] = {}
    for _, group in groupby(told, key=itemgetter(0)):
        waiting, tried = list(group), 0
        while len(waiting) != tried:
            tried = len(waiting)
            stay, waiting = _tried_once(stay, waiting, words)
    return stay, words


def _tried_once(
    stay: StayState | None, group: list[OrderedFact], words: dict[str, str]
) -> tuple[StayState | None, list[OrderedFact]]:
    left = []
    for told in group:
        outcome = MOVES[_row(told), state_of(stay)]
        if isinstance(outcome, NoEffectReason):
            words[told.id] = outcome.value
            left.append(told)
        else:
            words.pop(told.id, None)
            kind = type(told.value)
            stay = _BEGINNINGS[kind](told) if stay is None else _CHANGES[kind](stay, told)
    return stay, left


def _row(told: OrderedFact) -> str:
    if not isinstance(told.value, Transferred):
        return told.name
    return TO_LEVEL if told.value.to.level else TO_NONE


def _visit_started(told: OrderedFact[VisitStarted]) -> StayState:
    value = told.value
    return replace(
        _begun(told, None, value.unit, None),
        visit_class=value.visit_class,
        visit_number=value.visit_number,
        patient=value.patient,
    )


def _admitted_at_once(told: OrderedFact[Admitted]) -> StayState:
    value = told.value
    return replace(
        _begun(told, value.level, value.unit, value.program),
        visit_number=value.visit_number,
        admission=value.admission,
        age_years=value.age_years,
        patient=value.patient,
        attending_npi=value.attending_npi,
    )


def _started(told: OrderedFact[Started]) -> StayState:
    value = told.value
    return replace(
        _begun(told, value.level, value.unit, value.program),
        admission=value.admission,
        age_years=value.age_years,
        placement_id=value.placement_id,
    )


def _begun(told: OrderedFact[Any], level: Level | None, unit: str | None, program: str | None) -> StayState:
    return StayState(told.stay, told.value.facility, (Segment(told.at, level, unit, program, told.id, told.root),))


def _admitted(stay: StayState, told: OrderedFact[Admitted]) -> StayState:
    """From a visit without level into a level: the same stay (contract 6)."""
    value = told.value
    segment = Segment(told.at, value.level, value.unit, value.program, told.id, told.root)
    return replace(
        stay,
        segments=(*stay.segments, segment),
        visit_number=value.visit_number,
        admission=value.admission if value.admission != _NOTHING_TOLD else stay.admission,
        age_years=stay.age_years if value.age_years is None else value.age_years,
        patient=value.patient or stay.patient,
        attending_npi=value.attending_npi or stay.attending_npi,
    )


def _transferred(stay: StayState, told: OrderedFact[Transferred]) -> StayState:
    """Another place; a leave goes on over it, unless the level ends (a visit without level has no leave)."""
    to = told.value.to
    segment = Segment(told.at, to.level, to.unit, to.program, told.id, told.root)
    away = stay.away if segment.level else _back(stay, told)
    return replace(stay, segments=(*stay.segments, segment), away=away)


def _leave_started(stay: StayState, told: OrderedFact[LeaveStarted]) -> StayState:
    return replace(stay, away=(*stay.away, Away(told.at, None, told.value.kind, told.id)))


def _leave_ended(stay: StayState, told: OrderedFact[LeaveEnded]) -> StayState:
    return replace(stay, away=_back(stay, told))


def _back(stay: StayState, told: OrderedFact[Any]) -> tuple[Away, ...]:
    if not stay.away or stay.away[-1].until is not None:
        return stay.away
    return (*stay.away[:-1], replace(stay.away[-1], until=told.at))


def _visit_ended(stay: StayState, told: OrderedFact[VisitEnded]) -> StayState:
    return _ended(stay, told, "visit-ended", disposition=told.value.disposition)


def _discharged(stay: StayState, told: OrderedFact[Discharged]) -> StayState:
    return _ended(stay, told, "discharged", disposition=told.value.disposition)


def _completed(stay: StayState, told: OrderedFact[Completed]) -> StayState:
    return _ended(stay, told, "completed", reason=told.value.reason)


def _discontinued(stay: StayState, told: OrderedFact[Discontinued]) -> StayState:
    return _ended(stay, told, "discontinued", reason=told.value.reason)


def _ended(
    stay: StayState,
    told: OrderedFact[Any],
    how: HowEnded,
    *,
    disposition: Disposition | None = None,
    reason: str | None = None,
) -> StayState:
    return replace(stay, ended=Ending(told.at, how, told.id, disposition, reason, told.root), away=_back(stay, told))


_BEGINNINGS: dict[type[CareFact], Callable[[OrderedFact[Any]], StayState]] = {
    VisitStarted: _visit_started,
    Admitted: _admitted_at_once,
    Started: _started,
}
_CHANGES: dict[type[CareFact], Callable[[StayState, OrderedFact[Any]], StayState]] = {
    Admitted: _admitted,
    Transferred: _transferred,
    LeaveStarted: _leave_started,
    LeaveEnded: _leave_ended,
    VisitEnded: _visit_ended,
    Discharged: _discharged,
    Completed: _completed,
    Discontinued: _discontinued,
}


def judged(stay: StayState | None, day: date, attended: bool, zone: ZoneInfo) -> NoEffectReason | None:
    """Why a session on this day has no effect; None where it has one (the table's last two rows, by day).

    Attendance on the leaving day counts; so does a day on which the patient left for leave or came back.
    """
    if stay is None or day < day_of(stay.segments[0].since, zone):
        return NoEffectReason.NOT_OPEN
    if stay.ended is not None and day > leaving_day(stay.ended.at, zone):
        return NoEffectReason.HAS_ENDED
    if not _at_a_level(stay, day, zone):
        return NoEffectReason.NO_LEVEL
    return NoEffectReason.AWAY if attended and stay.away and _away_all_day(stay, day, zone) else None


def _at_a_level(stay: StayState, day: date, zone: ZoneInfo) -> bool:
    """Whether some segment with a level touches the day."""
    if stay.segments[-1].level and day >= day_of(stay.segments[-1].since, zone):
        return True
    return any(
        segment.level and day_of(segment.since, zone) <= day <= day_of(following.since, zone)
        for segment, following in zip(stay.segments, stay.segments[1:], strict=False)
    )


def _away_all_day(stay: StayState, day: date, zone: ZoneInfo) -> bool:
    opens, closes = midnight(day, zone), midnight(date.fromordinal(day.toordinal() + 1), zone)
    return any(away.since <= opens and (away.until is None or away.until >= closes) for away in stay.away)


def with_sessions(
    stay: StayState | None, told: Sequence[OrderedFact[Attended | Absent]], zone: ZoneInfo | None
) -> tuple[StayState | None, dict[str, str]]:
    """The stay with the sessions that count, and the word for each that does not. A session counts once."""
    if stay is None or zone is None:
        return stay, {one.id: NoEffectReason.NOT_OPEN.value for one in told}
    words: dict[str, str] = {}
    known = {session.session_id for session in stay.sessions}
    counted = list(stay.sessions)
    for one in told:
        session = _session(one)
        word = judged(stay, session.day, session.attended, zone)
        if word is None and session.session_id in known:
            word = NoEffectReason.ALREADY_TOLD
        if word is not None:
            words[one.id] = word.value
            continue
        known.add(session.session_id)
        counted.append(session)
    return replace(stay, sessions=tuple(counted)), words


def _session(told: OrderedFact[Attended | Absent]) -> Session:
    value = told.value
    if isinstance(value, Attended):
        return Session(value.session_id, value.date, True, told.id, services=value.services, root=told.root)
    return Session(value.session_id, value.date, False, told.id, reason=value.reason, root=told.root)


def with_diagnoses(stay: StayState, told: Iterable[OrderedFact[DiagnosisRecorded]]) -> StayState:
    """The stay with its diagnoses by rank; a code told again takes the place of what was said of it before."""
    found = list(stay.diagnoses)
    for one in told:
        value = one.value
        new = StayDiagnosis(value.system, value.code, value.rank, one.id, value.status)
        found = [known for known in found if (known.system, known.code) != (new.system, new.code)]
        found.append(new)
    return replace(stay, diagnoses=tuple(sorted(found, key=attrgetter("rank"))))


def with_plans(stay: StayState, told: Sequence[OrderedFact[DischargePlan]]) -> StayState:
    """The stay with the end that is expected of it: as the last of these says, or called off."""
    plan = told[-1].value
    expected = plan.expected_at if isinstance(plan, DischargePlanned) else None
    return replace(stay, expected_end=expected.astimezone(UTC) if expected else None)
