"""What one discharge costs intake stays what it is: function calls of ours, from its bytes to what is to be written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from services.intake.hl7 import codec
from services.intake.hl7.model import VisitMessage
from services.intake.receiving.in_line import reconcile_batch
from services.intake.receiving.read import ER7, InboundMessage, Received
from services.intake.receiving.receive import Intake
from services.intake.receiving.store import NOTHING
from services.intake.visits.derive import ActiveFact
from services.intake.visits.reconcile import EpisodeSequences, VisitRecord, reconcile
from services.intake.visits.unnamed import visit_id
from shared.clock import SetClock
from shared.site import config
from shared.storage.database import Connection, Database
from shared.storage.sealing import Seal
from tests.calls import counted, verdict
from tests.intake.said import er7

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
MORE = ("DG1|1||F33.2^MAJOR DEPRESSIVE DISORDER^I10|||A", "IN1|1|PPO|ACME")
NO_CONNECTION = cast("Connection", None)
"""None of what is counted asks the database."""


async def calls_of_a_discharge() -> int:
    """An A03 read, sealed, given to its visit of which an A01 is stored, derived and stated, its facts as records."""
    intake = Intake(cast("Database", None), config.load(config.SAMPLE), Seal({"k1": bytes(32)}), SetClock(NOW))
    admission = _read(intake, "A01", "20260302100000", pv1={44: "20260302100000"})
    visit, sequences = _stored(intake, admission)
    with counted() as calls:
        message = _read(intake, "A03", "20260309140000", pv1={36: "01", 44: "20260302100000", 45: "20260309140000"})
        visit.messages[:] = [VisitMessage(codec.decode(admission.values or b""), admission.message_id, NOW)]
        loaded = NOTHING._replace(visits=[visit], filled={visit.visit_id}, sequences=sequences)
        await reconcile_batch(NO_CONNECTION, [message], set(), loaded, intake)
    assert message.note == "applied", "the discharge came to nothing"
    return calls.number


def _read(intake: Intake, trigger: str, said: str, **fields: Any) -> InboundMessage:
    raw = er7(trigger, said, control_id=trigger, more=MORE, **fields)
    (message,) = intake.messages_of(Received(raw, ER7, NOW))
    message.patient_id = "patient-1"
    return message


def _stored(intake: Intake, message: InboundMessage) -> tuple[VisitRecord, EpisodeSequences]:
    """The visit and the episode as they are after this message."""
    assert message.adt is not None
    visit = VisitRecord("visit-1", "patient-1", message.facility, visit_id(message.adt) or "")
    visit.newest = VisitMessage(message.adt, message.message_id, NOW)
    visit.messages.append(visit.newest)
    sequences = EpisodeSequences()
    (changes,) = reconcile([visit], sequences, intake.places, NOW)
    visit.standing = {new.key: ActiveFact(new.fact.id, new.fact.value.TYPE, new.fact.value) for new in changes.stated}
    return visit, sequences


async def test_a_discharge_calls_as_many_functions_as_it_did() -> None:
    await calls_of_a_discharge()  # what is worked out once a process is there the second time
    assert not verdict("intake", await calls_of_a_discharge())
