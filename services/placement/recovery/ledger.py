"""Adopts records of out.* that the ledger of disclosures lacks: each has left, so it gets its row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

from services.placement.gate import store as gate
from services.placement.gate.consents import Consent
from services.placement.gate.recipients import GateRules
from services.placement.gate.store import LedgerRow
from services.placement.recovery import store
from shared.errors import InvalidMessage
from shared.events.aftercare import ConsentRecorded
from shared.events.disclosures import Disclosed, read_disclosed
from shared.messaging.spool import Told
from shared.storage.database import Connection


async def adopt_disclosures(connection: Connection, episodes: Sequence[str], rules: GateRules) -> Counter[str]:
    """Add to the ledger what left about these episodes and is not in it, with the consents that it rested on."""
    read = [(told, value) for told in await store.disclosed_of(connection, episodes) if (value := _value(told))]
    if not read:
        return Counter()
    locked = await gate.lock(connection, sorted({value.episode_id for _, value in read}))
    consents = await _consents(connection, list(locked))
    writers = await store.writers_of(connection, [(value.episode_id, value.fact_id) for _, value in read])
    entries = []
    for told, value in read:
        consent = consents.get((value.episode_id, value.basis.id)) if value.basis.kind == "consent" else None
        entry = _entry(told, value, consent, rules)
        known = frozenset().union(*locked[value.episode_id].docket.labels.values())
        labels = sorted(known & set(value.basis.scope))  # it left, so the basis covered what it was about
        entries.append(entry._replace(writer=writers.get(value.fact_id, ""), labels=labels))
    resting = {entry.basis_fact for entry in entries}
    await store.keep_consents(
        connection, [(episode, one) for (episode, _), one in consents.items() if one.fact_id in resting]
    )
    await store.keep_disclosures(connection, entries)
    return Counter({"disclosures adopted": len(entries)})


def _value(told: Told) -> Disclosed | None:
    try:
        return read_disclosed(told.type, told.value)
    except InvalidMessage:
        return None


async def _consents(connection: Connection, episodes: Sequence[str]) -> dict[tuple[str, str], Consent]:
    """(episode, consent_id) → the consent, as learnt when it was recorded."""
    found = {}
    for fact in await store.consents_of(connection, episodes):
        value = fact.value
        if isinstance(value, ConsentRecorded):
            found[fact.subject, value.consent_id] = Consent(
                fact.id, value.consent_id, value.facility, value.discloser, value.recipient, value.recipient_class,
                value.purpose, value.scope, value.begins, value.ends, value.recorded_at,
            )  # fmt: skip
    return found


def _entry(told: Told, value: Disclosed, consent: Consent | None, rules: GateRules) -> LedgerRow:
    """The row of a record, but for who wrote its fact and what that was about."""
    begins, ends = _days(value, consent, rules)
    how = "replaces" if value.replaces else "cancels" if value.cancels else None
    return LedgerRow(
        disclosure_id=told.ce_id,
        recipient=value.recipient,
        episode_id=value.episode_id,
        sequence=told.sequence,
        patient_id=value.patient_id,
        facility=value.facility,
        fact_id=value.fact_id,
        fact_type=value.fact_type,
        writer="",
        labels=[],
        fields=sorted(value.content),
        corrects=how,
        corrected=value.replaces or value.cancels,
        basis=value.basis.kind,
        basis_id=value.basis.id,
        basis_fact=consent.fact_id if consent else None,
        basis_scope=sorted(value.basis.scope),
        basis_from=begins,
        basis_to=ends,
        purpose=value.basis.purpose,
        disclosed_at=value.disclosed_at,
        config=rules.version,
    )


def _days(value: Disclosed, consent: Consent | None, rules: GateRules) -> tuple[date, date | None]:
    """First and last day of the basis; of one that is known no more, the day on which it left."""
    if consent is not None:
        return consent.begins, consent.ends
    outsider = rules.outsiders.get(value.recipient)
    for agreed in outsider.agreements if outsider else ():
        if agreed.id == value.basis.id:
            return agreed.begins, agreed.ends
    day = rules.day(value.facility, value.disclosed_at)
    return day, day
