"""One stay from its facts: moves by the table, sessions by day, diagnoses and plans; other stays do not matter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from services.placement.continuum.model import Away, Ending, PlannedEnd, Segment, Session, StayDiagnosis, StayState
from services.placement.continuum.order import OrderedFact, day_of, leaving_day, midnight
from services.placement.continuum.states import MOVES, TO_LEVEL, TO_NONE, NoEffectReason, state_of
from shared.events.base import Admission, CareFact, Disposition
from shared.events.episodes import HowEnded
from shared.events.levels import Level
from shared.events.planning import DischargePlan, DischargePlanCancelled, DischargePlanned
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


def after_moves(stay: StayState | None, facts: Iterable[OrderedFact]) -> tuple[StayState | None, dict[str, str]]:
    """The stay after facts that move it, given in clinical order; and by ce_id why a fact has no effect.

    `stay` None: it has not begun. Facts of one instant are tried until none moves any more (contract 3.6 rule 6).
    """
    reasons: dict[str, str] = {}
    for _, group in groupby(facts, key=itemgetter(0)):
        waiting, tried = list(group), 0
        while len(waiting) != tried:
            tried = len(waiting)
            stay, waiting = _tried_once(stay, waiting, reasons)
    return stay, reasons


def _tried_once(
    stay: StayState | None, group: list[OrderedFact], reasons: dict[str, str]
) -> tuple[StayState | None, list[OrderedFact]]:
    left = []
    for fact in group:
        outcome = MOVES[_row(fact), state_of(stay)]
        if isinstance(outcome, NoEffectReason):
            reasons[fact.id] = outcome.value
            left.append(fact)
        else:
            reasons.pop(fact.id, None)
            kind = type(fact.value)
            stay = _BEGINNINGS[kind](fact) if stay is None else _CHANGES[kind](stay, fact)
    return stay, left


def _row(fact: OrderedFact) -> str:
    if not isinstance(fact.value, Transferred):
        return fact.name
    return TO_LEVEL if fact.value.to.level else TO_NONE


def _visit_started(fact: OrderedFact[VisitStarted]) -> StayState:
    value = fact.value
    return replace(
        _begun(fact, None, value.unit, None),
        visit_class=value.visit_class,
        visit_number=value.visit_number,
        patient=value.patient,
        admission=value.admission or _NOTHING_TOLD,
    )


def _admitted_at_once(fact: OrderedFact[Admitted]) -> StayState:
    value = fact.value
    return replace(
        _begun(fact, value.level, value.unit, value.program),
        visit_number=value.visit_number,
        admission=value.admission,
        age_years=value.age_years,
        patient=value.patient,
        attending_npi=value.attending_npi,
    )


def _started(fact: OrderedFact[Started]) -> StayState:
    value = fact.value
    return replace(
        _begun(fact, value.level, value.unit, value.program),
        admission=value.admission,
        age_years=value.age_years,
        placement_id=value.placement_id,
    )


def _begun(fact: OrderedFact[Any], level: Level | None, unit: str | None, program: str | None) -> StayState:
    return StayState(fact.stay, fact.value.facility, (Segment(fact.at, level, unit, program, fact.id, fact.root),))


def _admitted(stay: StayState, fact: OrderedFact[Admitted]) -> StayState:
    """An admission of a patient who is there for a visit without a level: the same stay goes on (contract 6)."""
    value = fact.value
    segment = Segment(fact.at, value.level, value.unit, value.program, fact.id, fact.root)
    return replace(
        stay,
        segments=(*stay.segments, segment),
        visit_number=value.visit_number,
        admission=value.admission if value.admission != _NOTHING_TOLD else stay.admission,
        age_years=stay.age_years if value.age_years is None else value.age_years,
        patient=value.patient or stay.patient,
        attending_npi=value.attending_npi or stay.attending_npi,
    )


def _transferred(stay: StayState, fact: OrderedFact[Transferred]) -> StayState:
    """A transfer; a leave goes on over it, except to a place without a level, where there is no leave."""
    to = fact.value.to
    segment = Segment(fact.at, to.level, to.unit, to.program, fact.id, fact.root)
    away = stay.away if segment.level else _back(stay, fact)
    return replace(stay, segments=(*stay.segments, segment), away=away)


def _leave_started(stay: StayState, fact: OrderedFact[LeaveStarted]) -> StayState:
    return replace(stay, away=(*stay.away, Away(fact.at, None, fact.value.kind, fact.id)))


def _leave_ended(stay: StayState, fact: OrderedFact[LeaveEnded]) -> StayState:
    return replace(stay, away=_back(stay, fact))


def _back(stay: StayState, fact: OrderedFact[Any]) -> tuple[Away, ...]:
    """The stay's leaves, of which an open one ends with this fact."""
    if not stay.away or stay.away[-1].until is not None:
        return stay.away
    return (*stay.away[:-1], replace(stay.away[-1], until=fact.at))


