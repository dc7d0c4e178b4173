"""What A08 and A31 change in a stay (attending, admission, disposition, end), and what holds of its diagnoses, payers
and expected discharge after all of its messages.

An empty field leaves what is so, `""` removes it (HL7 v2.5.1 2.5.3); an update changes what was said before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, tzinfo
from typing import NamedTuple

from msgspec import structs

from services.intake.hl7.model import Adt, Diagnosis, Moment, Removed, SiteMap, VisitMessage
from services.intake.visits.stays import Statement, Stay
from shared.events.stays import Coverage

_OF_A_START = ("attending_npi", "admission_type", "admission_source")
_OF_AN_END = ("disposition", "discharged")
RENAMES = "rename-visit"
"""What A50 says of records: the visit has another number from then on. It amends as an update does."""


class Update(NamedTuple):
    """An A08 or A31, and its turn: its place in the order said."""

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


def amended(one: Statement, updates: list[Update]) -> tuple[Adt, VisitMessage]:
    """What a statement's message says with what later updates changed in it, and the message that changed it last."""
    adt, said = one.said.adt, one.said
    names = _OF_AN_END if one.kind == "end" else _OF_A_START
    for update in updates:
        if update.turn > one.turn:
            told = {name: getattr(update.said.adt, name) for name in names}
            if one.kind != "end" and update.said.adt.means.records == RENAMES:
                told["visit_number"] = update.said.adt.visit_number
            told = {name: value for name, value in told.items() if value not in (None, getattr(adt, name))}
            if one.kind == "end" and update.said.adt.deceased and not adt.deceased:
                told["deceased"] = True
            if told:
                adt, said = structs.replace(adt, **told), update.said
    return adt, said


def messages_of(stay: Stay, updates: list[Update]) -> list[VisitMessage]:
    """The messages of a stay's steps, and its updates, in the order said."""
    said = dict(updates)
    for step in stay.steps:
        said[step.statement.turn] = step.statement.said
    return [said[turn] for turn in sorted(said)]


def diagnoses(said: Iterable[VisitMessage]) -> dict[int, tuple[Diagnosis, VisitMessage]]:
    """Rank → the diagnosis that holds, and the message that told it first. DG1 segments replace all those before."""
    found: dict[int, tuple[Diagnosis, VisitMessage]] = {}
    for message in said:
        told = message.adt.diagnoses
        if told is not None:
            before, found = found, {}
            for one in () if isinstance(told, Removed) else told:
                known = before.get(one.rank)
                found[one.rank] = known if known and known[0] == one else (one, message)
    return found


class Plan(NamedTuple):
    """When the hospital expects to discharge, the message that says so, and the one that called it off, if any."""

    expected: Moment
    by: VisitMessage
    off: VisitMessage | None = None


def plan(said: Iterable[VisitMessage]) -> Plan | None:
    """What PV2-9 says last; `""` calls off what was said before, and is nothing where nothing was."""
    found: Plan | None = None
    for message in said:
        told = message.adt.expected_discharge
        if isinstance(told, Removed):
            found = found._replace(off=found.off or message) if found else None
        elif told is not None and (found is None or found.off or found.expected != told):
            found = Plan(told, message)
    return found


def coverage(
    said: Iterable[VisitMessage], begun: datetime, zone: tzinfo, site: SiteMap
) -> dict[date, tuple[tuple[Coverage, ...], VisitMessage]]:
    """First day → the payers from then on, and the message that told them first.

    Payers hold from the stay's first day, or from IN1-12 where that lies after it and not after the day of the message;
    told again for the same day they replace what was told before.
    """
    found: dict[date, tuple[tuple[Coverage, ...], VisitMessage]] = {}
    first = begun.astimezone(zone).date()
    for message in said:
        told = message.adt.coverage
        if isinstance(told, Removed):
            found = {}
        elif told is not None:
            since, said_on = told[0].since, message.adt.event.start.astimezone(zone).date()
            day = since if since and first < since <= said_on else first
            payers = tuple(map(site.payer, told))
            before = max([known for known in found if known <= day], default=None)
            if before is None or found[before][0] != payers:
                found[day] = (payers, message)
    return found
