"""From a received frame to its messages: each is parsed, hashed and sealed before any transaction begins.

A message is refused here where it alone is enough to know that. Nothing here touches the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from services.intake.hl7 import codec, fields
from services.intake.hl7.acknowledgements import NOT_HL7, Outcome, answers, build
from services.intake.hl7.adt import read_adt
from services.intake.hl7.charsets import is_wide
from services.intake.hl7.header import Header, header
from services.intake.hl7.model import AckCode, Adt, Fault, FeedRules, PatientId, Refused, VisitMessage
from services.intake.hl7.parser import Message, pieces
from services.intake.hl7.triggers import TRIGGERS
from services.intake.people.merging import RecordStatement
from services.intake.people.person import PersonReport, told_by
from services.intake.visits.cancels import ASKS
from services.intake.visits.same_visit import names_visit_alone
from services.intake.visits.unnamed import visit_id
from shared.facts.tracing import begun_with, trace_of
from shared.ids import new_id
from shared.storage.sealing import Seal

ER7 = "x-application/hl7-v2+er7"
"""Media type of HL7 v2 text, on Kafka and over HTTP (contract 2)."""
AWAY = Fault(207, "MSH", 0, "nothing can be stored now; send it again")
UNFORESEEN = Fault(207, "MSH", 0, "it is kept, but could not be applied; the operator has it")
CLOCK_WRONG = Fault(207, "MSH", 0, "the clock here is wrong; send it again when that is mended")
TOO_MANY = Fault(100, "MSH", 0, "the frame has more messages than this site takes in one")
NOT_KEPT = Fault(207, "MSH", 0, "it could not be kept")
LEFT = Fault(204, "MSH", 4, "this facility has left: nothing more is taken from it")
_NOT_KEPT_REFUSED = (AWAY, CLOCK_WRONG, NOT_KEPT, LEFT)
ACCEPTED = Outcome("AA")
_CODES: tuple[AckCode, ...] = ("AA", "AE", "AR")
"""Codes of an answer, the worst last."""
ONE_PATIENT = "it names one patient, and its trigger two"


class Received(NamedTuple):
    """One frame, record or request body: its bytes, by which door, and when it came."""

    raw: bytes
    door: str
    arrived_at: datetime
    trace: str | None = None
    """The W3C trace context that it came with, if any."""
    charset: str = ""
    """The charset that was told beside it (Content-Type), if any."""
    fhir: bool = False
    """It is FHIR R4 in JSON (read_fhir.py), not HL7 v2."""
    own_id: str = ""
    """Of FHIR: the id under which the resource is kept here."""
    seen: str = ""
    """Of FHIR: the version that its sender saw (If-Match)."""
    facility: str = ""
    """Of FHIR: the facility of who sends it, where the resource names none."""

    def __repr__(self) -> str:
        return f"<Received {self.door}>"


class Answer(NamedTuple):
    """What goes back for one frame: one reply for each acknowledgement of each message in it, and the worst code."""

    replies: tuple[bytes, ...]
    code: AckCode
    message_ids: tuple[str, ...] = ()
    away: bool = False
    """Something of it could not be stored now: it is to be sent again."""


@dataclass(slots=True)
class InboundMessage:
    """One message on its way through a transaction.

    `ids` is a keyed hash of sender and control id, `body` one of its text: by both a repeat is recognised.
    `adt` is None where the message was refused.
    """

    message_id: str
    door: str
    arrived_at: datetime
    said_at: datetime
    """When it was said, as far as that is known."""
    head: Header
    ids: bytes = b""
    body: bytes = b""
    sealed: bytes = b""
    person: dict[str, Any] = field(default_factory=dict)
    adt: Adt | None = None
    said: VisitMessage | None = None
    """The same as a message of a visit."""
    values: bytes | None = None
    """The same as it is stored."""
    known: tuple[PatientId, ...] = ()
    keys: tuple[tuple[str, str | None, str], ...] = ()
    """The ids that it tells of the patient, as keys: messages with one in common follow each other."""
    facility: str = ""
    trigger: str = ""
    outcome: Outcome = ACCEPTED
    control_id: str = ""
    note: str = "kept"
    reason: str | None = None
    statements: Sequence[RecordStatement] = ()
    """What it says of two patients: a merge, a link, a move."""
    sides: Sequence[tuple[str, PersonReport]] = ()
    """The patients whom these are about, each with what the message tells of them."""
    kin: frozenset[str] = frozenset()
    """Whom statements bring together with its patient."""
    warnings: list[str] = field(default_factory=list)
    replies: tuple[bytes, ...] = ()
    patient_id: str | None = None
    visit_key: str | None = None
    """The visit that it names (`unnamed.visit_id`), if any."""
    visit_id: str | None = None
    alone: bool = False
    """Whether it names its visit by the visit number and nothing else."""
    trace: str | None = None
    silent: bool = False
    """It is the second patient's part of a message: the first part answers for both (`together`)."""
    too_early: datetime | None = None
    """Its time, where that lies further ahead of our clock than the site allows."""

    @property
    def place(self) -> str:
        """Its traceparent: what it came with, else the one made from its id, which its facts have too."""
        return self.trace if self.trace and trace_of(self.trace) else begun_with(self.message_id)

    @property
    def stored(self) -> bool:
        """Whether it is stored: all is but what is answered AR (what this door does not take, or what is not HL7)."""
        return self.outcome.code != "AR"

    @property
    def kept_refused(self) -> bool:
        """Whether its text is kept for a limited time though it gets AR: what this door never takes is (contract 6);
        what is to be sent again is not, nor what comes from a facility that left."""
        return not self.stored and bool(self.sealed) and self.outcome.fault not in _NOT_KEPT_REFUSED

    def warn(self, text: str) -> None:
        """Add a warning, once."""
        if text not in self.warnings:
            self.warnings.append(text)

    def answer(self, outcome: Outcome | None = None) -> None:
        """Set the outcome, if one is given, and make the acknowledgements for it."""
        self.outcome = outcome or self.outcome
        code, fault = self.outcome
        replies: list[bytes] = []
        for sent in answers(self.head, self.outcome):
            if sent is not None:
                control_id = f"{self.message_id[:18]}{len(replies)}"
                replies.append(build(self.head, sent, fault, at=self.arrived_at, control_id=control_id))
        self.replies = () if self.silent else tuple(replies)
        if code == "AE":
            self.note, self.reason = "error", reason_of(fault or UNFORESEEN)


