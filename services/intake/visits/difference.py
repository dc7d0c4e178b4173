"""What goes out: the facts wanted now against the facts that stand; pure, and blind to what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.intake.visits.facts import DesiredFact, FactKey
from shared.facts import restating
from shared.facts.restating import Difference


@dataclass(frozen=True, slots=True)
class ActiveFact:
    """A fact sent before and neither cancelled nor replaced since: its ce_id, and what it said."""

    ce_id: str
    said: DesiredFact


def difference(
    standing: Mapping[FactKey, ActiveFact], wanted: Iterable[DesiredFact]
) -> Difference[FactKey, ActiveFact, DesiredFact]:
    """What makes `standing` say what is wanted: stated in clinical order as given, taken back last stated first."""
    found = restating.difference(standing, {fact.key: fact for fact in wanted}, lambda was, now: was.said == now)
    gone = sorted(found.cancel.items(), key=lambda one: (one[1].said.occurred_at, one[1].ce_id), reverse=True)
    return found._replace(cancel=dict(gone))
