"""The life of one stay: facts through the table of moves, sessions judged by day; no other stay is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, TypeVar, cast, get_args
from zoneinfo import ZoneInfo

from services.placement.continuum.model import Away, Ending, Segment, Session, StayDiagnosis, StayState
from services.placement.continuum.order import OrderedFact, day_of, instant, leaving_day, midnight
from services.placement.continuum.states import MOVES, TO_LEVEL, TO_NONE, NoEffectReason, state_of
from shared.events.base import Admission, Disposition, PatientNumber
from shared.events.episodes import HowEnded
from shared.events.open_lists import VisitClass, read_as
from shared.events.published import PublishedStruct, read_as_struct
from shared.events.stays import Service
from shared.values import replace

_CLASSES: tuple[str, ...] = get_args(VisitClass)
_Part = TypeVar("_Part", bound=PublishedStruct)


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
            stay = _begun(told) if stay is None else _CHANGES[told.name](stay, told)
    return stay, left


def _row(told: OrderedFact) -> str:
    if told.name != "transferred":
        return told.name
    return TO_LEVEL if told.value["to"].get("level") else TO_NONE


def _begun(told: OrderedFact) -> StayState:
    value, (kind, stay_id) = told.value, told.stay
    return StayState(
        kind="visit" if kind == "visit" else "placement",
        id=stay_id,
        facility=value["facility"],
        segments=(_segment(told, value),),
        visit_class=read_as(_CLASSES, value.get("class")),
        visit_number=value.get("visit_number"),
        admission=_part(Admission, value.get("admission")) or Admission(),
        age_years=value.get("age_years"),
        patient=_part(PatientNumber, value.get("patient")),
        attending_npi=value.get("attending_npi"),
        placement_id=value.get("placement_id"),
    )


def _segment(told: OrderedFact, where: dict[str, Any]) -> Segment:
    return Segment(told.at, where.get("level"), where.get("unit"), where.get("program"), told.id, told.root)


def _admitted(stay: StayState, told: OrderedFact) -> StayState:
    """From a visit without level into a level: the same stay (contract 6)."""
    value = told.value
    return replace(
        stay,
        segments=(*stay.segments, _segment(told, value)),
        visit_number=value.get("visit_number") or stay.visit_number,
        admission=_part(Admission, value.get("admission")) or stay.admission,
        age_years=value.get("age_years", stay.age_years),
        patient=_part(PatientNumber, value.get("patient")) or stay.patient,
        attending_npi=value.get("attending_npi") or stay.attending_npi,
    )


def _transferred(stay: StayState, told: OrderedFact) -> StayState:
    """Another place; a leave goes on over it, unless the level ends (a visit without level has no leave)."""
    segment = _segment(told, told.value["to"])
    away = stay.away if segment.level else _back(stay, told)
    return replace(stay, segments=(*stay.segments, segment), away=away)


def _leave_started(stay: StayState, told: OrderedFact) -> StayState:
    return replace(stay, away=(*stay.away, Away(told.at, None, told.value.get("kind") or "other", told.id)))


def _leave_ended(stay: StayState, told: OrderedFact) -> StayState:
    return replace(stay, away=_back(stay, told))


def _back(stay: StayState, told: OrderedFact) -> tuple[Away, ...]:
    if not stay.away or stay.away[-1].until is not None:
        return stay.away
    return (*stay.away[:-1], replace(stay.away[-1], until=told.at))


def _ended(stay: StayState, told: OrderedFact) -> StayState:
    value = told.value
    how = cast("HowEnded", told.name)  # of ENDS: the table of moves brings no other
    ending = Ending(told.at, how, told.id, _part(Disposition, value.get("disposition")), value.get("reason"), told.root)
    return replace(stay, ended=ending, away=_back(stay, told))


def _part(kind: type[_Part], told: object) -> _Part | None:
    """A part of a fact; None where it was not told, or nothing in it."""
    return read_as_struct(kind, told) if told else None


_CHANGES: dict[str, Callable[[StayState, OrderedFact], StayState]] = {
    "admitted": _admitted,
    "transferred": _transferred,
    "leave-started": _leave_started,
    "leave-ended": _leave_ended,
    "visit-ended": _ended,
    "discharged": _ended,
    "completed": _ended,
    "discontinued": _ended,
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
    stay: StayState | None, told: Sequence[OrderedFact], zone: ZoneInfo | None
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


def _session(told: OrderedFact) -> Session:
    value = told.value
    attended = told.name == "attended"
    services = [read_as_struct(Service, one) for one in value.get("services") or () if attended]
    reason = None if attended else value.get("reason")
    return Session(
        value["session_id"], date.fromisoformat(value["date"]), attended, told.id, tuple(services), reason, told.root
    )


def with_diagnoses(stay: StayState, told: Iterable[OrderedFact]) -> StayState:
    """The stay with its diagnoses by rank; a code told again takes the place of what was said of it before."""
    found = list(stay.diagnoses)
    for one in told:
        value = one.value
        rank, status = value.get("rank", 1), value.get("status") or None
        new = StayDiagnosis(value["system"], value["code"], rank, one.id, status)
        found = [known for known in found if (known.system, known.code) != (new.system, new.code)]
        found.append(new)
    return replace(stay, diagnoses=tuple(sorted(found, key=attrgetter("rank"))))


def with_plans(stay: StayState, told: Sequence[OrderedFact]) -> StayState:
    """The stay with the end that is expected of it: as the last of these says, or called off."""
    expected = told[-1].value.get("expected_at")
    return replace(stay, expected_end=instant(expected) if expected else None)
