"""Episodes as JSON for whoever may see them: the state, the facts with what became of each, the periods. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from services.placement.billing.model import PeriodKey, SentPeriod
from services.placement.continuum import codec
from services.placement.continuum.episode import episode_value
from services.placement.continuum.model import Folded
from services.placement.continuum.states import MEANING, Word
from services.placement.continuum.stays_now import Places
from services.placement.views import Listed, Stored
from shared.events.envelope import Fact


def in_a_list(one: Listed) -> dict[str, Any]:
    """One line of a list of episodes."""
    return {name: value for name, value in asdict(one).items() if value is not None}


def whole(
    row: Stored, facts: Sequence[Fact], periods: Iterable[tuple[PeriodKey, SentPeriod]], places: Places
) -> dict[str, Any]:
    """One episode: `episode` as on care.episodes, `facts` by clinical time, `periods` in their latest versions."""
    folded = codec.unpacked(row.fold)
    value = episode_value(folded, row.seen, row.listed.version, places) | {"patient_id": row.listed.patient_id}
    void = _voided(facts, folded)
    told = sorted(facts, key=lambda fact: (str(fact.value.get("occurred_at")), fact.writer, fact.sequence))
    return {
        "episode": value,
        "facts": [_fact(fact, void.get(fact.id), folded.ineffective.get(fact.id)) for fact in told],
        "periods": [_period(sent) for _, sent in sorted(periods, key=lambda one: one[1].content["start_date"])],
    }


def _fact(fact: Fact, voided: dict[str, str] | None, word: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ce_id": fact.id,
        "type": fact.type,
        "writer": fact.writer,
        "sequence": fact.sequence,
        "stands": voided is None and word is None,
        "value": fact.value,
    }
    if voided:
        found["voided"] = voided
    if word:
        found["ineffective"] = {"word": word, "means": MEANING.get(Word(word), word)}
    return found


def _voided(facts: Sequence[Fact], folded: Folded) -> dict[str, dict[str, str]]:
    """ce_id → by which fact it was taken back, and how; only by its own writer (contract 3.6 rule 1)."""
    known = {fact.id: fact for fact in facts}
    found: dict[str, dict[str, str]] = {}
    for name, how in (("replaces", "replaced"), ("cancels", "cancelled")):
        for fact in facts:
            target = known.get(fact.value.get(name) or "")
            if target is None or (fact.id in folded.ineffective and how == "cancelled"):
                continue
            if target.writer == fact.writer and target.name != "fact-cancelled":
                found[target.id] = {"by": fact.id, "how": how}
    return found


def _period(sent: SentPeriod) -> dict[str, Any]:
    found = {"period_id": sent.period_id, "version": sent.version, "voided": sent.voided, **sent.content}
    return found | ({"supersedes": sent.supersedes} if sent.supersedes else {})
