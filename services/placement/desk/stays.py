"""Stays at programs over HTTP: the first day, leaves and the end, each to be corrected or taken back by the program."""

from __future__ import annotations

from datetime import date
from typing import get_args

from services.placement.continuum.about import about
from services.placement.continuum.order import midnight
from services.placement.desk.care_commands import (
    Complete,
    CorrectEnd,
    CorrectStart,
    Discontinue,
    EndLeave,
    Start,
    StartLeave,
)
from services.placement.desk.commands import Because
from services.placement.desk.frame import PROGRAMS, Rule, Subject, write
from services.placement.desk.placements import facility_of
from services.placement.engine.act import Decided, Situation
from services.placement.programs import attendance, leaves
from services.placement.programs.attendance import DiscontinuationReason, StayProvenance, stay_of
from services.placement.programs.seats import held
from shared.errors import Rejected
from shared.events.base import CareFact
from shared.events.placing import SeatHeld
from shared.events.stays import Absent, Completed, Discontinued, LeaveEnded, LeaveStarted, Started
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.values import replace
from shared.web import requests

_TAKEN_ALONG = (Absent, LeaveStarted, LeaveEnded)
"""What goes with a first day that was never so; what rests on care that was given has to be taken back first."""


def start(now: Situation, placement_id: str, asked: Start) -> Decided:
    """State the first day. Raises Rejected as attendance.py `start` does, and `program-full` for a day before the
    agreed one on which no seat is free."""
    told = attendance.start(_saying(now, placement_id), placement_id, asked.date, unit=asked.unit)
    return Decided((*_seat_from(now, placement_id, asked.date), told), (placement_id,))


def correct_start(now: Situation, placement_id: str, asked: CorrectStart) -> Decided:
    """State another first day. Raises Rejected as `start` does, and `not-started`, `told-by-hospital`."""
    fact, before = _start(now, placement_id)
    stay = stay_of(now.folded, placement_id)
    if stay is not None and stay.kind == "visit":
        text = "the hospital told this first day: it is the hospital's to correct"
        raise Rejected("told-by-hospital", text, possible=("start-withdrawn",))
    told = attendance.start(_saying(now, placement_id, fact), placement_id, asked.date, unit=before.unit)
    now.tried(told)
    return Decided((*_seat_from(now, placement_id, asked.date), told), (placement_id,))


def withdraw_start(now: Situation, placement_id: str, asked: Because) -> Decided:
    """Take the start back: the patient never came. Raises Rejected: `not-started`, `ended`, `has-attendance`."""
    fact, _ = _start(now, placement_id)
    stay = stay_of(now.folded, placement_id)
    if any(isinstance(one.value, Completed | Discontinued) for one in _of_stay(now, placement_id)):
        raise Rejected("ended", "the stay has ended: take its end back first", possible=("end-withdrawn",))
    saying = _saying(now, placement_id)
    gone = attendance.cancelled(saying, fact, asked.reason)
    along = _along(now, placement_id) if stay is None or stay.kind == "placement" else ()
    return Decided((*(attendance.cancelled(saying, fact, asked.reason) for fact in along), gone), (placement_id,))


def complete(now: Situation, placement_id: str, asked: Complete) -> Decided:
    """State that the program was completed. Raises Rejected as attendance.py `completed` does."""
    told = attendance.completed(_saying(now, placement_id), placement_id, asked.date, asked.reason)
    return Decided((told,), (placement_id,))


def discontinue(now: Situation, placement_id: str, asked: Discontinue) -> Decided:
    """State that the stay ended before its goal. Raises Rejected as attendance.py `completed` does."""
    told = attendance.discontinued(_saying(now, placement_id), placement_id, asked.date, asked.reason)
    return Decided((told,), (placement_id,))


def correct_end(now: Situation, placement_id: str, asked: CorrectEnd) -> Decided:
    """State another end. Raises Rejected as `complete` does, and `not-ended`; a Problem (422) for a reason that this
    kind of end does not have."""
    fact, before = _end(now, placement_id)
    saying = _saying(now, placement_id, fact)
    told: CareFact
    if isinstance(before, Completed):
        told = attendance.completed(saying, placement_id, asked.date, asked.reason or before.reason)
    else:
        reason = _discontinuation(asked.reason) if asked.reason else before.reason
        told = attendance.discontinued(saying, placement_id, asked.date, reason)
    now.tried(told)
    return Decided((told,), (placement_id,))


def _discontinuation(told: str) -> DiscontinuationReason:
    known: dict[str, DiscontinuationReason] = {word: word for word in get_args(DiscontinuationReason)}
    if told not in known:
        raise requests.unfit("reason", "some fields are not as they must be", "literal_error")
    return known[told]


def withdraw_end(now: Situation, placement_id: str, asked: Because) -> Decided:
    """Take the end back: the stay goes on. Raises Rejected `not-ended`."""
    fact, _ = _end(now, placement_id)
    gone = attendance.cancelled(_saying(now, placement_id), fact, asked.reason)
    return Decided((gone,), (placement_id,))


