"""The site config as resources: Organization (facilities, payers), Location (units), HealthcareService (programs), and
Practitioner by NPI. Nothing of a patient is in them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from services.placement.fhir.codes import concept, ours, site_id, to
from shared.events.levels import WORDS
from shared.fhir.elements import CodeableConcept, Coding, Identifier, Reference
from shared.fhir.resources import HealthcareService, Location, Organization, Practitioner, Resource
from shared.fhir.searching import SearchQuestion
from shared.site.config import Site
from shared.site.payers import Payer
from shared.site.units import Facility, Unit
from shared.site.values import Program, luhn_holds
from shared.web.fhir_reads import START, Batch, Place, ReadingLook, ShownResource

NPI = "http://hl7.org/fhir/sid/us-npi"
_ORGANIZATION = "http://terminology.hl7.org/CodeSystem/organization-type"


def facility_reference(site: Site, name: str | None) -> Reference | None:
    """A facility: by reference where the site has it, else in words."""
    if not name:
        return None
    found = site.facility(name)
    return to("Organization", site_id(found.name), found.title) if found else Reference(display=name)


def unit_reference(site: Site, facility: str, code: str) -> Reference:
    """A unit: by reference where the site has it, else in words."""
    unit, there = site.unit(facility, code), site.facility(facility)
    if unit is None or there is None:
        return Reference(display=code)
    return to("Location", site_id(there.name, unit.code), unit.code)


def program_reference(site: Site, name: str) -> Reference:
    """A program: by reference where the site has it, else in words."""
    found = site.program(name)
    return to("HealthcareService", site_id(found.id), found.title) if found else Reference(display=name)


def payer_reference(site: Site, name: str) -> Reference:
    """A payer: by reference where the site has it, else in words."""
    found = site.payer(name)
    return to("Organization", site_id("payer", found.id), found.title) if found else Reference(display=name)


class SiteReader:
    """The reader of what the site config says, which is the same for everybody who may read it."""

    def __init__(self, site: Site) -> None:
        self.site = site

    async def one(self, _: ReadingLook, kind: str, own_id: str) -> ShownResource | None:
        """One by its id."""
        if kind == "Practitioner":
            return _found(_practitioner(own_id)) if luhn_holds(own_id) else None
        resource = self._every[kind].get(own_id)
        return _found(resource) if resource else None

    async def batch(self, _: ReadingLook, kind: str, asked: SearchQuestion, after: Place) -> Batch:
        """All of a type after a place. Practitioners are found by their NPI alone: the site has no list of them."""
        if kind == "Practitioner":
            told = {each for one in asked.filters for each in one.values}
            every = {npi: _practitioner(npi) for one in told if luhn_holds(npi := one.rpartition("|")[2])}
            return Batch([_found(every[npi]) for npi in sorted(every) if after == START or npi > after[2]], None)
        own = self._every[kind]
        return Batch([_found(own[name]) for name in sorted(own) if name > after[2]], None)

    @cached_property
    def _every(self) -> dict[str, dict[str, Resource]]:
        organizations = [*map(_facility, self.site.facilities), *map(_payer, self.site.payers)]
        locations = [_unit(each, unit) for each in self.site.facilities for unit in each.units]
        programs = [_program(self.site, each) for each in self.site.programs]
        found: dict[str, list[Resource]] = {
            "Organization": [*organizations],
            "Location": [*locations],
            "HealthcareService": [*programs],
        }
        return {kind: {one.id: one for one in every} for kind, every in found.items()}


def _found(one: Resource) -> ShownResource:
    return ShownResource(("", "", one.id), one)


def _facility(one: Facility) -> Organization:
    return Organization(
        id=site_id(one.name),
        identifier=(Identifier(system=NPI, value=one.npi),),
        active=True,
        type=(concept(Coding(system=_ORGANIZATION, code="prov")),),
        name=one.title,
    )


def _payer(one: Payer) -> Organization:
    return Organization(
        id=site_id("payer", one.id), active=True, type=(concept(Coding(system=_ORGANIZATION, code="pay")),),
        name=one.title,
    )  # fmt: skip


def _unit(facility: Facility, one: Unit) -> Location:
    what = one.level or one.visit_class
    return Location(
        id=site_id(facility.name, one.code),
        identifier=(Identifier(value=one.code),),
        status="active",
        name=one.code,
        mode="instance",
        type=(_level(one.level),) if one.level else (concept(ours("visit-class", str(what))),) if what else (),
        managing_organization=to("Organization", site_id(facility.name), facility.title),
    )


def _program(site: Site, one: Program) -> HealthcareService:
    npi = one.npi
    return HealthcareService(
        id=site_id(one.id),
        identifier=tuple(_program_ids(one.id, npi)),
        active=True,
        provided_by=facility_reference(site, one.facility),
        type=(_level(one.level),),
        name=one.title,
        communication=tuple(concept(Coding(system="urn:ietf:bcp:47", code=each)) for each in one.languages),
    )


def _program_ids(name: str, npi: str | None) -> Iterator[Identifier]:
    yield Identifier(system="urn:stepdown:program", value=name)
    if npi:
        yield Identifier(system=NPI, value=npi)


def _level(level: str) -> CodeableConcept:
    return concept(ours("level", str(level), WORDS[level]))


def _practitioner(npi: str) -> Practitioner:
    """A clinician of whom nothing is known but the number, which is nobody's secret."""
    return Practitioner(id=npi, identifier=(Identifier(system=NPI, value=npi),))
