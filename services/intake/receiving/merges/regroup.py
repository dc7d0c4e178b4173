"""Puts each message into the visit that it is of, where patients are merged, or a visit or account was moved. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from services.intake.hl7.model import VisitMessage
from services.intake.people.merging import FacilityPatients, VisitName, WhoIsWhom, owner_of
from services.intake.receiving.assign import VisitAssignment
from services.intake.visits.order import as_said
from services.intake.visits.reconcile import VisitRecord
from services.intake.visits.unnamed import visit_id


class _Told(NamedTuple):
    """A message, the visit that it is in now, the patient whose visit it means, and the visit's key."""

    said: VisitMessage
    visit: VisitRecord
    owner: str
    key: str


def regroup(found: VisitAssignment, named: Mapping[str, str], who: WhoIsWhom) -> dict[str, str]:
    """Move messages between the touched visits, which have all their messages, so that one visit of merged patients is
    one, and a moved one is where it was moved to. Returns message id → visit id of those that were moved.

    `named`: message id → the patient whom the message's numbers mean.
    """
    moved: dict[str, str] = {}
    by_facility: dict[str, list[VisitRecord]] = defaultdict(list)
    for visit in found.touched.values():
        by_facility[visit.facility].append(visit)
    for facility, visits in by_facility.items():
        place = who.at.get(facility, FacilityPatients())
        groups: dict[tuple[str, str], list[_Told]] = defaultdict(list)
        for visit in visits:
            for said in visit.messages:
                if (key := visit_id(said.adt)) is not None:
                    name = VisitName(named.get(said.message_id, visit.patient_id), key, said.adt.account)
                    owner = owner_of(name, place, who.moves.get(facility, ()))
                    groups[place.root(owner), key].append(_Told(said, visit, owner, key))
        for told in groups.values():
            moved |= _gathered(found, facility, told)
    return moved


def _gathered(found: VisitAssignment, facility: str, told: list[_Told]) -> dict[str, str]:
    """Bring the messages of one visit into one record: that of the patient by whom it was begun first."""
    owner = _owner(told)
    target = found.visit(owner.owner, facility, owner.key, owner.said.arrived_at)
    moved: dict[str, str] = {}
    for one in told:
        if one.visit is not target:
            one.visit.messages.remove(one.said)
            target.messages.append(one.said)
            target.notes[one.said.message_id] = ("", None)
            target.newest = target.newest or one.said
            moved[one.said.message_id] = target.visit_id
    return moved


def _owner(told: list[_Told]) -> _Told:
    """The message that says whose the visit is: its first start, else its first message."""
    of = {one.said.message_id: one for one in told}
    said = as_said([one.said for one in told])
    first = next((each for each in said if each.adt.means.states == "start"), said[0])
    return of[first.message_id]
