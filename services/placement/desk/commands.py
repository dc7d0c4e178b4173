"""Commands of the desk's API: values checked by type, then by whether the site has the codes. Pure."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, Field

from services.placement.search.states import DeclineReason, PersonsCloseReason
from shared.events.levels import Level
from shared.events.placing import Mode, Weekday
from shared.site.config import Site
from shared.site.needs import NO, YES
from shared.web.commands import Command, Name

Code = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
"""A reason in code: small letters, digits and hyphens, no text of anybody."""
NeedValue = bool | Name | tuple[Name, ...]
"""What a need of the site's vocabulary is told with: a value, several of which one or all are meant, or that it is
there."""
Misfit = tuple[str, str] | None
"""The field that does not fit this site, and why in words of ours; None: all do."""


class Ask(Command):
    """The base of all commands of the desk."""

    def misfit(self, site: Site) -> Misfit:  # noqa: ARG002 - most have no code of the site
        """What in the command the site does not have, or what contradicts itself; None where it fits."""
        return None


class Wishes(Ask):
    """What the patient needs of a program; what is absent stays as it is, null asks for it no longer."""

    payer: Name | None = None
    age_years: int | None = Field(default=None, ge=0, le=120)
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] | None = None
    start_by: date | None = None
    track: Name | None = None
    days: tuple[Weekday, ...] | None = Field(default=None, max_length=7)
    mode: Mode | None = None
    accreditation: Name | None = None
    also: dict[Annotated[str, Field(max_length=40)], NeedValue | None] = Field(
        default_factory=dict, max_length=50, description="the site's own needs: a value, several, or true"
    )

    def misfit(self, site: Site) -> Misfit:
        """Refuses a payer, track or accreditation that the site does not have."""
        if self.payer is not None and site.payer(self.payer) is None:
            return "payer", "the site has no such payer"
        if self.track is not None and not any(_in(self.track, one.tracks) for one in site.programs):
            return "track", "no program has such a track"
        if self.accreditation is not None and not any(_in(self.accreditation, p.accreditation) for p in site.programs):
            return "accreditation", "no program has such an accreditation"
        for key, value in self.also.items():
            if (why := _unfit_need(site, key, value)) is not None:
                return "also" if site.need(key) is None else f"also.{key}", why
        return None


def _unfit_need(site: Site, key: str, value: NeedValue | None) -> str | None:
    """Why a need is none of the site's vocabulary, or has no such value; None where it fits."""
    need = site.need(key)
    if need is None:
        return "the site has no such need"
    if any(each not in (need.values or YES) for each in values_of(value)):
        return "this need has other values"
    return None


def values_of(value: NeedValue | None) -> tuple[str, ...]:
    """The values that a need is told with: none, one, several, or that it is there."""
    if value is None or value is False or value == NO:
        return ()
    if value is True:
        return YES
    return (value,) if isinstance(value, str) else value


def _in(name: str, known: tuple[str, ...]) -> bool:
    return name.casefold() in {one.casefold() for one in known}


class OpenSearch(Ask):
    """Look for a program: again, after a person had closed the search; or, while a stay is open, for a level that
    nothing else asks for."""

    episode_id: Name
    level: Level | None = Field(default=None, description="absent: what a search is wanted for, or the next level")
    ready_on: date | None = Field(default=None, description="first day looked for, where no end of the stay is planned")
    needs: Wishes = Wishes()

    def misfit(self, site: Site) -> Misfit:
        """Refuses needs with codes that the site does not have."""
        found = self.needs.misfit(site)
        return (f"needs.{found[0]}", found[1]) if found else None


class CloseSearch(Ask):
    """Look no longer."""

    reason: PersonsCloseReason


class SendOffers(Ask):
    """Ask one program or several to take the patient."""

    search_id: Name | None = None
    episode_id: Name | None = Field(default=None, description="instead of search_id: the episode's open search")
    program: Name | None = None
    programs: tuple[Name, ...] = Field(default=(), max_length=20, description="instead of program")
    start_date: date | None = None
    track: Name | None = None
    group: Name | None = None
    variance_reason: Code | None = Field(default=None, description="why another level than the recommended one")
    expires_at: AwareDatetime | None = None

    @property
    def asked(self) -> tuple[str, ...]:
        """The programs to ask, one or several."""
        return self.programs or ((self.program,) if self.program else ())

    def misfit(self, site: Site) -> Misfit:
        """Refuses unless exactly one search is named, and programs of the site that all have the group and the
        track."""
        if (self.search_id is None) == (self.episode_id is None):
            return "search_id", "either search_id or episode_id is given"
        if (self.program is None) == (not self.programs):
            return "program", "either program or programs is given"
        field = "programs" if self.programs else "program"
        for name in self.asked:
            found = site.program(name)
            if found is None:
                return field, "the site has no such program"
            if self.group is not None and self.group not in {group.id for group in found.groups}:
                return "group", "the program has no such group"
            if self.track is not None and self.track not in found.tracks:
                return "track", "the program has no such track"
        return None


class Accept(Ask):
    """The program takes the patient."""

    start_date: date | None = Field(default=None, description="absent: the day last proposed")


class Decline(Ask):
    """The program does not take the patient."""

    reason: DeclineReason


class CounterOffer(Ask):
    """The program would take the patient on another day."""

    start_date: date
    reason: Code | None = None


class Because(Ask):
    """A reason in code."""

    reason: Code


class ReopenOffer(Because):
    """Ask the program again."""

    expires_at: AwareDatetime | None = None


class NewFirstDay(Ask):
    """Another first day at the program that took the patient."""

    start_date: date


class Receive(Ask):
    """The program confirms the handover: that the patient came, where a stay has begun, and that it read the packet."""

    plan_read: bool = True


class Nothing(Ask):
    """There is nothing to say besides."""


class HoldSeat(Ask):
    """Keep a seat for the patient for some time."""

    episode_id: Name
    program: Name
    group: Name | None = None
    begins: AwareDatetime = Field(alias="from")
    until: AwareDatetime

    def misfit(self, site: Site) -> Misfit:
        """Refuses a program or group that the site does not have."""
        found = site.program(self.program)
        if found is None:
            return "program", "the site has no such program"
        if self.group is not None and self.group not in {group.id for group in found.groups}:
            return "group", "the program has no such group"
        return None


class Wait(Ask):
    """Wait for a seat of a program."""

    search_id: Name
    program: Name

    def misfit(self, site: Site) -> Misfit:
        """Refuses a program that the site does not have."""
        return None if site.program(self.program) else ("program", "the site has no such program")
