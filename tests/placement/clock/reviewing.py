"""Placement's clock without a database: facts come in, days go by, and what follows from them is stated."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from services.placement.billing.periods import periods
from services.placement.clock import stating
from services.placement.clock.reviews import last_covered_days, used_up
from services.placement.continuum.fold import fold
from services.placement.continuum.model import Folded
from services.placement.rules import Rules
from services.placement.search.searches import DeskFacts
from shared.facts.envelope import Fact
from shared.facts.stating import said
from tests import builders as tell
from tests.builders.making import at

FIRST = date(2026, 3, 2)
"""Day 1 of every stay here."""


def day(number: int) -> str:
    """Day 1, 2, 3 … of the stay as text."""
    return (FIRST + timedelta(days=number - 1)).isoformat()


def nth(on: date) -> int:
    """2026-03-02 → 1."""
    return (on - FIRST).days + 1


def paid_by(payer: str) -> Fact:
    """Who pays, from before the stay."""
    return tell.covered("2026-03-01 09:00", payer=payer, effective="2026-03-01")


def allowed(units: int | None, to: int, **more: Any) -> Fact:
    """An authorization of a residential stay from day 1."""
    told: dict[str, Any] = {"level": "residential", "begins": day(1), "when": f"{day(1)} 11:00"} | more
    return tell.authorization(units=units, to=day(to), **told)


class ClockOnPaper:
    """One episode at a site."""

    def __init__(self, rules: Rules, *facts: Fact) -> None:
        self.rules, self.now = rules, at(f"{day(1)} 12:00")
        self.facts: list[Fact] = []
        self.takes(*facts)

    @property
    def own(self) -> DeskFacts:
        return DeskFacts.of(self.facts)

    @property
    def folded(self) -> Folded:
        return fold(self.facts, self.rules.zone_of)

    def takes(self, *facts: Fact, over: bool = False) -> None:
        """Facts come in, numbered by their writers, and what follows is stated; `over`: the timer's turn."""
        for fact in facts:
            self.facts.append(self._next(fact))
        for _ in range(8):
            values = stating.stated(self.folded, self.own, self.rules, self.now, over=over)
            if not values:
                return
            for value in values:
                number = self._last("placement") + 1
                self.facts.append(said(value, ce_id=f"clock-{number}", writer="placement", sequence=number))
        raise AssertionError("what follows does not come to an end")

    def _next(self, fact: Fact) -> Fact:
        return replace(fact, sequence=self._last(fact.writer) + 1)

    def _last(self, writer: str) -> int:
        return max((fact.sequence for fact in self.facts if fact.writer == writer), default=0)

    def until(self, number: int, *, hour: int = 12) -> ClockOnPaper:
        """The timer's turn at this hour of a day of the stay."""
        self.now = at(f"{day(number)} {hour:02}:00")
        self.takes(over=True)
        return self

    def reviews(self) -> dict[str, str]:
        """What for → by which day of the stay, and how it stands."""
        found: dict[str, str] = {}
        for one in sorted(self.folded.reviews, key=lambda one: (one.due, one.kind)):
            how = "late" if one.overdue else "due"
            if one.done_on is not None:
                how = f"done by {one.done} on {nth(one.done_on)}"
            name = one.kind if one.kind not in found else f"{one.kind} again"
            found[name] = f"{nth(one.due)}, {how}"
        return found

    def standing(self) -> list[tuple[str, int, bool, str | None, int | None]]:
        """The same as values that compare."""
        return sorted(
            (one.kind, nth(one.due), one.overdue, one.done, nth(one.done_on) if one.done_on else None)
            for one in self.folded.reviews
        )

    def warnings(self) -> list[str]:
        """The words of the last period."""
        return list(self.periods()[-1].content.warnings)

    def periods(self) -> tuple[Any, ...]:
        return periods(self.folded, self.rules.zone_of, self.rules.billed, self.rules.payers)

    def last_covered(self) -> dict[str, int]:
        """Authorization → last covered day of the stay."""
        found = last_covered_days(self.folded, self.rules, used_up(self.folded, self.rules))
        return {name: nth(on) for name, on in found.items()}
