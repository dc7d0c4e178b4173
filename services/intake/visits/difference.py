"""What goes out: the facts wanted now against the facts that stand; pure, and blind to what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from services.intake.visits.facts import DesiredFact, FactKey


@dataclass(frozen=True, slots=True)
class ActiveFact:
    """A fact sent before and neither cancelled nor replaced since: its ce_id, and what it said."""

    ce_id: str
    said: DesiredFact


class Difference(NamedTuple):
    """To state anew, to restate (`replaces`), to take back (`fact-cancelled`); each in a stable order."""

    state: tuple[DesiredFact, ...]
    replace: tuple[tuple[ActiveFact, DesiredFact], ...]
    cancel: tuple[ActiveFact, ...]

    def __bool__(self) -> bool:
        return bool(self.state or self.replace or self.cancel)


def difference(standing: Mapping[FactKey, ActiveFact], wanted: Iterable[DesiredFact]) -> Difference:
    """What makes `standing` say what is wanted; nothing where it does (contract 3.5).

    State and replace come in clinical order as given, cancels last stated first.
    """
    ought = {fact.key: fact for fact in wanted}
    state = tuple(fact for key, fact in ought.items() if key not in standing)
    known = ((standing[key], fact) for key, fact in ought.items() if key in standing)
    gone = [one for key, one in standing.items() if key not in ought]
    gone.sort(key=lambda one: (one.said.occurred_at, one.ce_id), reverse=True)
    return Difference(state, tuple(pair for pair in known if pair[0].said != pair[1]), tuple(gone))
