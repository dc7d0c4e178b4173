"""Deletes what a facility told of a person (A29, HL7 v2.5.1 3.3.29: demographic information), and brings it back.

Names, contacts and birth date go, and nobody finds the person by them any more. Numbers go on to lead to the patient,
and what was told of care stays. What the facility tells from then on is told anew.
"""

from __future__ import annotations

from services.intake.people import store
from services.intake.people.finding import store as index
from services.intake.people.finding.words import hashes, words_of
from services.intake.people.names import opened, place
from services.intake.people.person import joined, packed
from shared.storage.database import Connection
from shared.storage.sealing import Seal
from shared.storage.statements import at_once, rows

_DELETE = (
    "WITH gone AS (DELETE FROM identities WHERE patient_id = $2 AND facility = $3 "
    "RETURNING patient_id, facility, sealed, stated_at), words AS (DELETE FROM identity_words "
    "WHERE patient_id = $2 AND facility = $3) INSERT INTO deleted_persons (message_id, patient_id, facility, sealed, "
    "stated_at) SELECT $1, patient_id, facility, sealed, stated_at FROM gone"
)
_BACK = "DELETE FROM deleted_persons WHERE message_id = $1 RETURNING patient_id, facility, sealed, stated_at"
_NOW = "SELECT patient_id, facility, sealed, stated_at FROM identities WHERE patient_id = $1 AND facility = $2"


async def delete(connection: Connection, message_id: str, patient_id: str, facility: str) -> None:
    """Put away what the facility told of the patient, who is locked, for the message that deletes it."""
    await rows(connection, _DELETE, message_id, patient_id, facility)


async def bring_back(connection: Connection, message_id: str, seal: Seal) -> None:
    """Bring back what the message deleted, beside what was told since; the patient is locked."""
    for row in await rows(connection, _BACK, message_id):
        gone = store.Sealed(*row)
        now = [store.Sealed(*each) for each in await rows(connection, _NOW, gone.patient_id, gone.facility)]
        fields = opened(gone, seal)
        for each in now:
            fields = joined(opened(each, seal), fields)
        whose = gone.patient_id, gone.facility
        kept = store.Sealed(*whose, seal.close(packed(fields), place(*whose)), gone.stated_at)
        await at_once(connection, [*store.keep([kept]), *index.keep([(whose, hashes(words_of(fields), seal))])])
