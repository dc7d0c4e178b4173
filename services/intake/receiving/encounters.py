"""Finds visits by the ids under which senders of FHIR keep them, and by their numbers, and reads one as it was told."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from services.intake.fhir.telling import VisitFact, VisitTold
from services.intake.hl7 import codec
from services.intake.hl7.model import Adt, VisitMessage
from services.intake.hl7.triggers import ENCOUNTER
from services.intake.receiving import store
from services.intake.receiving.read import InboundMessage
from services.intake.receiving.receive import Intake
from services.intake.visits.facts import mrn
from services.intake.visits.order import as_said
from services.intake.visits.reconcile import VisitRecord, wanted_of
from shared.events import CareFact
from shared.events.stays import Admitted, Discharged, Transferred, VisitEnded, VisitStarted
from shared.scope import Scope
from shared.storage.database import Connection
from shared.storage.statements import rows

_TOLD = (
    "SELECT visit_id, message_id, said, arrived_at FROM messages WHERE control_id = $1 AND trigger = $2 "
    "AND answer = 'AA' AND ($3::text[] IS NULL OR facility = ANY($3::text[])) ORDER BY message_id DESC LIMIT 1"
)
_VISIT = (
    "SELECT visit_id, patient_id, facility, visit_key FROM visits WHERE visit_id = $1 "
    "AND ($2::text[] IS NULL OR facility = ANY($2::text[]))"
)
_NUMBERED = (
    "SELECT v.visit_id, (SELECT m.control_id FROM messages AS m WHERE m.visit_id = v.visit_id AND m.trigger = $3 "
    "AND m.control_id <> '' ORDER BY m.message_id DESC LIMIT 1) AS own FROM visits AS v WHERE v.visit_key = $1 "
    "AND ($2::text[] IS NULL OR v.facility = ANY($2::text[])) LIMIT 2"
)
_LOCK = (
    "SELECT pg_advisory_xact_lock(hashtextextended(n.key, 0)) "
    "FROM (SELECT key FROM unnest($1::text[]) AS u(key) ORDER BY key) AS n"
)
_LOCK_PATIENT = (
    "SELECT p.patient_id FROM patients AS p JOIN visits AS v ON v.patient_id = p.patient_id WHERE v.visit_id = $1 "
    "FOR UPDATE OF p"
)
_CAME = "SELECT 1 FROM messages WHERE ids = $1 AND body = $2 AND answer = 'AA'"
_VERSIONS = (
    "SELECT DISTINCT ON (t.control_id) t.control_id, (SELECT count(*) FROM messages AS m WHERE m.visit_id = t.visit_id "
    "AND m.answer = 'AA') AS number FROM messages AS t WHERE t.control_id = ANY($1::text[]) AND t.trigger = $2 "
    "AND t.answer = 'AA' AND ($3::text[] IS NULL OR t.facility = ANY($3::text[])) "
    "ORDER BY t.control_id, t.message_id DESC"
)
_COUNT = "SELECT count(*) AS number, max(arrived_at) AS last FROM messages WHERE visit_id = $1 AND answer = 'AA'"


class KeptUnder(NamedTuple):
    """What is known of an Encounter under an id: the visit, None while it is of none; what told it last."""

    visit_id: str | None
    adt: Adt | None
    message: VisitMessage | None


async def kept_under(
    connection: Connection, encounter_id: str, scope: Scope, kind: str = "Encounter"
) -> KeptUnder | None:
    """What is known under the id of an Encounter, or of a visit; None where there is nothing in scope. `kind`: the
    resource, where it is another."""
    if "\0" in encounter_id:
        return None
    found = await rows(connection, _TOLD, encounter_id, f"FHIR {kind}", scope.listed)
    for row in found:
        adt = codec.decode(row["said"])
        return KeptUnder(row["visit_id"], adt, VisitMessage(adt, row["message_id"], row["arrived_at"]))
    if kind == "Encounter" and await rows(connection, _VISIT, encounter_id, scope.listed):
        return KeptUnder(encounter_id, None, None)
    return None


async def numbered(connection: Connection, number: str, scope: Scope) -> list[str]:
    """The ids of Encounters with this visit number: those under which they were told last, else the visits'. Two at
    most."""
    if "\0" in number:
        return []
    return [row["own"] or row["visit_id"] for row in await rows(connection, _NUMBERED, number, scope.listed, ENCOUNTER)]


async def version_of(connection: Connection, kept: KeptUnder) -> int:
    """The version of an Encounter: how many messages told of its visit, by whatever way."""
    if kept.visit_id is None:
        return 1
    return int((await rows(connection, _COUNT, kept.visit_id))[0]["number"])


async def versions(connection: Connection, ids: Collection[str], scope: Scope) -> dict[str, int]:
    """The versions of Encounters by the ids under which they are kept, as `version_of` counts them."""
    found = await rows(connection, _VERSIONS, sorted(ids), ENCOUNTER, scope.listed)
    return {row["control_id"]: max(int(row["number"]), 1) for row in found}


async def lock_conditions(connection: Connection, keys: Collection[str]) -> None:
    """Wait for, and then keep out to the end of the transaction, whoever asks something under the same conditions. No
    transaction has a lock before it."""
    await rows(connection, _LOCK, sorted(keys))


async def lock_visit(connection: Connection, kept: KeptUnder) -> None:
    """Keep out, to the end of the transaction, whoever tells of this visit."""
    if kept.visit_id is not None:
        await rows(connection, _LOCK_PATIENT, kept.visit_id)


async def came(connection: Connection, message: InboundMessage) -> bool:
    """Whether the same was taken in before."""
    return bool(await rows(connection, _CAME, message.ids, message.body))


async def told(connection: Connection, intake: Intake, encounter_id: str, scope: Scope) -> VisitTold | None:
    """The visit as it was told, for its Encounter; None where there is none in scope."""
    kept = await kept_under(connection, encounter_id, scope)
    if kept is None:
        return None
    if kept.visit_id is None:
        if kept.adt is None or kept.message is None:
            return None
        adt = kept.adt
        return VisitTold(encounter_id, adt, adt.visit_number, mrn(adt.patient_ids), (), 1, kept.message.arrived_at)
    row = (await rows(connection, _VISIT, kept.visit_id, scope.listed))[0]
    visit = VisitRecord(row["visit_id"], row["patient_id"], row["facility"], row["visit_key"])
    await store.fill(connection, {visit.visit_id: visit})
    said = as_said(visit.messages)
    facts = [_stated(one.value) for one in wanted_of(visit, intake.places).facts]
    last = next((one.adt for one in reversed(said) if one.adt.patient_class), said[-1].adt)
    counted = (await rows(connection, _COUNT, visit.visit_id))[0]
    number = next((one.adt.visit_number for one in said if one.adt.visit_number and not one.adt.by_account), None)
    ended = said[-1].adt if said[-1].adt.means.cancels else last
    patient = next((found for one in reversed(said) if (found := mrn(one.adt.patient_ids))), None)
    return VisitTold(encounter_id, ended, number, patient, facts, counted["number"], counted["last"])


def _stated(value: CareFact) -> VisitFact:
    """A fact, as far as an Encounter tells it."""
    name, at = value.TYPE, value.occurred_at
    if isinstance(value, Admitted | VisitStarted):
        return VisitFact(name, at, value.unit)
    if isinstance(value, Transferred):
        return VisitFact(name, at, value.to.unit)
    if isinstance(value, Discharged | VisitEnded):
        return VisitFact(name, at, disposition=value.disposition.code if value.disposition else None)
    return VisitFact(name, at)