def reason_of(fault: Fault) -> str:
    """`102 PV1-44`: what is wrong and where, for the operators' list."""
    return f"{fault.code} {fault.segment}" + (f"-{fault.field}" if fault.field else "")


def unread(received: Received, seal: Seal) -> InboundMessage:
    """A message with AE for a frame on which `read` failed unexpectedly; it is kept for the operator."""
    at = received.arrived_at
    inbound_message = InboundMessage(new_id(at), received.door, at, at, Header())
    inbound_message.ids, inbound_message.body = seal.blind("unread"), seal.blind(received.raw.decode("latin-1"))
    inbound_message.sealed = seal.close(received.raw, inbound_message.message_id)
    inbound_message.answer(Outcome("AE", UNFORESEEN))
    return inbound_message


def read(received: Received, rules: FeedRules, seal: Seal, most: int) -> list[InboundMessage]:
    """The messages of a frame, one for each message in it; one with AR 100 where there is none, or more than `most`."""
    found = pieces(received.raw)
    if not 0 < len(found) <= most:
        at = received.arrived_at
        inbound_message = InboundMessage(new_id(at), received.door, at, at, Header())
        inbound_message.ids, inbound_message.body = seal.blind("no HL7"), seal.blind(received.raw.decode("latin-1"))
        inbound_message.sealed = seal.close(received.raw, inbound_message.message_id)
        inbound_message.answer(Outcome("AR", TOO_MANY if found else NOT_HL7))
        return [inbound_message]
    told = "utf-8" if is_wide(received.raw) else received.charset
    every = [Message(piece, told) for piece in found]
    alone = received.raw if len(every) == 1 else None
    inbound: list[InboundMessage] = []
    for message in every:
        row = TRIGGERS.get(message.texts.get("MSH-9.2", ""))
        if row is not None and row.two_patients:
            inbound += _of_two_patients(received, message, alone, rules, seal)
        else:
            inbound.append(_inbound(received, message, alone, rules, seal))
    return inbound


def _of_two_patients(
    received: Received, message: Message, alone: bytes | None, rules: FeedRules, seal: Seal
) -> list[InboundMessage]:
    """The message as one for each of its patients; as one alone where a part of it is refused, or it names but one."""
    parts = [Message(raw, message.charset) for raw in message.by_patient()]
    if len(parts) == 1:
        only = _inbound(received, message, alone, rules, seal)
        only.warn(ONE_PATIENT)
        return [only]
    whole = alone or message.body.encode(message.charset, "replace")
    found = [_inbound(received, part, whole, rules, seal) for part in parts]
    for refused in found:
        if refused.outcome.code != "AA":
            refused.ids, refused.body = found[0].ids, seal.blind(message.body)
            return [refused]
    for number, each in enumerate(found[1:], 2):
        each.silent, each.replies = True, ()
        each.ids = seal.blind(f"part {number}\x1f{each.ids.hex()}")
    return found


