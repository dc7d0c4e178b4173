"""Facilities and their units, as parts of a site config: which level of care, or which class of visit, a unit is.

What a unit is may depend on the class of the visit (contract 6, What class).
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared.events.levels import Level
from shared.events.open_lists import DispositionKind, VisitClass
from shared.site.values import Billing, Label, Name, Npi, Part, Setting, Zone

Entity = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]
PATIENT_CLASSES = frozenset("BCEINOPRU")
"""The codes of PV1-2 that HL7 has (table 0004); a code that it does not have decides nothing."""


class ByClass(Part):
    """What a unit is for some visits: all fields that it asks must have one of the codes given. It gives a level, or
    the class of a visit without one, or says that an arrival is expected and nothing begins."""

    patient_class: tuple[Name, ...] = ()
    """PV1-2."""
    hospital_service: tuple[Name, ...] = ()
    """PV1-10."""
    patient_type: tuple[Name, ...] = ()
    """PV1-18."""
    level: Level | None = None
    visit_class: VisitClass | None = None
    expected: bool = False
    program: Name | None = None
    """Absent: the unit's, where the level is the unit's too."""

    @model_validator(mode="after")
    def _asks_and_says(self) -> ByClass:
        if not (self.patient_class or self.hospital_service or self.patient_type):
            raise PydanticCustomError(
                "by_class",
                "a row asks `patient_class`, `hospital_service` or `patient_type`; what always holds is the unit's own",
            )
        if (self.level is not None) + (self.visit_class is not None) + self.expected != 1:
            raise PydanticCustomError("by_class", "a row says one of `level`, `visit_class` and `expected: true`")
        if self.program and self.level is None:
            raise PydanticCustomError("by_class", "only a row with a `level` has a `program`")
        return self

    def fits(self, told: VisitCodes) -> bool:
        """Whether a visit's codes are among those that the row asks."""
        asked = (self.patient_class, self.hospital_service, self.patient_type)
        return all(
            not codes or (code or "").upper() in {each.upper() for each in codes}
            for codes, code in zip(asked, told, strict=True)
        )


class VisitCodes(NamedTuple):
    """PV1-2, PV1-10 and PV1-18 as a message tells them."""

    patient_class: str | None
    hospital_service: str | None = None
    patient_type: str | None = None


class OneStay(Part):
    """A unit where an account is opened for each day or month: visits at its program that begin while one is open, or
    within `gap_days` after, are one stay (contract 6, What class)."""

    gap_days: int = Field(ge=1, le=120)
    day_attended: bool = False
    """Each visit is a day attended."""
    ends_by: tuple[DispositionKind, ...] = ()
    """Dispositions of a visit that end the stay; any other end of a visit ends its day alone."""
    gap_means: Literal["lost-contact", "administrative", "other", "completed"] = "lost-contact"
    """How the stay ended where no visit followed within the days."""


class Unit(Part):
    """A point of care (PV1-3.1) with a level of care, or without one a visit class; by rows where that differs by the
    class of the visit. A unit that has rows alone is not mapped for a visit that none fits."""

    code: Name
    level: Level | None = None
    visit_class: VisitClass | None = None
    program: Name | None = None
    setting: Setting | None = None
    labels: tuple[Label, ...] = ()
    by_class: tuple[ByClass, ...] = ()
    """The first row that fits decides; where none does, the unit's own level or class."""
    one_stay: OneStay | None = None
    """Absent: every visit is a stay of its own."""

    @model_validator(mode="after")
    def _level_or_class(self) -> Unit:
        if self.level is not None and self.visit_class is not None:
            raise PydanticCustomError("level_or_class", "a unit has either `level` or `visit_class`")
        if self.level is None and self.visit_class is None and not self.by_class:
            raise PydanticCustomError("level_or_class", "a unit has either `level` or `visit_class`")
        if self.one_stay and not (self.level and self.program):
            raise PydanticCustomError("one_stay", "a unit with `one_stay` has a `level` and a `program`")
        return self

    def of_visit(self, told: VisitCodes) -> UnitOfVisit | None:
        """What the unit is for a visit with these codes; None where no row fits and the unit itself says nothing."""
        for row in self.by_class:
            if row.fits(told):
                program = row.program or (self.program if row.level == self.level else None)
                return UnitOfVisit(row.level, row.visit_class, program, self.setting, expected=row.expected)
        if self.level is None and self.visit_class is None:
            return None
        if self.one_stay:
            return UnitOfVisit(None, "other", self.program, self.setting, one_stay=True)
        return UnitOfVisit(self.level, self.visit_class, self.program, self.setting)


class UnitOfVisit(NamedTuple):
    """What a unit is for one visit: its level, or the class of a visit without one, or an arrival expected. `one_stay`:
    visits there are days of one stay at the program (`OneStay`), and have no level themselves."""

    level: Level | None
    visit_class: VisitClass | None = None
    program: str | None = None
    setting: Setting | None = None
    expected: bool = False
    one_stay: bool = False


class Facility(Part):
    """A place that sends messages or has programs; its days begin in its zone."""

    name: Name
    title: Name
    zone: Zone
    npi: Npi
    sent_as: tuple[Name, ...] = ()
    """Other texts by which MSH-4 or PV1-3.4 name it."""
    processing_ids: tuple[Literal["P", "T", "D"], ...] = Field(default=("P",), min_length=1)
    """MSH-11 that are taken; another one is AR 202."""
    entity: Entity | None = None
    """The legal entity that it is of, as a consent names it; absent: it is one of its own, by its name. What goes to
    another entity's program passes the gate (contract 3.7)."""
    part2: bool = False
    """All of its care is about substance use by 42 CFR Part 2, whatever its units say."""
    units: tuple[Unit, ...] = ()
    billing: dict[Level, Billing] = Field(default_factory=dict)
    dispositions: dict[DispositionKind, tuple[Name, ...]] = Field(default_factory=dict)
    """Codes and texts that mean something else here than at the site as a whole."""

    @property
    def entity_id(self) -> str:
        """The legal entity as a consent names it."""
        return self.entity or "-".join(re.findall("[a-z0-9]+", self.name.lower()))

    @property
    def zone_info(self) -> ZoneInfo:
        """The zone of the facility."""
        return ZoneInfo(self.zone)
