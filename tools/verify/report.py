"""What `verify` found: for each promise how much was looked at, and what is broken; ids only, never a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shared.invariants import PROMISES, Broken

MOST = 1000
"""Broken things of one promise that are kept by name; all are counted."""


@dataclass(slots=True)
class Promise:
    """One point of contract 5. `checked` counts what was looked at, `count` what is broken of it."""

    number: int
    checked: int = 0
    count: int = 0
    broken: list[Broken] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """As contract 1 asks for it."""
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
    """Filled while checking. `notes` are for the operator and break nothing."""

    def __init__(self) -> None:
        self.promises = {number: Promise(number) for number in PROMISES}
        self.notes: list[str] = []

    @property
    def ok(self) -> bool:
        """True when nothing is broken."""
        return not any(promise.count for promise in self.promises.values())

    def checked(self, promise: int, number: int) -> None:
        """So many more things were looked at for a promise."""
        self.promises[promise].checked += number

    def add(self, one: Broken) -> None:
        """One broken thing."""
        promise = self.promises[one.promise]
        promise.count += 1
        if len(promise.broken) < MOST:
            promise.broken.append(one)

    def as_json(self) -> dict[str, Any]:
        """`{"ok","promises":[{"number","text","checked","broken"}],"notes"}`."""
        return {"ok": self.ok, "promises": [p.as_json() for p in self.promises.values()], "notes": self.notes}
