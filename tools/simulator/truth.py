"""What truly happened to a simulated patient, stay by stay, and what was told of it in error; values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from tools.simulator.chances import Disposition, HospitalProfile
from tools.simulator.messages import Person

UNITS = {"inpatient": "3W", "residential": "RES", "php": "PHP1", "iop": "IOP1", "outpatient": "OPC"}
"""A level → the sample site's unit where the simulator's patients have it."""
LEVELS = {unit: level for level, unit in UNITS.items()} | {"DTX": "inpatient"}
"""A unit → its level; emergency and observation have none."""
ELSEWHERE = {"3W": "RES", "DTX": "3W", "RES": "3W"}
"""Where a transfer leads from a unit."""
SUBSTANCE_USE = "F1"
"""How their diagnoses begin."""


@dataclass(frozen=True, slots=True)
class Where:
    """Since when the patient was in which unit."""

    unit: str
    at: datetime

    @property
    def level(self) -> str | None:
        """The unit's level of care."""
        return LEVELS.get(self.unit)


@dataclass(frozen=True, slots=True)
class Away:
    """A leave; one that goes on has no end."""

    since: datetime
    back: datetime | None


@dataclass(frozen=True, slots=True)
class Mishap:
    """Something that a hospital told in error: `told` and, later, mended. Both lie before the half-year's end."""

    kind: str
    told: datetime
    mended: datetime


@dataclass(slots=True)
class Stay:
    """One stay as it was: its units in order, how it ended, and what was told wrong of it.

    `never`: it was told, then taken back whole (the mishap says when). `payers` are changes: since which day who pays.
    """

    number: int
    places: list[Where]
    ended: datetime | None = None
    how: Disposition = "home"
    aways: list[Away] = field(default_factory=list)
    payers: list[tuple[date, str]] = field(default_factory=list)
    mishaps: list[Mishap] = field(default_factory=list)
    never: bool = False
    late_transfer: bool = False

    @property
    def began(self) -> datetime:
        """Its first moment."""
        return self.places[0].at

    @property
    def level(self) -> str | None:
        """That of its last unit."""
        return self.places[-1].level

    def mishap(self, kind: str) -> Mishap | None:
        """The mishap of that kind."""
        return next((one for one in self.mishaps if one.kind == kind), None)


@dataclass(slots=True)
class Life:
    """A patient, the hospital that tells of them, and the stays in the order of their beginning.

    `oddity` is the one thing that is told of some: `unknown-unit`, `discharge-alone` or `admission-cancelled`.
    """

    person: Person
    hospital: HospitalProfile
    stays: list[Stay]
    oddity: str | None = None
