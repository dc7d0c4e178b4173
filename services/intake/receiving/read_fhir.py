"""From a body of FHIR R4 to its messages, as read.py does for HL7 v2: a message for each Encounter in it, read, hashed
and sealed before any transaction begins. Its reply is an OperationOutcome."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from services.intake.fhir import bodies
from services.intake.fhir.bodies import Body, body_of, read_told, told_in
from services.intake.fhir.model import ReadResource, ResourceRules, ToldResource
from services.intake.hl7 import codec
from services.intake.hl7.acknowledgements import Outcome
from services.intake.hl7.header import Header
from services.intake.hl7.model import Refused, VisitMessage
from services.intake.receiving.read import UNFORESEEN, InboundMessage, Received, reason_of
from services.intake.visits.cancels import ASKS
from services.intake.visits.same_visit import names_visit_alone
from services.intake.visits.unnamed import visit_id
from shared.fhir.outcomes import informed, refusal
from shared.ids import new_id
from shared.storage.sealing import Seal

UTF8 = Header(charset="utf-8")
TAKEN_IN = "it is stored, with what follows from it"
BODY = "FHIR"
"""The trigger of a body in which no resource could be found."""
_CONTROL_ID = 200


@dataclass(slots=True)
class InboundResource(InboundMessage):
    """A resource on its way through a transaction. Its reply is an OperationOutcome, whatever is asked for."""

    kind: str = ""
    """The resource's type."""
    own_id: str = ""
    """The id under which it is kept here."""

    def answer(self, outcome: Outcome | None = None) -> None:
        """Set the outcome, if one is given, and make the OperationOutcome for it."""
        self.outcome = outcome or self.outcome
        code, fault = self.outcome
        if code == "AA" or fault is None:
            self.replies = (informed(TAKEN_IN, *self.warnings),)
        else:
            place = [fault.segment] if fault.segment != "MSH" else []
            self.replies = (refusal(status_of(self.outcome), fault.text, place),)
        if code == "AE":
            self.note, self.reason = "error", reason_of(fault or UNFORESEEN)


def status_of(outcome: Outcome) -> int:
    """The HTTP status of an outcome: what a resource was refused with, 503 where it could not be stored, 403 for a
    facility that left. Of a repeat it is known that it was refused, not why: 422."""
    if outcome.fault is None:
        return 200 if outcome.code == "AA" else 422
    return {207: 503 if outcome.code == "AR" else 500, 204: 403}.get(outcome.fault.code, outcome.fault.code)


def read_fhir(received: Received, rules: ResourceRules, seal: Seal) -> list[InboundMessage]:
    """The messages of a body, one for each; one with AR where there is none."""
    try:
        body = body_of(received.raw)
        every = told_in(body, received.own_id or None, received.facility or None)
    except Refused as refused:
        return [_refused(received, refused, seal)]
    return [inbound_of(received, told, _text(received, told, body), rules, seal) for told in every]


def _text(received: Received, told: ToldResource, body: Body) -> bytes:
    """The text that a message is kept as: the body, or of several in it a Bundle of this one alone."""
    only = sum(one.kind == told.resource.kind for one in body.every) == 1
    return received.raw if only else bodies.alone(told, body)


def _refused(received: Received, refused: Refused, seal: Seal) -> InboundMessage:
    """The message for a body in which there is none."""
    found = _made(received, BODY, seal, received.raw)
    found.facility = received.facility
    found.answer(Outcome(refused.ack, refused.fault))
    return found


def _made(received: Received, trigger: str, seal: Seal, raw: bytes) -> InboundResource:
    at = received.arrived_at
    found = InboundResource(new_id(at), received.door, at, at, UTF8)
    found.trace, found.trigger = received.trace, trigger
    digest = sha256(raw).hexdigest()
    found.ids = seal.blind(f"fhir\x1f{received.facility}\x1f{received.own_id}\x1f{received.seen}\x1f{digest}")
    found.body = seal.blind(digest)
    found.sealed = seal.close(raw, found.message_id)
    return found


def inbound_of(received: Received, told: ToldResource, raw: bytes, rules: ResourceRules, seal: Seal) -> InboundMessage:
    """The message of a resource; `raw`: the text that it is kept as."""
    found = _made(received, bodies.READERS[told.resource.kind][0], seal, raw)
    found.kind, found.own_id = told.resource.kind, told.own_id or ""
    found.control_id = told.control_id[:_CONTROL_ID]
    try:
        _fill(found, read_told(told, rules, received.arrived_at))
    except Refused as refused:
        found.facility = received.facility
        found.too_early = refused.at
        found.answer(Outcome(refused.ack, refused.fault))
    return found


def _fill(found: InboundResource, read: ReadResource) -> None:
    """Put what a resource says into the message."""
    adt = read.adt
    found.adt, found.facility = adt, adt.facility
    found.values, found.said = codec.encode(adt), VisitMessage(adt, found.message_id, found.arrived_at)
    found.warnings, found.visit_key = list(adt.warnings), visit_id(adt)
    found.alone = names_visit_alone(adt)
    found.known, found.said_at = adt.patient_ids, adt.stated_at
    found.keys = tuple([(adt.facility, authority, number) for number, authority, _, _ in adt.patient_ids])
    found.person = read.person
    if adt.means.asks:
        found.note, found.reason = "waiting", ASKS
    found.answer()
