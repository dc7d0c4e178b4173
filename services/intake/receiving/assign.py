"""Assigns messages to visits: to the visit that a message names, else to one of the patient's visits.

Pure: the stored visits of the patients come in, and those that a batch changes come out.
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
from services.intake.visits.unnamed import Named, visit_id, visits_of_unnamed
from shared.ids import new_id

NO_VISIT = "no-visit"
"""The reason noted for a message that waits because it names no visit and is of none that is known."""


@dataclass(slots=True)
class VisitAssignment:
    """The visits of a batch's patients, `known` by (patient, facility, key).

    `touched` are those to derive again, by id; `unnamed` the messages that name no visit; `unsure` the patients who
    have such a message, now or from before: all their visits are touched.
    """

    known: dict[tuple[str, str, str], VisitRecord]
    touched: dict[str, VisitRecord] = field(default_factory=dict)
    unnamed: list[PersonMessage] = field(default_factory=list)
    unsure: set[str] = field(default_factory=set)
    new: set[str] = field(default_factory=set)
    """Visits that are not stored yet."""

    def visit(self, patient_id: str, facility: str, key: str, at: datetime) -> VisitRecord:
        """The patient's visit with this key, touched; a new one where there is none, with an id of this time."""
        place = (patient_id, facility, key)
        visit = self.known.get(place)
        if visit is None:
            visit = self.known[place] = VisitRecord(new_id(at), *place)
            self.new.add(visit.visit_id)
        self.touched[visit.visit_id] = visit
        return visit

    @property
    def stored(self) -> dict[str, VisitRecord]:
        """The touched visits that are stored, by id."""
        return {visit_id: visit for visit_id, visit in self.touched.items() if visit_id not in self.new}

    @property
    def untouched(self) -> list[VisitRecord]:
        """The visits that are not to be derived again."""
        return [visit for visit in self.known.values() if visit.visit_id not in self.touched]

    def touch(self, visit_ids: Collection[str]) -> None:
        """Touch these visits."""
        self.touched |= {each.visit_id: each for each in self.known.values() if each.visit_id in visit_ids}

    def touch_all(self) -> None:
        """Touch every visit."""
        self.touched |= {visit.visit_id: visit for visit in self.known.values()}

    def touch_all_of(self, patients: Iterable[str]) -> None:
        """Make these patients unsure, and touch all their visits."""
        self.unsure |= set(patients)
        self.touched |= {each.visit_id: each for each in self.known.values() if each.patient_id in self.unsure}


def assign_visits(
    inbound: Sequence[InboundMessage], every: Iterable[VisitRecord], unsure: Iterable[str]
) -> VisitAssignment:
    """Give each message the visit that it names. Messages that name none are left for `assign_unnamed_visits`; `every`
    has all stored visits of the patients, `unsure` the patients who have stored messages that name no visit."""
    found = VisitAssignment({(visit.patient_id, visit.facility, visit.key): visit for visit in every})
    for message in inbound:
        message.visit_id = None  # a transaction that was rolled back may have left it a visit that is not there
        if message.adt is None or message.said is None or message.patient_id is None:
            continue
        key = message.visit_key
        if key is not None:
            message.visit_id = found.visit(message.patient_id, message.facility, key, message.arrived_at).visit_id
        elif TRIGGERS[message.adt.trigger].needs_visit:
            message.note, message.reason = "waiting", NO_VISIT
            found.unnamed.append(PersonMessage(message.patient_id, message.facility, message.said))
    found.touch_all_of({*unsure, *(each.patient_id for each in found.unnamed)})
    return found


def assign_unnamed_visits(found: VisitAssignment, site_map: FacilityMap) -> dict[str, str | None]:
    """Give every message that names no visit the one it is of now. Returns message id → visit id of those whose visit
    is another than before; None: it has no visit any more.

    The touched visits have all their stored messages. A visit that loses its messages states nothing any more.
    """
    before, groups = _taken_out(found)
    moved: dict[str, str | None] = {}
    for (patient_id, facility), unnamed in groups.items():
        visits = [each for each in found.touched.values() if (each.patient_id, each.facility) == (patient_id, facility)]
        named = [_named(visit, site_map) for visit in visits]
        for message_id, key in visits_of_unnamed(unnamed.values(), named).items():
            said = unnamed[message_id]
            visit = found.visit(patient_id, facility, key, said.arrived_at) if key else None
            if visit is not None:
                visit.messages.append(said)
                visit.newest = visit.newest or said
            if before.get(message_id) != (visit.visit_id if visit else None):
                moved[message_id] = visit.visit_id if visit else None
                if visit is not None:
                    visit.notes[message_id] = ("", None)
    return moved


def _taken_out(found: VisitAssignment) -> tuple[dict[str, str], dict[tuple[str, str], dict[str, VisitMessage]]]:
    """Take the messages that name no visit out of the unsure patients' visits. Returns message id → the visit it was
    of, and (patient, facility) → all such messages by id."""
    before: dict[str, str] = {}
    groups: dict[tuple[str, str], dict[str, VisitMessage]] = defaultdict(dict)
    for each in found.unnamed:
        groups[each.patient_id, each.facility][each.said.message_id] = each.said
    for visit in found.touched.values():
        if visit.patient_id in found.unsure:
            mine = [said for said in visit.messages if visit_id(said.adt) is None]
            before |= {said.message_id: visit.visit_id for said in mine}
            groups[visit.patient_id, visit.facility] |= {said.message_id: said for said in mine}
            visit.messages = [said for said in visit.messages if said.message_id not in before]
    return before, groups


def _named(visit: VisitRecord, site_map: FacilityMap) -> Named:
    """A visit as its messages that name it tell it."""
    return Named(visit.key, *span_of(wanted_of(visit, site_map).facts))
