"""Compares two site configs for one group of patients, in a process that has its own connections."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from services.intake.console.other_config import PatientsDiffer, VisitDiffers, differing
from services.intake.hl7.mapping import FacilityMap
from services.intake.receiving.receive import Intake
from services.placement.billing.model import Period, PeriodKey
from services.placement.billing.periods import periods
from services.placement.continuum.fold import fold
from services.placement.engine import views
from services.placement.rules import Rules, rules_of
from shared.clock import system_clock
from shared.errors import SetUpError
from shared.facts.envelope import Fact
from shared.site.config import Site, load
from shared.storage.database import Database
from shared.storage.sealing import Seal
from tools.site_diff.found import GroupFound, PeriodChanged, PeriodLine, VisitLine

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
            lines += changed_periods(periods_of(facts, sites.rules), periods_of([*facts, *more], sites.other_rules))
        except SetUpError:  # a facility that the other config does not have
            undecided += 1
    return tuple(lines), undecided


def periods_of(facts: Sequence[Fact], rules: Rules) -> dict[PeriodKey, Period]:
    """The service periods that all facts of an episode come to. Raises SetUpError for a facility that the rules do not
    have."""
    if not facts:
        return {}
    folded = fold(facts, rules.zone_of)
    return {each.key: each for each in periods(folded, rules.zone_of, rules.billed, rules.payers)}


def changed_periods(before: Mapping[PeriodKey, Period], after: Mapping[PeriodKey, Period]) -> Iterator[PeriodLine]:
    """The periods that are opened, changed or voided between the two."""
    for key in sorted(before.keys() | after.keys()):
        was, now = before.get(key), after.get(key)
        if was is None and now is not None:
            yield _period_line("opened", now)
        elif was is not None and now is None:
            yield _period_line("voided", was)
        elif was is not None and now is not None and was.content != now.content:
            yield _period_line("changed", now, _fields(was, now))


def _fields(was: Period, now: Period) -> tuple[str, ...]:
    both = zip(now.content.__struct_fields__, structs.astuple(was.content), structs.astuple(now.content), strict=True)
    return tuple(name for name, before, after in both if before != after)


def _period_line(change: PeriodChanged, period: Period, fields: tuple[str, ...] = ()) -> PeriodLine:
    told = period.content
    return PeriodLine(change, told.episode_id, str(told.level), told.payer, period.start, period.end, fields)


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
    _Process.loop = asyncio.new_event_loop()
    _Process.sites = two_sites(urls, load(now), load(other))


def compared_here(patients: Sequence[str]) -> GroupFound:
    """What would change for these patients, worked out in this process."""
    return _Process.loop.run_until_complete(compared(_Process.sites, patients))
