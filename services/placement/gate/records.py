"""From a decision to the record for the recipient and its row in the ledger of disclosures. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from services.placement.gate.bases import Basis
from services.placement.gate.cases import DisclosureCase
from services.placement.gate.merges import MERGED
from services.placement.gate.recipients import GateRules
from services.placement.gate.store import LedgerRow
from shared.events import OUT_TYPE, Disclosed, out_topic
from shared.events.disclosures import DisclosureBasis
from shared.events.published import encode
from shared.facts.envelope import Fact, Record, rfc3339, to_record
from shared.facts.tracing import onward

WRITER = "placement"
PART2 = "PART2"


class DecisionContext(NamedTuple):
    """What a batch is decided with: the rules, the time, new ids, and the trace context of the fact that causes a
    disclosure."""

    rules: GateRules
    now: datetime
    ids: Callable[[], str]
    trace: str | None = None


def going_out(
    episode: str, case: DisclosureCase, basis: Basis, sequence: int, context: DecisionContext
) -> tuple[Record, LedgerRow]:
    """The record and the ledger's row of one disclosure; `sequence` is its ce_sequence on the recipient's topic."""
    purpose = context.rules.outsiders[case.recipient].purpose
    corrects, corrected = case.corrects or (None, None)
    content = _allowed(case, context.rules)
    entry = LedgerRow(
        disclosure_id=context.ids(),
        recipient=case.recipient,
        episode_id=episode,
        sequence=sequence,
        patient_id=case.patient_id,
        facility=case.facility,
        fact_id=case.fact_id,
        fact_type=case.fact_type,
        writer=case.writer,
        labels=sorted(case.labels),
        fields=sorted(content),
        corrects=corrects,
        corrected=corrected,
        basis=basis.kind,
        basis_id=basis.id,
        basis_fact=basis.fact_id,
        basis_scope=sorted(basis.scope),
        basis_from=basis.begins,
        basis_to=basis.ends,
        purpose=purpose,
        disclosed_at=context.now,
        config=context.rules.version,
    )
    return record_of(entry, case, basis, content, context), entry


def _allowed(case: DisclosureCase, rules: GateRules) -> dict[str, Any]:
    """The fields to send: of a case that was withheld, no more than today's site config allows."""
    if case.fact_type == MERGED:
        return case.content
    fields = rules.outsiders[case.recipient].receives.get(case.fact_type, frozenset())
    return {name: value for name, value in case.content.items() if name in fields}


def record_of(
    entry: LedgerRow, case: DisclosureCase, basis: Basis, content: dict[str, Any], context: DecisionContext
) -> Record:
    """The record that a row of the ledger stands for; `context.now` is when it left."""
    scope = tuple(entry.basis_scope)
    value = Disclosed(
        recipient=entry.recipient,
        episode_id=entry.episode_id,
        patient_id=entry.patient_id,
        facility=entry.facility,
        fact_id=entry.fact_id,
        fact_type=entry.fact_type,
        occurred_at=case.occurred_at,
        content=content,
        replaces=entry.corrected if entry.corrects == "replaces" else None,
        cancels=entry.corrected if entry.corrects == "cancels" else None,
        basis=DisclosureBasis(kind=basis.kind, id=basis.id, purpose=entry.purpose, scope=scope),
        disclosed_at=context.now,
        notice=context.rules.notice if PART2 in case.labels else None,
    )
    fact = Fact(
        id=entry.disclosure_id,
        type=OUT_TYPE,
        writer=WRITER,
        subject=entry.episode_id,
        sequence=entry.sequence,
        time=rfc3339(context.now),
        value=value,
        body=encode(value),
        causation_id=entry.fact_id,
        traceparent=onward(context.trace, entry.disclosure_id),
    )
    return to_record(fact, out_topic(entry.recipient).name)
