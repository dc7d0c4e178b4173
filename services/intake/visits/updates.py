"""What A08 and A31 change in a stay: attending, admission, beginning, disposition, end.

An empty field leaves what is so, `""` removes it (HL7 v2.5.1 2.5.3); an update changes what was said before it.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from msgspec import structs

from services.intake.hl7.model import Adt, Moment, VisitMessage
from services.intake.visits.plans import plans
from services.intake.visits.stays import Statement, Stay, Step

OF_A_START = ("attending_npi", "admission_type", "admission_source")
"""The fields of a message that began, moved or interrupted a stay which an update may change."""
_OF_AN_END = ("disposition", "discharged_to", "discharged")
RENAMES = "rename-visit"
"""What A50 says of records: the visit has another number from then on. It amends as an update does."""


class Update(NamedTuple):
    """A message that amends a stay or plans its end, and its turn: its place in the order said."""

    turn: int
    said: VisitMessage


def stay_of(update: Update, stays: list[Stay]) -> Stay | None:
    """The stay with the same PV1-44, else the last one begun before the update's time, else the first."""
    adt = update.said.adt
    if isinstance(adt.admitted, Moment):
        for stay in stays:
            if stay.begun == adt.admitted.start:
                return stay
    begun = [stay for stay in stays if stay.begun <= adt.event.start]
    return begun[-1] if begun else next(iter(stays), None)


def begin_as_told(stay: Stay, updates: list[Update]) -> None:
    """Move the beginning of a stay to PV1-44 as its updates told it last, where PV1-44 is what it began by.

    It is left where it was for a time before the end of the stay before, or before what went before it, and after what
    followed it. A date without a time, and the time of another beginning in the stay, say nothing new.
    """
    by_pv1_44 = [place for place, step in enumerate(stay.steps) if step.fact in _BEGINNINGS and _told_by_pv1_44(step)]
    if not by_pv1_44:
        return
    place = by_pv1_44[-1]
    step = stay.steps[place]
    others = {one.at for one in stay.steps if one.fact in _BEGINNINGS and one is not step}
    at = step.at
    for update in updates:
        told = update.said.adt.admitted
        if isinstance(told, Moment) and update.turn > step.statement.turn and told.start not in others:
            at = at if told.day_only and told.start <= at < told.end else told.start
    first = stay.steps[place - 1].at if place else stay.after
    last = stay.steps[place + 1].at if place + 1 < len(stay.steps) else at
    if (first is None or first <= at) and at <= last and at != step.at:
        stay.steps[place] = structs.replace(step, at=at)
        stay.begun = stay.steps[0].at


_BEGINNINGS = frozenset({"admitted", "visit-started"})


def _told_by_pv1_44(step: Step) -> bool:
    told = step.statement.said.adt.admitted
    return isinstance(told, Moment) and told.start == step.at


def amended(one: Statement, updates: list[Update], at: datetime | None = None) -> tuple[Adt, VisitMessage]:
    """What a statement's message says with what later updates changed in it, and the message that changed it last.

    `at`: when its step is, where an update may have moved that (`begin_as_told`)."""
    adt, said = one.said.adt, one.said
    names = _OF_AN_END if one.kind == "end" else OF_A_START
    for update in updates:
        if update.turn > one.turn and not (one.kind == "end" and plans(update.said.adt)):
            told = {name: getattr(update.said.adt, name) for name in names}
            if one.kind != "end" and update.said.adt.means.records == RENAMES:
                told["visit_number"] = update.said.adt.visit_number
            told = {name: value for name, value in told.items() if value not in (None, getattr(adt, name))}
            if one.kind == "end" and update.said.adt.deceased and not adt.deceased:
                told["deceased"] = True
            began = update.said.adt.admitted
            if one.kind != "end" and at not in {None, one.at} and isinstance(began, Moment) and began.start == at:
                told["admitted"] = began
            if told:
                adt, said = structs.replace(adt, **told), update.said
    return adt, said


def messages_of(stay: Stay, updates: list[Update]) -> list[VisitMessage]:
    """The messages of a stay's steps, and its updates, in the order said."""
    said = dict(updates)
    for step in stay.steps:
        said[step.statement.turn] = step.statement.said
    return [said[turn] for turn in sorted(said)]
