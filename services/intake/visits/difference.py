"""Compares the facts that ought to stand with those that were sent: what to state and what to take back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from services.intake.visits.desired import DesiredFact, FactKey
from shared.events import CareFact
from shared.events.published import alike
from shared.facts import restating
from shared.facts.restating import Difference


class ActiveFact(NamedTuple):
    """A fact sent before and neither cancelled nor replaced since: its ce_id, its type's name, and what it said."""

    ce_id: str
    type: str
    value: CareFact


def difference(
    standing: Mapping[FactKey, ActiveFact], wanted: Iterable[DesiredFact]
) -> Difference[FactKey, ActiveFact, DesiredFact]:
    """What makes `standing` say what is wanted: stated in clinical order as given, taken back last stated first."""
    found = restating.difference(standing, {fact.key: fact for fact in wanted}, _says)
    if not found.cancel:
        return found
    gone = sorted(found.cancel.items(), key=lambda one: (one[1].value.occurred_at, one[1].ce_id), reverse=True)
    return found._replace(cancel=dict(gone))


def _says(was: ActiveFact, now: DesiredFact) -> bool:
    return was.value == now.value or alike(was.value, now.value)
