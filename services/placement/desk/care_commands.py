"""Commands about stays at a program and their sessions: checked values with codes that the site has. Pure."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from services.placement.desk.commands import Ask, Code, Misfit
from services.placement.programs.attendance import AbsenceReason, DiscontinuationReason
from shared.events.base import Day
from shared.events.placing import Mode
from shared.events.stays import LeaveKind
from shared.site.config import Site
from shared.site.values import Npi
from shared.web.commands import Name


class Start(Ask):
    """The patient came for the first time."""

    date: Day = Field(description="first day, facility's zone")
    unit: Name | None = None

    def misfit(self, site: Site) -> Misfit:
        """Refuses a unit that the site does not have."""
        known = {unit.code for facility in site.facilities for unit in facility.units}
        return None if self.unit is None or self.unit in known else ("unit", "the site has no such unit")


class CorrectStart(Ask):
    """The first day was another one."""

    date: Day


class Complete(Ask):
    """The patient completed the program."""

    date: Day = Field(description="last day, facility's zone")
    reason: Code


class Discontinue(Ask):
    """The stay ended before its goal."""

    date: Day = Field(description="last day, facility's zone")
    reason: DiscontinuationReason


class CorrectEnd(Ask):
    """The stay ended on another day, or for another reason."""

    date: Day
    reason: Code | None = Field(default=None, description="absent: as it was said")


class StartLeave(Ask):
    """The patient is away."""

    at: AwareDatetime
    kind: LeaveKind
    expected_return: AwareDatetime | None = None
    returned_at: AwareDatetime | None = Field(default=None, description="a leave that is told when it is over")

    def misfit(self, site: Site) -> Misfit:  # noqa: ARG002 - times, no codes
        """Refuses a return before the leave."""
        for name in ("expected_return", "returned_at"):
            back = getattr(self, name)
            if back is not None and back <= self.at:
                return name, "it must be later than `at`"
        return None


class EndLeave(Ask):
    """The patient is back."""

    at: AwareDatetime


class Given(Ask):
    """One service that was given in a session."""

    code: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$")] | None = None
    kind: Code
    units: int = Field(default=1, ge=0, le=96)
    minutes: int = Field(default=0, ge=0, le=1440)
    mode: Mode = "in-person"
    npi: Npi | None = None


class SessionTold(Ask):
    """What became of a session: the patient was there, with what was given, or was absent."""

    date: Day = Field(description="facility's zone")
    group: Name | None = None
    services: tuple[Given, ...] = Field(default=(), max_length=40)
    absent: AbsenceReason | None = Field(default=None, description="why the patient was not there; absent: was there")

    def misfit(self, site: Site) -> Misfit:
        """Refuses a group that no program has, and services for somebody who was absent."""
        if self.absent is not None and (self.services or self.group):
            return "absent", "nothing is given in a session that the patient missed"
        if self.group is not None and all(self.group != g.id for p in site.programs for g in p.groups):
            return "group", "no program has such a group"
        return None


class TellSession(SessionTold):
    """A session of a stay at a program."""

    placement_id: Name
    session_id: Name


class CorrectSession(SessionTold):
    """What really became of the session, whole."""
