"""What reading a message (`FeedRules`) and deriving a visit (`SiteMap`) need of the site config."""

from __future__ import annotations

from datetime import timedelta, tzinfo
from functools import lru_cache

from services.intake.hl7.model import Payer, Sender
from shared.events.base import Disposition
from shared.events.stays import Coverage
from shared.site.config import Site
from shared.site.dispositions import UNKNOWN

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
        self._npis = {facility.npi: facility.name for facility in site.facilities if facility.npi}
        self._authorities = {name.casefold(): one.names[0] for one in site.authorities for name in one.names}
        self.sender = lru_cache(MOST)(self._sender_at)
        """Who says a message with this MSH-3, MSH-4 and PV1-3.4; a feed that the site doesn't have is `other`."""

    def _sender_at(self, application: str, facility: str, location: str) -> Sender:
        site, fed = self._site, self._site.feed(application, facility)
        found = site.facility_of(application, facility, location)
        name = found.name if found else (facility or location)[:LONGEST]
        found = found or site.facility(name)
        if found is None:
            return Sender(name, fed.name, site.facilities[0].zone_info, self._any, fed.zone, fed.visit_from)
        return Sender(name, fed.name, found.zone_info, found.processing_ids, fed.zone, fed.visit_from)

    def facility_named(self, text: str) -> str | None:
        """The facility that this is a name, or the NPI, of."""
        found = self._site.facility(text)
        return found.name if found else self._npis.get(text.strip())

    def has_unit(self, facility: str, code: str) -> bool:
        """Whether the facility has a unit of this code."""
        return self._site.unit(facility, code) is not None

    def is_payer(self, name: str) -> bool:
        """Whether the site has a payer of this name."""
        return self._site.payer(name) is not None

    def authority(self, system: str) -> str | None:
        """The first name of the authority that site config knows by this system, an OID with `urn:oid:` or without."""
        text = system.strip().casefold()
        return self._authorities.get(text) or self._authorities.get(text.removeprefix("urn:oid:"))


class FacilityMap:
    """`SiteMap` from the site config, made once for each site: what was looked up is kept."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.deletion_limit = timedelta(days=site.limits.deletion_days)
        self.unit = lru_cache(MOST)(site.unit)
        """The unit of a facility; None when the site does not have it."""
        self.place = lru_cache(MOST)(site.place)
        """What the unit of a facility is for a visit with these codes; None when it is not mapped."""
        self.zone = lru_cache(MOST)(self._zone)
        """The facility's zone; the first one's for a facility that the config doesn't have."""
        self.disposition = lru_cache(MOST)(self._disposition)
        """The disposition that PV1-36 means at the facility, with its code as the site's tables write it."""
        self.status_of = lru_cache(MOST)(site.status_of)
        """The patient status of a bill for a kind of disposition."""
        self.admission_type = lru_cache(MOST)(site.admission_type)
        """PV1-4 as a bill's type of admission; `unknown` for what is in no table."""
        self.admission_source = lru_cache(MOST)(site.admission_source)
        """PV1-14 as a bill's point of origin; `unknown` for what is in no table."""
        self.payer = lru_cache(MOST)(self._payer)
        """The payer that IN1-3, else IN1-2, names, and which of the payer's plans IN1-2 is."""
        self.feed = lru_cache(MOST)(site.feed)
        """The feed with this MSH-3 and MSH-4."""

    def transfers_by_place(self, application: str, facility: str) -> bool:
        """Whether a place told otherwise is a transfer, in the feed with this MSH-3 and MSH-4."""
        return self.feed(application, facility).place_differs == "transfer"

    def _zone(self, facility: str) -> tzinfo:
        return (self.site.facility(facility) or self.site.facilities[0]).zone_info

    def _disposition(self, facility: str, code: str | None) -> Disposition:
        row = self.site.disposition_row(facility, code)
        status = self.site.status_of(row.code, row.kind)
        return Disposition(code=row.code if code else None, kind=row.kind, patient_status=status)

    def _payer(self, one: Payer) -> Coverage:
        payer = self.site.payer(one.payer) or (self.site.payer(one.plan) if one.plan else None)
        plan = (self.site.plan(payer, one.plan) if payer else None) or UNKNOWN if one.plan else None
        return Coverage(order=one.order, payer=payer.id if payer else UNKNOWN, plan=plan)
