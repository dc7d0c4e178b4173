"""The consents of one episode as their facts tell them, and since and until when the gate knew of each. Pure.

What was disclosed rests on what was known then: so a consent is never forgotten, only over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import NamedTuple

from services.placement.gate.bases import Basis, Over
from shared.events.aftercare import ConsentExpired, ConsentRecorded, ConsentRevoked
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.values import replace, value_object


class Ended(NamedTuple):
    """Since when a consent covers nothing any more, and why."""

    how: Over
    at: datetime


@value_object
class Consent:
    """One consent-recorded. `learnt_at`, `ended_at`: when the gate took it in, and what ended it."""

    fact_id: str
    consent_id: str
    facility: str
    discloser: str
    recipient: str | None
    recipient_class: str | None
    purpose: str
    scope: tuple[str, ...]
    begins: date
    ends: date | None
    learnt_at: datetime
    ended_at: datetime | None = None
    over: Over | None = None

    @property
    def basis(self) -> Basis:
        """What a disclosure may rest on."""
        return Basis(
            kind="consent",
            id=self.consent_id,
            scope=frozenset(self.scope),
            begins=self.begins,
            ends=self.ends,
            recipient=self.recipient,
            recipient_class=self.recipient_class,
            discloser=self.discloser,
            purpose=self.purpose,
            fact_id=self.fact_id,
            over=self.over,
        )


def after(
    known: dict[str, Consent], fact: Fact, now: datetime, over: Mapping[str, Ended] = MappingProxyType({})
) -> dict[str, Consent]:
    """What a fact changes: consent-recorded's ce_id → the consent as it is now; nothing of a fact about another thing.

    A revocation is not taken back: the patient consents anew. `over`: what is known to have ended before it is told.
    """
    if fact.writer != "intake":
        return {}
    match fact.value:
        case ConsentRecorded() as told:
            made = _recorded(fact.id, told, now, over.get(told.consent_id))
            return {**_over(known, {told.replaces}, "replaced", now), fact.id: made}
        case ConsentRevoked() | ConsentExpired() as told:
            same = {each.fact_id for each in known.values() if each.consent_id == told.consent_id}
            return _over(known, same, _how(told), now)
        case FactCancelled(cancels=target):
            return _over(known, {target}, "cancelled", now)
    return {}


def ends_told(facts: Iterable[Fact]) -> dict[str, Over]:
    """Consent → what ended it, by intake's facts among these."""
    return {
        fact.value.consent_id: _how(fact.value)
        for fact in facts
        if isinstance(fact.value, ConsentRevoked | ConsentExpired) and fact.writer == "intake"
    }


def _how(told: ConsentRevoked | ConsentExpired) -> Over:
    return "revoked" if isinstance(told, ConsentRevoked) else "expired"


def _recorded(fact_id: str, told: ConsentRecorded, now: datetime, ended: Ended | None) -> Consent:
    return Consent(
        fact_id=fact_id,
        consent_id=told.consent_id,
        facility=told.facility,
        discloser=told.discloser,
        recipient=told.recipient,
        recipient_class=told.recipient_class,
        purpose=told.purpose,
        scope=told.scope,
        begins=told.begins,
        ends=told.ends,
        learnt_at=now,
        ended_at=ended.at if ended else None,
        over=ended.how if ended else None,
    )


def _over(known: dict[str, Consent], which: Iterable[str | None], how: Over, now: datetime) -> dict[str, Consent]:
    return {
        fact_id: replace(known[fact_id], ended_at=now, over=how)
        for fact_id in which
        if fact_id is not None and fact_id in known and known[fact_id].over is None
    }
