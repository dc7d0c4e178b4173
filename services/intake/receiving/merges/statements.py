"""From the ids that a merge, link or move tells to a statement about two patients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from services.intake.hl7.model import Adt, PatientId, RecordTold
from services.intake.people.merging import RecordKind, RecordStatement
from services.intake.people.patients import FoundPatient, IdentityClaim
from services.intake.people.person import IDS
from services.intake.receiving.read import InboundMessage
from services.intake.visits.facts import mrn

NO_OTHER, NO_KEY = "no-other-record", "no-patient-key"
"""Why a statement says nothing: the message names no other record, or by no number that a patient is known by."""
_AS_TOLD: Mapping[str, RecordKind] = {
    "link": "link",
    "unlink": "unlink",
    "rename-patient": "rename-patient",
    "move-ids": "move-ids",
    "move-account": "move-account",
    "move-visit": "move-visit",
}


class Sides(NamedTuple):
    """One statement of a message, and who each of its two patients is said to be. The other one may be told by several
    numbers that are not one person's yet: each of them is one of `others`."""

    message: InboundMessage
    told: RecordTold
    patient: IdentityClaim
    others: tuple[IdentityClaim, ...]

    @property
    def claims(self) -> tuple[IdentityClaim, ...]:
        """All of them, the patient first."""
        return (self.patient, *self.others)

    @property
    def by_account(self) -> bool:
        """Whether it moves a visit, and only the visit's account, MRG-3, says whose that was."""
        adt = self.message.adt
        moves = adt is not None and adt.means.records == "move-visit"
        return moves and not self.others and self.told.other_account is not None

    @property
    def visit(self) -> str | None:
        """The key of the visit that it names; one that is known by its account alone has that as its key."""
        return self.told.visit or (self.told.other_account if self.by_account else None)


def sides_of(inbound: Iterable[InboundMessage]) -> list[Sides]:
    """What these messages say of records."""
    return [
        Sides(each, told, _claim(each, told.patient), tuple(_claim(each, (one,)) for one in told.other))
        for each in inbound
        if each.adt is not None
        for told in each.adt.records
    ]


def _claim(message: InboundMessage, ids: Sequence[PatientId]) -> IdentityClaim:
    person = {IDS: [[number, authority, kind] for number, authority, kind, _ in ids]}
    return IdentityClaim(tuple(ids), message.facility, person, message.said_at, message.arrived_at)


def says_of_records(adt: Adt) -> bool:
    """Whether a message is about records, and of no visit."""
    return adt.means.merges or bool(adt.records)


def stated(
    sides: Sequence[Sides], found: Sequence[FoundPatient], holders: Mapping[str, str]
) -> dict[str, list[RecordStatement]]:
    """Message id → what it says of two patients; `found` are the patients of the claims, in their order. `holders`:
    message id → whose the visit is that is moved by its account alone; "" where that is not known."""
    whose = iter(found)
    statements: dict[str, list[RecordStatement]] = {}
    for one in sides:
        patient, *others = (next(whose).patient_id for _ in one.claims)
        mine = statements.setdefault(one.message.message_id, [])
        if patient is not None and one.message.adt is not None:
            told = dict.fromkeys(filter(None, others)) or ([holders[one.message.message_id]] if one.by_account else [])
            mine += _statements(one, one.message.adt, patient, told, len(mine))
    return statements


def _statements(one: Sides, adt: Adt, patient: str, others: Iterable[str], before: int) -> Iterator[RecordStatement]:
    number = mrn(one.told.patient)
    kind: RecordKind = "merge" if adt.means.merges else _AS_TOLD[adt.means.records or "link"]
    account = one.told.other_account or one.told.account if kind == "move-visit" else one.told.account
    for nth, other in enumerate(others, start=before):
        yield RecordStatement(
            statement_id=f"{one.message.message_id}.{nth}",
            facility=adt.facility,
            kind=kind,
            patient=patient,
            other=other,
            stated_at=adt.stated_at,
            sent_at=adt.sent_at or adt.stated_at,
            occurred_at=adt.event.start,
            control_id=adt.control_id,
            nth=nth,
            said_by=one.message.message_id,
            mrn=number.id if number else None,
            authority=number.authority if number else None,
            account=account or one.told.other_account,
            visit=one.visit,
            to_account=one.told.account if kind == "move-visit" else None,
            by_account=one.by_account,
        )


def decided(
    kind: RecordKind,
    facility: str,
    patients: tuple[str, str],
    *,
    decision_id: str,
    at: datetime,
    number: PatientId | None = None,
) -> RecordStatement:
    """What a person decided of two patients: the second goes to the first."""
    return RecordStatement(
        statement_id=decision_id,
        facility=facility,
        kind=kind,
        patient=patients[0],
        other=patients[1],
        stated_at=at,
        sent_at=at,
        occurred_at=at,
        by="person",
        said_by=decision_id,
        mrn=number.id if number else None,
        authority=number.authority if number else None,
    )
