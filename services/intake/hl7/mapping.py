"""What reading a message (`FeedRules`) and deriving a visit (`SiteMap`) need of the site config."""

from __future__ import annotations

from datetime import timedelta, tzinfo
from functools import lru_cache

from services.intake.hl7.model import Payer, Sender, UnitAs
from shared.events.base import Disposition
from shared.events.open_lists import DispositionKind
from shared.events.stays import Coverage
from shared.site.config import UNKNOWN, Site

LONGEST = 200
"""Characters that an identifier may have in published facts."""
MOST = 4096
"""Answers of each look-up that are kept: messages repeat the same few names and codes."""


class SiteRules:
    """`FeedRules` from the site config.

    A facility that the config doesn't have is named as sent: its messages are kept like those of a unit that is not
    mapped, with the zone of the first facility and the processing ids of any.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self.future_limit = timedelta(minutes=site.limits.future_minutes)
        self._any = tuple(dict.fromkeys(each for facility in site.facilities for each in facility.processing_ids))
        self.sender = lru_cache(MOST)(self._sender)
        """Who says a message with this MSH-3, MSH-4 and PV1-3.4; a feed that the site doesn't have is `other`."""

    def _sender(self, application: str, facility: str, location: str) -> Sender:
        site, feed = self._site, self._site.feed(application, facility).name
        found = site.facility_of(application, facility, location)
        name = found.name if found else (facility or location)[:LONGEST]
        found = found or site.facility(name)
        if found is None:
            return Sender(name, feed, site.facilities[0].zone_info, self._any)
        return Sender(name, feed, found.zone_info, found.processing_ids)


class FacilityMap:
    """`SiteMap` from the site config. Look-ups are cached: the messages of a visit repeat the same codes."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._payers: dict[Payer, Coverage] = {}
        self._dispositions: dict[tuple[str, str | None], Disposition] = {}

    def unit(self, facility: str, unit: str) -> UnitAs | None:
        """What the unit is; None when it is not mapped."""
        found = self._site.unit(facility, unit)
        if found is None:
            return None
        return UnitAs(found.level, found.visit_class, found.program, found.setting)

    def zone(self, facility: str) -> tzinfo:
        """The facility's zone; the first one's for a facility that the config doesn't have."""
        return (self._site.facility(facility) or self._site.facilities[0]).zone_info

    def disposition(self, facility: str, code: str | None) -> Disposition:
        """The disposition that PV1-36 means at the facility, with its code as the site's tables write it."""
        found = self._dispositions.get((facility, code))
        if found is None:
            row = self._site.disposition_row(facility, code)
            status = self._site.status_of(row.code, row.kind)
            found = Disposition(code=row.code if code else None, kind=row.kind, patient_status=status)
            self._dispositions[facility, code] = found
        return found

    def status_of(self, kind: DispositionKind) -> str | None:
        """The patient status of a bill for a kind of disposition."""
        return self._site.status_of(kind)

    def admission_type(self, code: str) -> str:
        """PV1-4 as a bill's type of admission; `unknown` for what is in no table."""
        return self._site.admission_type(code)

    def admission_source(self, code: str) -> str:
        """PV1-14 as a bill's point of origin; `unknown` for what is in no table."""
        return self._site.admission_source(code)

    def payer(self, one: Payer) -> Coverage:
        """The payer that IN1-3, else IN1-2, names, and which of the payer's plans IN1-2 is."""
        found = self._payers.get(one)
        if found is None:
            found = self._payers[one] = self._looked_up(one)
        return found

    def _looked_up(self, one: Payer) -> Coverage:
        payer = self._site.payer(one.payer) or (self._site.payer(one.plan) if one.plan else None)
        plan = (self._site.plan(payer, one.plan) if payer else None) or UNKNOWN if one.plan else None
        return Coverage(order=one.order, payer=payer.id if payer else UNKNOWN, plan=plan)
