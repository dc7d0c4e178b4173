"""The consents of one episode as their facts tell them, and since and until when the gate knew of each. Pure.

What was disclosed rests on what was known then: so a consent is never forgotten, only over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from services.placement.gate.bases import Basis, Over
from shared.facts.envelope import Fact
from shared.values import replace, value_object

RECORDED = "consent-recorded"
ENDS: dict[str, Over] = {"consent-revoked": "revoked", "consent-expired": "expired"}


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
    if fact.name == RECORDED:
        made = recorded(fact, now)
        if (ended := over.get(made.consent_id)) is not None:
            made = replace(made, ended_at=ended.at, over=ended.how)
        return {**_over(known, {fact.value.get("replaces")}, "replaced", now), made.fact_id: made}
    if fact.name in ENDS:
        same = {each.fact_id for each in known.values() if each.consent_id == fact.value["consent_id"]}
        return _over(known, same, ENDS[fact.name], now)
    if fact.name == "fact-cancelled":
        return _over(known, {fact.value["cancels"]}, "cancelled", now)
    return {}


def ends_told(facts: Iterable[Fact]) -> dict[str, Over]:
    """Consent → what ended it, by intake's facts among these."""
    return {
        fact.value["consent_id"]: ENDS[fact.name]
        for fact in facts
        if fact.name in ENDS and fact.writer == "intake" and isinstance(fact.value.get("consent_id"), str)
    }


def recorded(fact: Fact, now: datetime) -> Consent:
    """What a consent-recorded says. Raises KeyError or ValueError where it can't be read."""
    value: dict[str, Any] = fact.value
    ends = value.get("to")
    return Consent(
        fact_id=fact.id,
        consent_id=value["consent_id"],
        facility=value["facility"],
        discloser=value["discloser"],
        recipient=value.get("recipient"),
        recipient_class=value.get("class"),
        purpose=value["purpose"],
        scope=tuple(value["scope"]),
        begins=date.fromisoformat(value["from"]),
        ends=date.fromisoformat(ends) if ends else None,
        learnt_at=now,
    )


def _over(known: dict[str, Consent], which: set[Any], how: Over, now: datetime) -> dict[str, Consent]:
    return {
        fact_id: replace(known[fact_id], ended_at=now, over=how)
        for fact_id in which
        if fact_id in known and known[fact_id].over is None
    }
