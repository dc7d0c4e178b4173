"""Assigns messages to visits: to the visit that a message names, else to one of the patient's visits.

Pure: the stored visits of the patients come in, and those that a batch changes come out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from services.intake.hl7.mapping import FacilityMap
from services.intake.hl7.model import Adt, VisitMessage
from services.intake.hl7.triggers import TRIGGERS
from services.intake.receiving.read import InboundMessage
from services.intake.visits.order import as_said
from services.intake.visits.reconcile import PersonMessage, VisitRecord, span_of, wanted_of
from services.intake.visits.same_visit import names_visit_alone, visit_keys
from services.intake.visits.unnamed import BY_TIME, Named, visits_of_unnamed
from shared.ids import new_id

NO_VISIT = "no-visit"
"""The reason noted for a message that waits because it names no visit and is of none that is known."""


class Belonging(Protocol):
    """Whose messages and visits are, by what merges and moves say."""

    def owner(self, facility: str, said: VisitMessage, patient: str) -> str:
        """The patient whose the visit of a message is; `patient`: whose visit it is in now."""

    def root(self, facility: str, patient: str) -> str:
        """The patient who stays of those whom this one is merged with at a facility."""

    def record_number(self, visit: VisitRecord) -> tuple[str, str] | None:
        """The record number and its authority by which a move told whose the visit is; None where none moved it."""


@dataclass(slots=True)
class VisitAssignment:
    """The visits of a batch's patients, `known` by (patient, facility, key).

    `touched` are those to derive again, by id; `unnamed` the messages that name no visit; `unsure` the patients who
    have a message, now or from before, that does not say by a visit number alone which visit it is of: all their
    visits are touched.
    """

    known: dict[tuple[str, str, str], VisitRecord]
    touched: dict[str, VisitRecord] = field(default_factory=dict)
    unnamed: list[PersonMessage] = field(default_factory=list)
    unsure: set[str] = field(default_factory=set)
    new: set[str] = field(default_factory=set)
    """Visits that are not stored yet."""
    whose: Belonging | None = None
    """Whose the messages are, where merges or moves say so; else each is of the patient whom it names."""

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
    """Give each message the visit with the number, account or time that it names. Where that alone does not tell, its
    patient is unsure, which is left to `assign_unsure_visits`. `every` has all stored visits of the patients, `unsure`
    the patients who are known to be."""
    stored = list(every)
    found = VisitAssignment({(visit.patient_id, visit.facility, visit.key): visit for visit in stored})
    timed = {each.patient_id for each in stored if each.key[:2] == BY_TIME}
    numbered = {each.patient_id for each in stored if each.key[:2] != BY_TIME}
    for message in inbound:
        message.visit_id = None  # a transaction that was rolled back may have left it a visit that is not there
        if message.adt is None or message.said is None or message.patient_id is None:
            continue
        key = message.visit_key
        if key is not None:
            visit = found.visit(message.patient_id, message.facility, key, message.arrived_at)
            message.visit_id = visit.visit_id
            (timed if key[:2] == BY_TIME else numbered).add(message.patient_id)
            if (key[:2] != BY_TIME and not message.alone) or _of_two_authorities(message.adt, visit):
                found.unsure.add(message.patient_id)
        elif TRIGGERS[message.adt.trigger].needs_visit:
            message.note, message.reason = "waiting", NO_VISIT
            found.unnamed.append(PersonMessage(message.patient_id, message.facility, message.said))
    touched = {each.patient_id for each in found.touched.values()}
    found.touch_all_of({*unsure, *(timed & numbered & touched), *(each.patient_id for each in found.unnamed)})
    return found


def learn_unsure(found: VisitAssignment) -> set[str]:
    """Make the patients unsure whose stored messages do not name their visits by visit numbers alone; returns them.

    Every touched visit has its messages.
    """
    kinds: dict[str, set[str]] = defaultdict(set)
    for visit in found.touched.values():
        for adt in (said.adt for said in visit.messages):
            if visit.key[:2] == BY_TIME and not adt.visit_number:
                kinds[visit.patient_id].add("time")
            else:
                kinds[visit.patient_id].add("number" if names_visit_alone(adt) else "other")
    known = found.unsure.copy()
    found.touch_all_of({patient for patient, of in kinds.items() if "other" in of or len(of) > 1})
    return found.unsure - known


def _of_two_authorities(adt: Adt, visit: VisitRecord) -> bool:
    """Whether a visit number was given by another authority in an earlier message of the visit."""
    by = adt.visit_authority
    return by is not None and not {each.adt.visit_authority for each in visit.messages} <= {by, None}


def assign_unsure_visits(found: VisitAssignment, site_map: FacilityMap) -> dict[str, str | None]:
    """Give every message of the unsure patients the visit that it is of now (visits/same_visit.py), also those that
    name none. Returns message id → visit id of those whose visit is another than before; None: it has no visit any
    more.

    The touched visits have all their stored messages. A visit that loses its messages states nothing any more.
    """
    before, groups = _taken_out(found)
    newest = {visit.newest.message_id for visit in found.touched.values() if visit.newest}
    moved: dict[str, str | None] = {}

    def put(said: VisitMessage, visit: VisitRecord | None) -> None:
        if visit is not None:
            visit.messages.append(said)
            if visit.newest is None or said.message_id in newest:
                visit.newest = said
        if before.get(said.message_id) != (visit.visit_id if visit else None):
            moved[said.message_id] = visit.visit_id if visit else None
            if visit is not None:
                visit.notes[said.message_id] = ("", None)

    for (_, facility), told in groups.items():
        of_group = {message_id: said for message_id, (_, said) in told.items()}
        mine = {(patient, facility) for patient, _ in told.values()}
        held = {each.key for each in found.known.values() if each.held and (each.patient_id, each.facility) in mine}
        keys = visit_keys(of_group.values(), held)
        owners = _owners(told, keys)
        for message_id, key in keys.items():
            put(of_group[message_id], found.visit(owners[key], facility, key, of_group[message_id].arrived_at))
        unnamed = [said for message_id, said in of_group.items() if message_id not in keys]
        visits = [each for each in found.touched.values() if (each.patient_id, each.facility) in mine and each.messages]
        owners |= {visit.key: visit.patient_id for visit in visits}
        for message_id, of in visits_of_unnamed(unnamed, [_named(visit, site_map) for visit in visits]).items():
            patient, said = told[message_id]
            put(said, found.visit(owners.get(of, patient), facility, of, said.arrived_at) if of else None)
    return moved


def _owners(told: Mapping[str, tuple[str, VisitMessage]], keys: Mapping[str, str]) -> dict[str, str]:
    """Key of a visit → the patient whose record it is in: of merged patients the one by whom it was begun first, else
    first said."""
    found: dict[str, str] = {}
    begun: set[str] = set()
    for said in as_said([told[message_id][1] for message_id in keys]):
        key, starts = keys[said.message_id], said.adt.means.states == "start"
        if key not in found or (starts and key not in begun):
            found[key] = told[said.message_id][0]
        if starts:
            begun.add(key)
    return found


Told = dict[str, tuple[str, VisitMessage]]
"""Message id → the patient whose visit it means, and the message."""


def _taken_out(found: VisitAssignment) -> tuple[dict[str, str], dict[tuple[str, str], Told]]:
    """Take all messages out of the unsure patients' visits. Returns message id → the visit it was of, and (patient,
    facility) → all messages by id, those among them that name no visit and are of none. Merged patients are one."""
    before: dict[str, str] = {}
    groups: dict[tuple[str, str], Told] = defaultdict(dict)

    def put(said: VisitMessage, patient: str, facility: str) -> None:
        owner = found.whose.owner(facility, said, patient) if found.whose else patient
        root = found.whose.root(facility, owner) if found.whose else owner
        groups[root, facility][said.message_id] = owner, said

    for each in found.unnamed:
        put(each.said, each.patient_id, each.facility)
    for visit in found.touched.values():
        if visit.patient_id in found.unsure:
            before |= dict.fromkeys([said.message_id for said in visit.messages], visit.visit_id)
            for said in visit.messages:
                put(said, visit.patient_id, visit.facility)
            visit.messages = []
    return before, groups


def _named(visit: VisitRecord, site_map: FacilityMap) -> Named:
    """A visit as its messages that name it tell it."""
    return Named(visit.key, *span_of(wanted_of(visit, site_map).facts))
