"""Finds the patients whom a batch's messages bring together, now or before, and locks them all."""

from __future__ import annotations

from collections.abc import Sequence

from services.intake.people.patients import FoundPatient
from services.intake.receiving import store as receiving
from services.intake.receiving.merges import store
from services.intake.receiving.merges.accounts import holder_by_account
from services.intake.receiving.merges.statements import NO_KEY, NO_OTHER, Sides, stated
from services.intake.receiving.read import InboundMessage
from shared.storage.database import Connection


async def told_of_records(connection: Connection, sides: Sequence[Sides], found: Sequence[FoundPatient]) -> None:
    """Note on each message what it says of two patients. `found`: the patients of all claims of `sides`."""
    whose, holders = iter(found), dict[str, str]()
    for one in sides:
        patient, *_ = (next(whose).patient_id for _ in one.claims)
        if one.by_account and patient is not None:
            holders[one.message.message_id] = await holder_by_account(connection, one, patient)
    statements = stated(sides, found, holders)
    whose = iter(found)
    for one in sides:
        reports = [(each.patient_id, claim) for claim, each in zip(one.claims, whose, strict=False) if each.patient_id]
        one.message.sides = [*one.message.sides, *((patient, claim) for patient, claim in reports if patient)]
        one.message.statements = statements[one.message.message_id]
        if not one.message.statements:
            one.message.note, one.message.reason = "no-effect", NO_KEY if one.told.other else NO_OTHER


async def find_kin(connection: Connection, inbound: Sequence[InboundMessage]) -> set[str]:
    """Lock everybody whom statements bring together with the patients of these messages, the statements of the batch
    among them. Returns those of them who have a message that names no visit.

    A message whose patient is alone keeps no kin.
    """
    patients = {message.patient_id for message in inbound if message.patient_id}
    new = {each for message in inbound for one in message.statements for each in (one.patient, one.other) if each}
    together, unsure = set[str](), set[str]()
    while (now := new | await store.kin_of(connection, patients | new | together)) - together:
        together |= now
        unsure = await receiving.lock_patients(connection, together)
    for message in inbound:
        if message.patient_id in together or message.statements:
            message.kin = frozenset(together)
    return unsure
