"""What the site's config says, in the shapes that the pure rooms ask for; looked up once, nothing decided."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from zoneinfo import ZoneInfo

from services.placement.billing.authorizations import NeedsAuthorization
from services.placement.billing.model import BillingTable
from services.placement.continuum.stays_now import StayPlaces
from services.placement.search.levels import recommend
from services.placement.search.search import Policy
from shared.site.config import Site
from shared.values import value_object

KEPT = 4096
"""Answers kept for each question: far more than a site has places, and bounded, since messages name the places."""


@value_object
class Rules:
    """The zone of a facility (SetUpError where the site has no such), whether it has it, how a place is billed,
    which payer wants to be asked first, when a program is looked for and of which level; and the site itself, for the
    desk. `places`: what care.episodes says of them."""

    zone_of: Callable[[str], ZoneInfo]
    has_facility: Callable[[str], bool]
    billed: BillingTable
    needs_authorization: NeedsAuthorization
    policy: Policy
    site: Site
    places: StayPlaces


def rules_of(site: Site) -> Rules:
    """The site's config as rules."""
    zone_of = lru_cache(KEPT)(site.zone)
    return Rules(
        zone_of=zone_of,
        has_facility=lru_cache(KEPT)(lambda name: site.facility(name) is not None),
        billed=lru_cache(KEPT)(site.billed),
        needs_authorization=lru_cache(KEPT)(site.needs_authorization),
        policy=Policy(
            recommend=lambda question: recommend(site.recommendations, question, site.version),
            begins=lambda *words: site.begins("search", *words),
        ),
        site=site,
        places=StayPlaces(zone_of, lru_cache(KEPT)(site.setting)),
    )
