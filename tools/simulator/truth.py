"""What truly happened to a simulated patient, stay by stay, and what the hospital sent in error. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from tools.simulator.chances import Disposition, HospitalProfile
from tools.simulator.messages import Person

UNITS = {"inpatient": "3W", "residential": "RES", "php": "PHP1", "iop": "IOP1", "outpatient": "OPC"}
"""Level → the sample site's unit at which the simulated patients are for it."""
LEVELS = {unit: level for level, unit in UNITS.items()} | {"DTX": "inpatient"}
"""Unit → its level; emergency and observation have none."""
ELSEWHERE = {"3W": "RES", "DTX": "3W", "RES": "3W"}
"""Unit → the unit to which a transfer leads from it."""
SUBSTANCE_USE = "F1"
"""The first characters of ICD-10 codes of substance use disorders."""


@dataclass(frozen=True, slots=True)
class Where:
    """A unit, and since when the patient was there."""

    unit: str
    at: datetime

    @property
    def level(self) -> str | None:
        """The unit's level of care; None for emergency and observation."""
        return LEVELS.get(self.unit)


@dataclass(frozen=True, slots=True)
class Away:
    """A leave; `back` is None while it goes on."""

    since: datetime
    back: datetime | None


@dataclass(frozen=True, slots=True)
class Mishap:
    """Something that a hospital sent in error (at `told`), and cancelled or corrected later (at `mended`); both before
    the half-year's end. `kind`: registration, transfer, discharge or discharge-time."""

    kind: str
    told: datetime
    mended: datetime


@dataclass(slots=True)
class Stay:
    """One stay as it was: its units in order, how it ended, its leaves, and what was sent wrong of it.

    `payers`: changes of the payer, each with its first day; `never`: the stay never was, it was sent in error and
    cancelled (its mishap says when); `late_transfer`: the transfer is recorded only after the discharge.
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
        """When it began."""
        return self.places[0].at

    @property
    def level(self) -> str | None:
        """The level of its last unit."""
        return self.places[-1].level

    def mishap(self, kind: str) -> Mishap | None:
        """Its mishap of that kind; None where there is none."""
        return next((one for one in self.mishaps if one.kind == kind), None)


@dataclass(slots=True)
class Life:
    """A patient, the hospital, and the stays in the order of their beginning.

    `oddity`: of some patients only one odd thing is sent: `unknown-unit`, `discharge-alone` or `admission-cancelled`.
    """

    person: Person
    hospital: HospitalProfile
    stays: list[Stay]
    oddity: str | None = None