def _inbound(received: Received, message: Message, alone: bytes | None, rules: FeedRules, seal: Seal) -> InboundMessage:
    """One message of a frame; `alone`: the bytes of the frame, where it is the only one."""
    head, at = header(message), received.arrived_at
    inbound = InboundMessage(new_id(at), received.door, at, at, head)
    inbound.trace, inbound.trigger, inbound.control_id = received.trace, head.trigger, head.control_id
    inbound.warnings = list(message.warnings)
    inbound.ids = seal.blind(f"ids\x1f{head.sending_app}\x1f{head.sending_facility}\x1f{head.control_id}")
    inbound.body = seal.blind(message.body)
    text = alone or message.body.encode(message.charset, "replace")
    if received.charset and not text.isascii():  # kept so that it is read the same without what was told beside it
        text = message.body.encode("utf-16")
    inbound.sealed = seal.close(text, inbound.message_id)
    try:
        _fill(inbound, message, rules)
    except Refused as refused:
        location = fields.codes(message.texts).get("PV1-3.4", "")
        inbound.facility = rules.sender(head.sending_app, head.sending_facility, location).facility
        inbound.too_early = refused.at
        inbound.answer(Outcome(refused.ack, refused.fault))
    return inbound


def _fill(inbound: InboundMessage, message: Message, rules: FeedRules) -> None:
    """Put what an ADT message says into `inbound`. Raises Refused."""
    adt = read_adt(message, inbound.head, rules, inbound.arrived_at)
    inbound.adt, inbound.facility, inbound.trigger = adt, adt.facility, adt.trigger
    inbound.values, inbound.said = codec.encode(adt), VisitMessage(adt, inbound.message_id, inbound.arrived_at)
    inbound.warnings, inbound.visit_key = list(adt.warnings), visit_id(adt)
    inbound.alone = names_visit_alone(adt)
    inbound.known, inbound.said_at = adt.patient_ids, adt.stated_at
    inbound.keys = tuple([(adt.facility, authority, number) for number, authority, _, _ in adt.patient_ids])
    if adt.records:
        _fill_records(inbound, adt)
    inbound.person = told_by(message, adt.patient_ids)
    if adt.means.asks:
        inbound.note, inbound.reason = "waiting", ASKS
        if adt.means.cancels is None:  # it is about a person, whatever visit it names
            inbound.visit_key, inbound.alone = None, False
    inbound.answer()


def _fill_records(inbound: InboundMessage, adt: Adt) -> None:
    """A merge is about the patient who stays, whose list may have the retired ids, too; and of no visit."""
    inbound.visit_key, inbound.alone = None, False
    others = [one for told in adt.records for one in (*told.patient, *told.other)]
    inbound.keys += tuple([(adt.facility, authority, number) for number, authority, _, _ in others])
    if adt.means.merges:
        inbound.known = adt.records[0].patient


def refusal(text: str, at: datetime, fault: Fault | None = None) -> Answer:
    """The answer AR for what can't be read at all; the error is `fault`, else code 100 with the text."""
    reply = build(Header(), "AR", fault or Fault(100, "MSH", 0, text), at=at, control_id=new_id(at)[:20])
    return Answer((reply,), "AR")


def _with_worst(inbound: list[InboundMessage]) -> list[InboundMessage]:
    """The messages; the first part of one of two patients is answered as the worse of both went."""
    for first, second in pairwise(inbound):
        if second.silent and _worse(second, first):
            first.answer(second.outcome)
    return inbound


def _worse(one: InboundMessage, other: InboundMessage) -> bool:
    return _CODES.index(one.outcome.code) > _CODES.index(other.outcome.code)


def together(inbound: Iterable[InboundMessage]) -> Answer:
    """The answer to a frame: the replies of its messages in order."""
    replies: list[bytes] = []
    codes: list[AckCode] = []
    stored: list[str] = []
    away = False
    for message in _with_worst(list(inbound)):
        replies += message.replies
        codes.append(message.outcome.code)
        if message.stored:
            stored.append(message.message_id)
        away = away or message.outcome.fault in (AWAY, CLOCK_WRONG)
    return Answer(tuple(replies), max(codes, key=_CODES.index), tuple(stored), away)