def start_leave(now: Situation, placement_id: str, asked: StartLeave) -> Decided:
    """State a leave, going on or past. Raises Rejected: `in-the-future`, `others-rest-on-it`, or why the move is
    illegal."""
    saying = _saying(now, placement_id)
    told = leaves.leave_started(saying, placement_id, asked.at, asked.kind, asked.expected_return)
    if asked.returned_at is None:
        return _fitting(now, placement_id, told)
    return _fitting(now, placement_id, told, leaves.leave_ended(saying, placement_id, asked.returned_at, asked.kind))


def end_leave(now: Situation, placement_id: str, asked: EndLeave) -> Decided:
    """State the return from leave. Raises Rejected as `start_leave` does."""
    return _fitting(now, placement_id, leaves.leave_ended(_saying(now, placement_id), placement_id, asked.at))


def _fitting(now: Situation, placement_id: str, *told: LeaveStarted | LeaveEnded) -> Decided:
    now.tried(*told)
    return Decided(told, (placement_id,))


def _saying(now: Situation, placement_id: str, instead_of: Fact | None = None) -> StayProvenance:
    facility = facility_of(now, placement_id) or now.home
    which = instead_of.id if instead_of else None
    return now.saying(facility, replaces=which, without=which)


def _of_stay(now: Situation, placement_id: str) -> list[Fact]:
    """The standing facts that the desk stated about the stay, the last one first."""
    about_it = [fact for fact in now.own if fact.value.stay is not None and fact.value.stay.id == placement_id]
    left = [fact for fact in reversed(about_it) if not isinstance(fact.value, FactCancelled)]
    return [fact for fact in left if now.standing(fact.id) is fact]


def _start(now: Situation, placement_id: str) -> tuple[Fact, Started]:
    """The standing fact of the first day. Raises Rejected `not-started`."""
    for fact in _of_stay(now, placement_id):
        if isinstance(fact.value, Started):
            return fact, fact.value
    raise Rejected("not-started", "no first day was told", possible=("started",))


def _end(now: Situation, placement_id: str) -> tuple[Fact, Completed | Discontinued]:
    """The standing fact of the end. Raises Rejected `not-ended`."""
    for fact in _of_stay(now, placement_id):
        if isinstance(fact.value, Completed | Discontinued):
            return fact, fact.value
    stay = stay_of(now.folded, placement_id)
    raise Rejected("not-ended", "no end of the stay was told here", possible=attendance.possible(stay))


def _along(now: Situation, placement_id: str) -> list[Fact]:
    return [fact for fact in reversed(_of_stay(now, placement_id)) if isinstance(fact.value, _TAKEN_ALONG)]


def _seat_from(now: Situation, placement_id: str, day: date) -> tuple[SeatHeld, ...]:
    """The placement's seat claimed anew from `day`, where the patient came before the agreed day; else nothing."""
    facility = facility_of(now, placement_id) or now.home
    since = midnight(day, now.zone(facility))
    seat = next((one for one in now.claimed if one.placement_id == placement_id), None)
    if seat is None or seat.since <= since:
        return ()
    told = now.count(replace(seat, seat_id=now.ids(), since=since, until=seat.since))
    moved = replace(seat, since=since)
    return (held(about(now.folded, facility), moved, now.now, "started-earlier", told),)


_PATH = "/api/placements/{id}"
SUBJECT = Subject(
    None,
    (
        write(
            f"{_PATH}/started", Start, Rule(start, claims=True), action="stay-started",
            operation="startStay", roles=PROGRAMS, summary="The patient came for the first time",
        ),
        write(
            f"{_PATH}/started-corrected", CorrectStart, Rule(correct_start, claims=True), action="start-corrected",
            operation="correctStart", roles=PROGRAMS, summary="The first day was another one",
        ),
        write(
            f"{_PATH}/start-withdrawn", Because, Rule(withdraw_start), action="start-withdrawn",
            operation="withdrawStart", roles=PROGRAMS,
            summary="The patient never came: the placement waits for its first day again",
        ),
        write(
            f"{_PATH}/completed", Complete, Rule(complete), action="stay-completed",
            operation="completeStay", roles=PROGRAMS,
            summary="The patient completed the program; the seat is free from the next day on",
        ),
        write(
            f"{_PATH}/discontinued", Discontinue, Rule(discontinue), action="stay-discontinued",
            operation="discontinueStay", roles=PROGRAMS,
            summary="The stay ended before its goal; the seat is free from the next day on",
        ),
        write(
            f"{_PATH}/end-corrected", CorrectEnd, Rule(correct_end), action="end-corrected",
            operation="correctEnd", roles=PROGRAMS, summary="The stay ended on another day, or for another reason",
        ),
        write(
            f"{_PATH}/end-withdrawn", Because, Rule(withdraw_end), action="end-withdrawn",
            operation="withdrawEnd", roles=PROGRAMS, summary="The stay did not end: it goes on",
        ),
        write(
            f"{_PATH}/leave-started", StartLeave, Rule(start_leave), action="leave-started",
            operation="startLeave", roles=PROGRAMS, summary="The patient is on leave, or was",
        ),
        write(
            f"{_PATH}/leave-ended", EndLeave, Rule(end_leave), action="leave-ended",
            operation="endLeave", roles=PROGRAMS, summary="The patient is back from leave",
        ),
    ),
)  # fmt: skip
