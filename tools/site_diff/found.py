"""What a comparison of two site configs finds, and how it is counted. Values only: they go between processes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from services.intake.console.other_config import MappedCode
from services.placement.engine.with_facts import PeriodChanged

OTHERWISE = MappedCode("other", "", "")
"""Stands for what changes though no code of the visit's messages is mapped otherwise: a label, a limit, a program."""


class VisitLine(NamedTuple):
    """A visit of which other facts would stand: types of facts that would be stated, with the day; how many would be
    taken back or replaced; the codes that are mapped otherwise."""

    visit_id: str
    facility: str
    stated: tuple[tuple[str, str], ...]
    fallen: int
    codes: tuple[MappedCode, ...]
    episodes: tuple[str, ...]


class PeriodLine(NamedTuple):
    """A service period that would be opened, changed or voided. `fields`: names of what changes in it."""

    change: PeriodChanged
    episode_id: str
    level: str
    payer: str
    start: date
    end: date | None
    fields: tuple[str, ...]


class GroupFound(NamedTuple):
    """What was found of one group of patients. `undecided`: episodes that name a facility which the other config does
    not have."""

    patients: int
    messages: int
    visits: tuple[VisitLine, ...]
    deaths: int
    periods: tuple[PeriodLine, ...]
    undecided: int


@dataclass(slots=True)
class SiteDifference:
    """All that was found."""

    patients: int = 0
    messages: int = 0
    visits: list[VisitLine] = field(default_factory=list)
    deaths: int = 0
    periods: list[PeriodLine] = field(default_factory=list)
    undecided: int = 0

    def add(self, found: GroupFound) -> None:
        """Count a group of patients."""
        self.patients += found.patients
        self.messages += found.messages
        self.visits += found.visits
        self.deaths += found.deaths
        self.periods += found.periods
        self.undecided += found.undecided

    @property
    def stated(self) -> Counter[str]:
        """Type → how many facts of visits would be stated."""
        return Counter(kind for visit in self.visits for kind, _ in visit.stated)

    @property
    def fallen(self) -> int:
        """How many facts would be taken back or replaced."""
        return sum(visit.fallen for visit in self.visits)

    def by_code(self) -> list[CodeCount]:
        """What changes by each code, the most visits first; a visit counts for each of its codes."""
        visits: dict[MappedCode, list[VisitLine]] = defaultdict(list)
        for visit in self.visits:
            for code in visit.codes or (OTHERWISE._replace(facility=visit.facility),):
                visits[code].append(visit)
        of_episode = Counter(each.episode_id for each in self.periods)
        found = [_counted(code, lines, of_episode) for code, lines in visits.items()]
        return sorted(found, key=lambda one: (-one.visits, one.code))

    def as_json(self) -> dict[str, Any]:
        """The counts, without the lines."""
        changes = Counter(each.change for each in self.periods)
        return {
            "patients": self.patients,
            "messages": self.messages,
            "visits": len(self.visits),
            "facts": {"stated": dict(sorted(self.stated.items())), "taken_back_or_replaced": self.fallen},
            "of_deaths": self.deaths,
            "periods": {name: changes.get(name, 0) for name in ("opened", "changed", "voided")},
            "undecided_episodes": self.undecided,
            "by_code": [{**each.code._asdict(), **each.counts()} for each in self.by_code()],
        }


class CodeCount(NamedTuple):
    """How many visits, facts and periods would change where a code is mapped otherwise."""

    code: MappedCode
    visits: int
    facts: int
    periods: int

    def counts(self) -> dict[str, int]:
        """The three numbers by name."""
        return {"visits": self.visits, "facts": self.facts, "periods": self.periods}


def _counted(code: MappedCode, lines: Iterable[VisitLine], of_episode: Counter[str]) -> CodeCount:
    every = list(lines)
    episodes = {episode for line in every for episode in line.episodes}
    facts = sum(len(line.stated) for line in every)
    return CodeCount(code, len(every), facts, sum(of_episode[episode] for episode in episodes))
