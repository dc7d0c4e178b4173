"""The site config as the values and functions that placement's pure modules need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from functools import lru_cache
from zoneinfo import ZoneInfo

from services.placement.billing.model import BillingTable
from services.placement.billing.payer_rules import PayerRules
from services.placement.continuum.stays_now import StayPlaces
from services.placement.search.levels import recommend
from services.placement.search.search import Policy
from shared.site.config import Site
from shared.site.payers import PayerClock
from shared.site.units import OneStay
from shared.site.values import Program
from shared.values import value_object

KEPT = 4096
"""Answers kept in memory for each function: more than a site has places, and bounded, since messages may name any."""


@value_object
class Rules:
    """The site config as placement's rules need it.

    `zone_of`: a facility's time zone; it raises SetUpError where the site has no such facility. `billed`: how a place
    is billed. `payers`: what payers ask of a bill; `clock`: what one wants while a stay at a level goes on. `policy`:
    when a search begins and which level it recommends. `places`: what care.episodes shows of places.
    """

    zone_of: Callable[[str], ZoneInfo]
    has_facility: Callable[[str], bool]
    billed: BillingTable
    payers: PayerRules
    clock: Callable[[str, str], PayerClock | None]
    policy: Policy
    site: Site
    places: StayPlaces
    one_stay: Mapping[tuple[str, str | None], tuple[Program, OneStay]] = field(default_factory=dict)
    """(facility, unit) → the program there whose visits are days of one stay, and what makes them so."""


def rules_of(site: Site) -> Rules:
    """The rules of a site config."""
    zone_of = lru_cache(KEPT)(site.zone)
    return Rules(
        zone_of=zone_of,
        has_facility=lru_cache(KEPT)(lambda name: site.facility(name) is not None),
        billed=lru_cache(KEPT)(site.billed),
        clock=lru_cache(KEPT)(site.clock),
        payers=PayerRules(
            needs_authorization=lru_cache(KEPT)(site.needs_authorization),
            leave_counts=lru_cache(KEPT)(lambda *words: (row := site.clock(*words)) is not None and row.leave_counts),
            voids_changed=lru_cache(KEPT)(site.voids_changed),
            edits=lru_cache(KEPT)(site.edits),
        ),
        policy=Policy(
            recommend=lru_cache(KEPT)(lambda question: recommend(site.recommendations, question, site.version)),
            begins=lru_cache(KEPT)(lambda *words: site.begins("search", *words)),
            zone_of=zone_of,
            gap_days=site.limits.gap_days,
        ),
        site=site,
        places=StayPlaces(zone_of, lru_cache(KEPT)(site.setting)),
        one_stay=_one_stay(site),
    )


def _one_stay(site: Site) -> dict[tuple[str, str | None], tuple[Program, OneStay]]:
    found: dict[tuple[str, str | None], tuple[Program, OneStay]] = {}
    for facility in site.facilities:
        for unit in facility.units:
            program = site.program(unit.program) if unit.program else None
            if program is not None and unit.one_stay is not None:
                found[facility.name, unit.code] = (program, unit.one_stay)
    return found
