"""The site's config as reading and deriving ask for it: whose message it is, its zone, what a unit is."""

from __future__ import annotations

from datetime import timedelta, tzinfo

from services.intake.model import UnitAs
from shared.events.open_lists import DispositionKind
from shared.site_config import Site

LONGEST = 200
"""Characters of an identifier in the published language."""


class SiteRules:
    """`FeedRules` by site config.

    A facility that the config doesn't have is named as sent: its messages are kept like those of a unit that is not
    mapped, with the zone of the first facility and the processing ids of any.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self.future_limit = timedelta(minutes=site.limits.future_minutes)
        self._any = frozenset[str](each for facility in site.facilities for each in facility.processing_ids)

    def facility(self, sender: str, location: str) -> str:
        """The site's name of the facility for MSH-4 and PV1-3.4."""
        found = self._site.facility_of("", sender, location)
        return found.name if found else (sender or location)[:LONGEST]

    def zone(self, facility: str) -> tzinfo:
        """The facility's zone."""
        found = self._site.facility(facility) or self._site.facilities[0]
        return found.zone_info

    def processing_ids(self, facility: str) -> frozenset[str]:
        """The values of MSH-11 that are taken from it."""
        found = self._site.facility(facility)
        return frozenset(found.processing_ids) if found else self._any


class FacilityMap:
    """`SiteMap` by site config."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def unit(self, facility: str, unit: str) -> UnitAs | None:
        """What the unit is; None when it is not mapped."""
        found = self._site.unit(facility, unit)
        if found is None:
            return None
        return UnitAs(found.level.value if found.level else None, found.visit_class, found.program, found.setting)

    def zone(self, facility: str) -> tzinfo:
        """The facility's zone; the first one's for a facility that the config doesn't have."""
        return (self._site.facility(facility) or self._site.facilities[0]).zone_info

    def disposition(self, code: str | None) -> DispositionKind:
        """What PV1-36 means at this site."""
        return self._site.disposition("", code)
