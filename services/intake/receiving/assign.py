"""Messages to the visits they are of: those they name, and for what names none the patient's own; decides no fact.

Pure: what is stored of the patients comes in, and the visits come out with all of their messages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.intake.hl7.mapping import FacilityMap
from services.intake.hl7.model import VisitMessage
from services.intake.hl7.triggers import TRIGGERS
from services.intake.receiving.read import InboundMessage
from services.intake.visits.reconcile import PersonMessage, VisitRecord, span_of, wanted_of
from services.intake.visits.unnamed import Named, places, visit_id
from shared.ids import new_id

NO_VISIT = "no-visit"


@dataclass(slots=True)
class VisitAssignment:
    """The visits of patients, those that are to be settled, and the messages that name none.

    `unsure` are patients of whom any message names no visit: of them all visits are to be settled.
    """

    known: dict[tuple[str, str, str], VisitRecord]
    touched: dict[str, VisitRecord] = field(default_factory=dict)
    strays: list[PersonMessage] = field(default_factory=list)
    unsure: set[str] = field(default_factory=set)
    new: set[str] = field(default_factory=set)
    """Visits that are not stored yet."""

    def visit(self, patient_id: str, facility: str, key: str, at: datetime) -> VisitRecord:
        """The patient's visit, to be settled; a new one where there is none."""
        place = (patient_id, facility, key)
        visit = self.known.get(place)
        if visit is None:
            visit = self.known[place] = VisitRecord(new_id(at), *place)
            self.new.add(visit.visit_id)
        self.touched[visit.visit_id] = visit
        return visit

    @property
    def stored(self) -> dict[str, VisitRecord]:
        """Those to be settled of which something is stored."""
        return {visit_id: visit for visit_id, visit in self.touched.items() if visit_id not in self.new}

    @property
    def untouched(self) -> list[VisitRecord]:
        """The visits that stay as they are."""
        return [visit for visit in self.known.values() if visit.visit_id not in self.touched]

    def settle(self, visit_ids: Collection[str]) -> None:
        """Settle these visits too."""
        self.touched |= {each.visit_id: each for each in self.known.values() if each.visit_id in visit_ids}

    def settle_all(self) -> None:
        """Settle every visit."""
        self.touched |= {visit.visit_id: visit for visit in self.known.values()}

    def doubt(self, patients: Iterable[str]) -> None:
        """Settle all visits of these patients."""
        self.unsure |= set(patients)
        self.touched |= {each.visit_id: each for each in self.known.values() if each.patient_id in self.unsure}


def assign_visits(
    inbound: Sequence[InboundMessage], every: Iterable[VisitRecord], unsure: Iterable[str]
) -> VisitAssignment:
    """Give each message the visit that it names; those that name none wait for `assign_unnamed_visits`."""
    found = VisitAssignment({(visit.patient_id, visit.facility, visit.key): visit for visit in every})
    for message in inbound:
        message.visit_id = None  # a transaction that was rolled back may have left it a visit that is not there
        if message.adt is None or message.patient_id is None:
            continue
        key = visit_id(message.adt)
        if key is not None:
            message.visit_id = found.visit(message.patient_id, message.facility, key, message.arrived_at).visit_id
        elif TRIGGERS[message.adt.trigger].needs_visit:
            message.note, message.reason = "waiting", NO_VISIT
            said = VisitMessage(message.adt, message.message_id, message.arrived_at)
            found.strays.append(PersonMessage(message.patient_id, message.facility, said))
    found.doubt({*unsure, *(stray.patient_id for stray in found.strays)})
    return found


def assign_unnamed_visits(found: VisitAssignment, site_map: FacilityMap) -> dict[str, str | None]:
    """Put every message that names no visit where it belongs; message id → visit id, of those that lay elsewhere.

    The visits come filled with what is stored of them; one that loses its messages states nothing any more.
    """
    lay, groups = _taken_out(found)
    moved: dict[str, str | None] = {}
    for (patient_id, facility), strays in groups.items():
        visits = [each for each in found.touched.values() if (each.patient_id, each.facility) == (patient_id, facility)]
        named = [_named(visit, site_map) for visit in visits]
        for message_id, key in places(strays.values(), named).items():
            said = strays[message_id]
            visit = found.visit(patient_id, facility, key, said.arrived_at) if key else None
            if visit is not None:
                visit.messages.append(said)
                visit.newest = visit.newest or said
            if lay.get(message_id) != (visit.visit_id if visit else None):
                moved[message_id] = visit.visit_id if visit else None
                if visit is not None:
                    visit.notes[message_id] = ("", None)
    return moved


def _taken_out(found: VisitAssignment) -> tuple[dict[str, str], dict[tuple[str, str], dict[str, VisitMessage]]]:
    """Where messages that name no visit lay, and all of them by patient and facility."""
    lay: dict[str, str] = {}
    groups: dict[tuple[str, str], dict[str, VisitMessage]] = defaultdict(dict)
    for stray in found.strays:
        groups[stray.patient_id, stray.facility][stray.said.message_id] = stray.said
    for visit in found.touched.values():
        if visit.patient_id in found.unsure:
            loose = [said for said in visit.messages if visit_id(said.adt) is None]
            lay |= {said.message_id: visit.visit_id for said in loose}
            groups[visit.patient_id, visit.facility] |= {said.message_id: said for said in loose}
            visit.messages = [said for said in visit.messages if said.message_id not in lay]
    return lay, groups


def _named(visit: VisitRecord, site_map: FacilityMap) -> Named:
    return Named(visit.key, *span_of(wanted_of(visit, site_map).facts))
