"""Reads what a message says of records: which is merged into which, linked with which, or moved to which.

Sources: HL7 v2.5.1 3.3.18, 3.3.24, 3.3.30, 3.3.34 to 3.3.51 and 3.6; contract 6.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from services.intake.hl7 import fields
from services.intake.hl7.model import PatientId, RecordTold, Refused
from services.intake.hl7.parser import NULL, Message, Segment
from services.intake.hl7.triggers import Trigger


def told_records(message: Message, means: Trigger, facility: str) -> tuple[RecordTold, ...]:
    """What a message of this trigger says of records; nothing for one that says nothing of them.

    Raises Refused where a merge lacks its MRG or MRG-1, or merges a patient into itself.
    """
    if means.merges:
        return tuple(_merges(message, facility))
    if means.records in {"link", "unlink"}:
        return tuple(_links(message))
    return tuple(_moves(message, means)) if means.records in _MOVES else ()


_MOVES = frozenset({"move-ids", "move-account", "move-visit", "rename-patient"})


def _merges(message: Message, facility: str) -> Iterator[RecordTold]:
    """Each MRG with the PID before it. The list of the patient that stays may have the retired ids, too."""
    if message.first("MRG") is None:
        raise Refused("AE", 100, "MRG", 0, "a merge needs an MRG segment")
    itself, nobody = False, False
    for pid, mrg, _ in _pairs(message):
        others = fields.patient_ids(mrg, 1) or fields.patient_ids(mrg, 4)
        nobody = nobody or not others
        ids = _without(_ids(pid), others, facility)
        itself = itself or not ids
        if ids and others:
            yield RecordTold(ids, others, _number(pid, 18), _number(mrg, 3))
    if nobody:
        raise Refused("AE", 101, "MRG", 1, "a merge needs the id that is merged")
    if itself:
        raise Refused("AE", 205, "MRG", 1, "a patient can't be merged into itself")


def _links(message: Message) -> Iterator[RecordTold]:
    """The first patient with each other one of the message; an MRG stands for one, as older senders have it."""
    first, *others = message.all("PID")
    ids = _ids(first)
    for other in [*map(_ids, others), *(fields.patient_ids(mrg, 1) for mrg in message.all("MRG"))]:
        if other:
            yield RecordTold(ids, other)


def _moves(message: Message, means: Trigger) -> Iterator[RecordTold]:
    """Each MRG with the PID before it and the PV1 behind it."""
    for pid, mrg, pv1 in _pairs(message):
        account, other_account = _number(pid, 18), _number(mrg, 3)
        if means.records == "move-ids":
            to, source = fields.patient_ids(pid, 2), fields.patient_ids(mrg, 4)
            if to and source and (moved := fields.patient_ids(pid, 3) or fields.patient_ids(mrg, 1)):
                yield RecordTold(to, moved)
            continue
        others = fields.patient_ids(mrg, 1) or (fields.patient_ids(mrg, 4) if means.records == "rename-patient" else ())
        visit = (_number(pv1, 19) if pv1 else None) or _number(mrg, 5)
        yield RecordTold(_ids(pid), others, account, other_account, visit)


def _pairs(message: Message) -> Iterator[tuple[Segment, Segment, Segment | None]]:
    """Each MRG segment, the PID before it, and the PV1 behind it where one comes before the next MRG or PID."""
    pid = message.first("PID")
    for place, segment in enumerate(message.segments):
        if segment.name == "PID":
            pid = segment
        elif segment.name == "MRG" and pid is not None:
            yield pid, segment, _visit_of(message.segments[place + 1 :])


def _visit_of(behind: Sequence[Segment]) -> Segment | None:
    for segment in behind:
        if segment.name == "PV1":
            return segment
        if segment.name in {"PID", "MRG"}:
            return None
    return None


def _ids(pid: Segment) -> tuple[PatientId, ...]:
    return fields.patient_ids(pid, 3) or fields.patient_ids(pid, 2)


def _number(segment: Segment, field: int) -> str | None:
    """The number in a field of type CX; None where there is none."""
    text = segment.get(field)
    return fields.short(text) if text and text != NULL else None


def _without(ids: Sequence[PatientId], others: Sequence[PatientId], facility: str) -> tuple[PatientId, ...]:
    return tuple(one for one in ids if not any(_same(one, other, facility) for other in others))


def _same(one: PatientId, other: PatientId, facility: str) -> bool:
    """Whether two ids are equal and share a name of their authority; an id without authority is the facility's own."""
    names, others = ({each.authority or facility, each.universal} - {None} for each in (one, other))
    return one.id == other.id and bool(names & others)
