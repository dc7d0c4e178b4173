"""The recipients of site config as the gate needs them; looked up once, nothing decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from services.placement.gate.bases import Basis, Discloses, DisclosureRequest
from shared.events.base import Place, type_name
from shared.site.config import Site
from shared.site.recipients import Recipient
from shared.values import value_object

KEPT = 4096
"""Answers kept: far more than a site has facilities, and bounded."""


@value_object
class Outsider:
    """One recipient: which fields of which ce_type it gets, of which facilities (None: all), and its agreements."""

    id: str
    recipient_class: str
    purpose: str
    facilities: frozenset[str] | None
    receives: Mapping[str, frozenset[str]]
    agreements: tuple[Basis, ...]

    def asks(self, facility: str, labels: frozenset[str]) -> DisclosureRequest:
        """The request for disclosing a fact of this facility with these labels to this recipient."""
        return DisclosureRequest(self.id, self.recipient_class, self.purpose, facility, labels)

    def may_get(self, ce_type: str, facility: str) -> bool:
        """True when the site config gives this recipient facts of this type and facility."""
        return ce_type in self.receives and (self.facilities is None or facility in self.facilities)


@value_object
class GateRules:
    """The site config as the gate needs it. `version`: of the config, stored with each decision.

    `received`: every ce_type that some recipient gets. `labels_of`: the labels of the units and programs of places.
    """

    outsiders: Mapping[str, Outsider]
    received: frozenset[str]
    version: str
    notice: str
    zone_of: Callable[[str], ZoneInfo]
    has_facility: Callable[[str], bool]
    labels_of: Callable[[str, tuple[Place, ...]], frozenset[str]]
    discloses: Discloses

    def day(self, facility: str, at: datetime) -> date:
        """The day at a facility at an instant."""
        return at.astimezone(self.zone_of(facility)).date()


def gate_rules(site: Site) -> GateRules:
    """The gate's rules of a site config."""

    def discloses(discloser: str, facility: str) -> bool:
        named = site.facility(discloser)
        return named.name == facility if named else discloser == site.name

    outsiders = {each.id: outsider(each, site) for each in site.recipients}
    return GateRules(
        outsiders=outsiders,
        received=frozenset(kind for each in outsiders.values() for kind in each.receives),
        version=site.version,
        notice=site.redisclosure_notice,
        zone_of=lru_cache(KEPT)(site.zone),
        has_facility=lru_cache(KEPT)(lambda name: site.facility(name) is not None),
        labels_of=lru_cache(KEPT)(lambda facility, places: frozenset(site.labels(facility, places))),
        discloses=lru_cache(KEPT)(discloses),
    )


def outsider(recipient: Recipient, site: Site) -> Outsider:
    """A recipient of site config, with its facilities under their main names."""
    named = (site.facility(name) for name in recipient.facilities)
    return Outsider(
        id=recipient.id,
        recipient_class=recipient.recipient_class,
        purpose=recipient.purpose,
        facilities=frozenset(each.name for each in named if each) if recipient.facilities else None,
        receives={type_name(each.type): frozenset(each.fields) for each in recipient.receives},
        agreements=tuple(
            Basis(each.kind, each.id, frozenset(each.covers), each.begins, each.ends, recipient=recipient.id)
            for each in recipient.agreements
        ),
    )
