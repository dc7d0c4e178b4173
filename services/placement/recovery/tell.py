"""Tells again what placement's tables hold and its topics lack: facts, service periods, disclosures.

A fact and a disclosure go out as they were, under their id and number. Of a service period the table has the latest
version alone: versions before it are told with its content, and reason `told-again`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson

from services.placement.billing.model import SentPeriod
from services.placement.engine.outcome import Ids, published
from services.placement.gate import store as gate
from services.placement.gate.bases import Basis, NoBasisReason, basis_for
from services.placement.gate.cases import Corrects, DisclosureCase
from services.placement.gate.docket import Docket
from services.placement.gate.recipients import GateRules
from services.placement.gate.records import DecisionContext, record_of
from services.placement.gate.store import LedgerRow
from services.placement.recovery import store
from services.placement.recovery.store import Disclosure, StoredPeriod
from shared.clock import Clock
from shared.events import billing_type
from shared.events.billing import PeriodAmended, PeriodClosed, PeriodOpened, PeriodVoided, ServicePeriod
from shared.facts.envelope import Fact, Record, to_record
from shared.facts.stating import Provenance
from shared.facts.tracing import begun_with, onward
from shared.messaging import outbox
from shared.storage.database import Connection
from shared.values import replace

EVERY, LATEST = "billing.service-periods", "billing.periods"
AGAIN = "told-again"
"""The reason of a version of a service period whose own content is not stored any more."""


def traced(fact: Fact[Any]) -> Fact[Any]:
    """The fact with the trace context that its cause gives, where it has none: the tables keep none."""
    if fact.traceparent:
        return fact
    return replace(fact, traceparent=onward(begun_with(fact.correlation_id or fact.causation_id or fact.id), fact.id))


async def tell_facts(connection: Connection, episodes: Sequence[str]) -> Counter[str]:
    """Tell again the own facts of these episodes that care.events lacks."""
    found = await store.untold_of(connection, episodes)
    await outbox.send_first(connection, [to_record(traced(fact), "care.events") for fact in found])
    return Counter({"facts": len(found)})


async def tell_periods(connection: Connection, periods: Sequence[str], clock: Clock, ids: Ids) -> Counter[str]:
    """Tell again the versions of these periods that the billing topics lack."""
    by = Provenance("placement", clock(), ids)
    told: Counter[str] = Counter()
    records: list[Record] = []
    for one in await store.periods_untold(connection, periods):
        records += _of_period(one, by, told)
    await outbox.send_first(connection, records)
    return told


def _of_period(one: StoredPeriod, by: Provenance, told: Counter[str]) -> Iterator[Record]:
    """The records of one period: its missing versions in order, then the latest on billing.periods."""
    newest = _as_told(one) or to_record(_version(one.sent, one.sent.version, by), LATEST)
    for version in one.missing:
        if version == one.sent.version:
            told["service periods"] += 1
            yield newest._replace(topic=EVERY, key=one.episode.encode())
        else:
            told["earlier versions of service periods, with the latest content"] += 1
            yield to_record(_version(one.sent, version, by), EVERY, one.episode)
    if one.last != (one.sent.version, _id_of(newest)):
        told["latest service periods"] += 1
        yield newest._replace(topic=LATEST, key=one.sent.period_id.encode())


def _as_told(one: StoredPeriod) -> Record | None:
    """The record of the stored version where one of the two topics still has it."""
    found = one.every or one.latest
    return found.record if found else None


def _id_of(record: Record) -> str:
    return dict(record.headers)["ce_id"].decode()


def _version(sent: SentPeriod, version: int, by: Provenance) -> Fact[ServicePeriod]:
    """A version of a period, with the content of the latest."""
    kind: type[ServicePeriod] = PeriodAmended
    if version == 1:
        kind = PeriodOpened
    elif version == sent.version and sent.voided:
        kind = PeriodVoided
    elif version == sent.version and sent.content.end_date is not None:
        kind = PeriodClosed
    content = {name: getattr(sent.content, name) for name in sent.content.__struct_fields__}
    value = kind(
        **content, period_id=sent.period_id, version=version, changed={}, supersedes=sent.supersedes, reason=AGAIN
    )
    return published(billing_type(kind.TYPE), sent.period_id, value, by)


async def tell_disclosures(
    connection: Connection, episodes: Sequence[str], rules: GateRules, now: datetime
) -> Counter[str]:
    """Tell again the disclosures about these episodes that their topics lack, as far as there is a basis today; of the
    others the ledger says from now on that they were not told again."""
    dockets = {episode: row.docket for episode, row in (await gate.lock(connection, episodes)).items()}
    await gate.fill(connection, dockets, (), ())
    records: list[Record] = []
    not_told: list[tuple[str, str]] = []
    for one in await store.disclosures_untold(connection, episodes):
        made = _disclosed(one, dockets[one.entry.episode_id], rules, now)
        if isinstance(made, Record):
            records.append(made)
        else:
            not_told.append((one.entry.disclosure_id, made))
    await outbox.send_first(connection, records)
    await store.keep_not_told(connection, not_told, now)
    return Counter({"disclosures": len(records), "disclosures not told again": len(not_told)})


def _disclosed(one: Disclosure, docket: Docket, rules: GateRules, now: datetime) -> Record | str:
    """The record of a row of the ledger, or why it does not go out again."""
    entry, outsider = one.entry, rules.outsiders.get(one.entry.recipient)
    if outsider is None or one.body is None:
        return "no-recipient" if outsider is None else "fact-not-here"
    asked = outsider.asks(entry.facility, frozenset(entry.labels))
    told = [consent.basis for consent in docket.consents.values()]
    today = basis_for(outsider.agreements, told, asked, rules.day(entry.facility, now), rules.discloses)
    if not isinstance(today, Basis):
        return _word(today)
    case = _case(entry, orjson.loads(one.body))
    then = replace(today, kind=entry.basis, id=entry.basis_id)
    context = DecisionContext(rules, entry.disclosed_at, lambda: entry.disclosure_id)
    return record_of(entry, case, then, case.content, context)


def _word(reason: NoBasisReason) -> str:
    return reason


def _case(entry: LedgerRow, value: dict[str, Any]) -> DisclosureCase:
    corrects: Corrects | None = None
    if entry.corrects in ("replaces", "cancels") and entry.corrected:
        corrects = (entry.corrects, entry.corrected)  # type: ignore[assignment]
    return DisclosureCase(
        recipient=entry.recipient,
        fact_id=entry.fact_id,
        fact_type=entry.fact_type,
        writer=entry.writer,
        patient_id=entry.patient_id,
        facility=entry.facility,
        labels=frozenset(entry.labels),
        occurred_at=datetime.fromisoformat(value["occurred_at"]),
        content={name: value[name] for name in entry.fields if name in value},
        place=0,
        corrects=corrects,
    )