def _visit_ended(stay: StayState, fact: OrderedFact[VisitEnded]) -> StayState:
    return _ended(stay, fact, "visit-ended", disposition=fact.value.disposition)


def _discharged(stay: StayState, fact: OrderedFact[Discharged]) -> StayState:
    return _ended(stay, fact, "discharged", disposition=fact.value.disposition)


def _completed(stay: StayState, fact: OrderedFact[Completed]) -> StayState:
    return _ended(stay, fact, "completed", reason=fact.value.reason)


def _discontinued(stay: StayState, fact: OrderedFact[Discontinued]) -> StayState:
    return _ended(stay, fact, "discontinued", reason=fact.value.reason)


def _ended(
    stay: StayState,
    fact: OrderedFact[Any],
    how: HowEnded,
    *,
    disposition: Disposition | None = None,
    reason: str | None = None,
) -> StayState:
    return replace(stay, ended=Ending(fact.at, how, fact.id, disposition, reason, fact.root), away=_back(stay, fact))


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
    """Why a session on this day has no effect, by the table's last two rows; None where it has one.

    Attendance counts on the leaving day, and on a day on which the patient went on leave or came back.
    """
    if stay is None or day < day_of(stay.segments[0].since, zone):
        return NoEffectReason.NOT_OPEN
    if stay.ended is not None and day > leaving_day(stay.ended.at, zone):
        return NoEffectReason.HAS_ENDED
    if not _at_a_level(stay, day, zone):
        return NoEffectReason.NO_LEVEL
    return NoEffectReason.AWAY if attended and stay.away and _away_all_day(stay, day, zone) else None


def _at_a_level(stay: StayState, day: date, zone: ZoneInfo) -> bool:
    """True when the stay was at a level for some part of the day."""
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
    stay: StayState | None, facts: Sequence[OrderedFact[Attended | Absent]], zone: ZoneInfo | None
) -> tuple[StayState | None, dict[str, str]]:
    """The stay with those of these sessions that count; and by ce_id why a session has no effect. A session_id counts
    once.

    `zone`: the stay's facility's; None where there is no stay.
    """
    if stay is None or zone is None:
        return stay, {one.id: NoEffectReason.NOT_OPEN.value for one in facts}
    reasons: dict[str, str] = {}
    known = {session.session_id for session in stay.sessions}
    counted = list(stay.sessions)
    for one in facts:
        session = _session(one)
        reason = judged(stay, session.day, session.attended, zone)
        if reason is None and session.session_id in known:
            reason = NoEffectReason.ALREADY_TOLD
        if reason is not None:
            reasons[one.id] = reason.value
            continue
        known.add(session.session_id)
        counted.append(session)
    return replace(stay, sessions=tuple(counted)), reasons


def _session(fact: OrderedFact[Attended | Absent]) -> Session:
    value = fact.value
    if isinstance(value, Attended):
        return Session(value.session_id, value.date, True, fact.id, services=value.services, root=fact.root)
    return Session(value.session_id, value.date, False, fact.id, reason=value.reason, root=fact.root)


def with_diagnoses(stay: StayState, facts: Iterable[OrderedFact[DiagnosisRecorded]]) -> StayState:
    """The stay with these diagnoses too, by rank; a code that comes again replaces the diagnosis with that code."""
    found = list(stay.diagnoses)
    for one in facts:
        value = one.value
        new = StayDiagnosis(value.system, value.code, value.rank, one.id, value.status)
        found = [known for known in found if (known.system, known.code) != (new.system, new.code)]
        found.append(new)
    return replace(stay, diagnoses=tuple(sorted(found, key=attrgetter("rank"))))


def with_plans(stay: StayState, facts: Sequence[OrderedFact[DischargePlan]]) -> tuple[StayState, dict[str, str]]:
    """The stay with the plan by the last of these facts, none where that one cancels it; and by ce_id why a cancel has
    no effect.

    What is said after the stay's end changes no plan of it (contract 3.7).
    """
    until = stay.ended.at if stay.ended else None
    told = facts if until is None else [one for one in facts if one.at < until]
    late = {
        one.id: NoEffectReason.PLAN_OVER.value
        for one in facts
        if until is not None and one.at > until and isinstance(one.value, DischargePlanCancelled)
    }
    return (_planned(stay, told[-1]) if told else stay), late


def _planned(stay: StayState, fact: OrderedFact[DischargePlan]) -> StayState:
    told = fact.value
    if not isinstance(told, DischargePlanned):
        return replace(stay, expected_end=None, plan=None)
    expected = told.expected_at.astimezone(UTC) if told.expected_at else None
    plan = PlannedEnd(fact.at, fact.id, fact.root, expected, told.disposition)
    return replace(stay, expected_end=expected, plan=plan)
