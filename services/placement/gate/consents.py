"""The consents of one episode by their facts, with when the gate learnt of each and of its end. Pure.

A disclosure rests on what was known when it left, so a consent is never deleted, only marked as over.
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

_READ = frozenset({ConsentRecorded, ConsentRevoked, ConsentExpired, FactCancelled})
"""The types of fact that may change a consent."""


class Ended(NamedTuple):
    """Why a consent covers nothing any more, and since when."""

    how: Over
    at: datetime


@value_object
class Consent:
    """One consent-recorded. `learnt_at` and `ended_at`: when the gate read of it and of its end; `over`: why it
    ended."""

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
        """The basis that it gives for a disclosure."""
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
    """What a fact changes: ce_id of the consent-recorded → the consent as it is now; empty for a fact about anything
    else.

    A revocation cannot be taken back; the patient has to consent anew. `over`: by consent_id, ends that are known
    before the consent itself was read.
    """
    if type(fact.value) not in _READ or fact.writer != "intake":
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
    """consent_id → why it is over, by intake's facts among these."""
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
