"""What `verify` found: for each invariant of contract 5 how much was checked, and what is broken. Ids only, no
values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shared.invariants import PROMISES, Broken

MOST = 1000
"""How many broken things of one invariant are held by name; all are counted."""


@dataclass(slots=True)
class Promise:
    """One invariant, contract 5.`number`. `checked`: how many things were checked; `count`: how many are broken;
    `broken`: the first MOST of these."""

    number: int
    checked: int = 0
    count: int = 0
    broken: list[Broken] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The invariant as `stepdown verify --json` prints it (contract 1)."""
        found: dict[str, Any] = {
            "number": f"5.{self.number}",
            "text": PROMISES[self.number],
            "checked": self.checked,
            "broken": [str(one) for one in self.broken],
        }
        if self.count > len(self.broken):
            found["broken_in_all"] = self.count
        return found


class Report:
    """Collects what a run finds. `notes`: sentences for the operator about what breaks no invariant."""

    def __init__(self) -> None:
        self.promises = {number: Promise(number) for number in PROMISES}
        self.notes: list[str] = []

    @property
    def ok(self) -> bool:
        """True when nothing is broken."""
        return not any(promise.count for promise in self.promises.values())

    def checked(self, promise: int, number: int) -> None:
        """Count `number` more things as checked for an invariant."""
        self.promises[promise].checked += number

    def add(self, one: Broken) -> None:
        """Count one broken thing."""
        promise = self.promises[one.promise]
        promise.count += 1
        if len(promise.broken) < MOST:
            promise.broken.append(one)

    def as_json(self) -> dict[str, Any]:
        """`{"ok","promises":[{"number","text","checked","broken"}],"notes"}`."""
        return {"ok": self.ok, "promises": [p.as_json() for p in self.promises.values()], "notes": self.notes}
