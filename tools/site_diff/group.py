"""Compares two site configs for one group of patients, in a process that has its own connections."""

from __future__ import annotations

import asyncio
import gc
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.intake.console.other_config import PatientsDiffer, VisitDiffers, differing
from services.intake.hl7.mapping import FacilityMap
from services.intake.receiving.receive import Intake
from services.placement.engine import views
from services.placement.engine.with_facts import ChangedPeriod, changed_periods, periods_of
from services.placement.rules import Rules, rules_of
from shared.clock import system_clock
from shared.errors import SetUpError
from shared.facts.envelope import Fact
from shared.site.config import Site, load
from shared.storage.database import Database
from shared.storage.sealing import Seal
from tools.site_diff.found import GroupFound, PeriodLine, VisitLine

BILLED_BY = {"facilities", "payers", "programs", "patient_status", "dispositions"}
"""The parts of a site config that bills are made by."""


@dataclass(frozen=True, slots=True)
class TwoSites:
    """The databases, the config in force and the other one, each as the rules that are asked of it."""

    intake: Database
    placement: Database
    places: FacilityMap
    other: Intake
    rules: Rules
    other_rules: Rules
    bills_differ: bool
    """Whether bills may differ where no fact does."""

    async def close(self) -> None:
        """Close the connections."""
        await self.intake.close()
        await self.placement.close()


def two_sites(urls: Mapping[str, str], now: Site, other: Site) -> TwoSites:
    """What is compared; `urls`: service → URL of its database. No message is opened, so no key is needed."""
    intake, placement = (Database(urls[name], pool=1, application="stepdown-cli") for name in ("intake", "placement"))
    seal = Seal.of_this_process()
    return TwoSites(
        intake, placement, FacilityMap(now), Intake(intake, other, seal, system_clock, prepared=True),
        rules_of(now), rules_of(other), now.model_dump(include=BILLED_BY) != other.model_dump(include=BILLED_BY),
    )  # fmt: skip


async def compared(sites: TwoSites, patients: Sequence[str]) -> GroupFound:
    """What would change for these patients. Raises Transient where a database is away."""
    found = await differing(sites.intake, patients, sites.places, sites.other)
    stated: dict[str, list[Fact]] = defaultdict(list)
    for fact in [*(fact for visit in found.visits for fact in visit.stated), *found.of_deaths]:
        stated[fact.subject].append(fact)
    lines, undecided = await _bills(sites, found, stated)
    visits = tuple(map(_visit_line, found.visits))
    return GroupFound(len(patients), found.messages, visits, len(found.of_deaths), lines, undecided)


async def _bills(
    sites: TwoSites, found: PatientsDiffer, stated: Mapping[str, Sequence[Fact]]
) -> tuple[tuple[PeriodLine, ...], int]:
    """The service periods that would change, and how many episodes cannot be told."""
    episodes = found.episodes if sites.bills_differ else sorted(stated)
    if not episodes:
        return (), 0
    async with sites.placement.read() as connection:
        known = await views.facts_of(connection, episodes)
    lines: list[PeriodLine] = []
    undecided = 0
    for episode in episodes:
        facts, more = known.get(episode, []), stated.get(episode, [])
        try:
            before, after = periods_of(facts, sites.rules), periods_of([*facts, *more], sites.other_rules)
            lines += map(period_line, changed_periods(before, after))
        except SetUpError:  # a facility that the other config does not have
            undecided += 1
    return tuple(lines), undecided


def period_line(found: ChangedPeriod) -> PeriodLine:
    """A period that would change, as it is counted and shown."""
    told = found.period.content
    place = (told.episode_id, str(told.level), told.payer, found.period.start, found.period.end)
    return PeriodLine(found.change, *place, tuple(found.changed))


def _visit_line(visit: VisitDiffers) -> VisitLine:
    new = [fact for fact in visit.stated if fact.name != "fact-cancelled"]
    said = tuple((fact.name, fact.value.occurred_at.date().isoformat()) for fact in new)
    episodes = tuple(sorted({fact.subject for fact in visit.stated}))
    return VisitLine(visit.visit_id, visit.facility, said, len(visit.fallen), tuple(visit.codes), episodes)


# ── in a process of its own ───────────────────────────────────────────────────────────────────────────────────────


class _Process:
    """What a process keeps between groups: its event loop and connections."""

    loop: asyncio.AbstractEventLoop
    sites: TwoSites


def begin(urls: Mapping[str, str], now: Path, other: Path) -> None:
    """Make this process ready to compare."""
    gc.freeze()  # what is imported stays, and what a group comes to is no garbage while it is worked on
    gc.set_threshold(50_000, 20, 100)
    _Process.loop = asyncio.new_event_loop()
    _Process.sites = two_sites(urls, load(now), load(other))


def compared_here(patients: Sequence[str]) -> GroupFound:
    """What would change for these patients, worked out in this process."""
    return _Process.loop.run_until_complete(compared(_Process.sites, patients))
