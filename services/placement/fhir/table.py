"""The one table of the types that placement tells by FHIR: who may read them, how they are searched, what is included.
Routes, CapabilityStatement, OpenAPI and docs are made from it."""

from __future__ import annotations

from typing import Any, Final

from starlette.routing import Route

from services.placement.fhir import covered, desk, stays
from services.placement.fhir.episodes import EpisodeReader
from services.placement.fhir.site import SiteReader
from services.placement.rules import Rules
from shared.clock import Clock
from shared.fhir.parameters import dated, number, refers, token
from shared.fhir.searching import SearchParameter
from shared.storage.database import Database
from shared.web import fhir_documented
from shared.web.fhir_reads import Reads, ReadType

READERS: Final = ("coordinator", "clinician", "billing", "reviewer", "auditor")
"""Who may read; a program's staff reads its own lists instead."""


def types(rules: Rules) -> tuple[ReadType, ...]:
    """The table, with the readers that these rules need."""
    site, told = (
        SiteReader(rules.site),
        EpisodeReader(
            {
                "EpisodeOfCare": stays.episode,
                "Encounter": stays.encounters,
                "Condition": covered.conditions,
                "Coverage": covered.coverages,
                "ServiceRequest": desk.service_requests,
                "Task": desk.tasks,
                "Appointment": desk.appointments,
            },
            rules,
        ),
    )
    return tuple(
        ReadType(
            kind,
            READERS,
            site if kind in OF_THE_SITE else told,
            parameters,
            include,
            revinclude,
            stamped=kind not in OF_THE_SITE,
        )
        for kind, parameters, include, revinclude in ROWS
    )


def routes(database: Database, rules: Rules, clock: Clock) -> list[Route]:
    """The routes below /fhir."""
    return [*Reads(types(rules), database, clock).routes()]


def paths() -> dict[str, Any]:
    """The paths in the OpenAPI document."""
    found = fhir_documented.metadata()
    for kind, parameters, _, _ in ROWS:
        found |= fhir_documented.paths(kind, READERS, parameters, stamped=kind not in OF_THE_SITE)
    return found


OF_THE_SITE: Final = frozenset({"Organization", "Location", "HealthcareService", "Practitioner"})
"""Types that say nothing of a patient."""

# ── what is searched ──────────────────────────────────────────────────────────────────────────────────────────────────


_STATUS = token("status", lambda one: one.status, "its status")
_SUBJECT = tuple(refers(name, lambda one: one.subject, "whose it is", "Patient") for name in ("patient", "subject"))

ROWS: Final[tuple[tuple[str, tuple[SearchParameter, ...], tuple[str, ...], tuple[str, ...]], ...]] = (
    (
        "EpisodeOfCare",
        (
            refers("patient", lambda one: one.patient, "whose it is", "Patient"),
            _STATUS,
            dated("date", lambda one: one.period, "from its beginning to its end"),
            token("type", lambda one: one.type, "the present level of care"),
            refers("organization", lambda one: one.managing_organization, "the facility", "Organization"),
            refers("incoming-referral", lambda one: one.referral_request, "the referral", "ServiceRequest"),
        ),
        ("organization", "incoming-referral"),
        ("Encounter:episode-of-care",),
    ),
    (
        "Encounter",
        (
            *_SUBJECT,
            number("identifier", "the visit number, with patient"),
            _STATUS,
            dated("date", lambda one: one.period, "from its beginning to its end"),
            token("class", lambda one: one.encounter_class, "v3-ActCode"),
            token("type", lambda one: one.type, "the level of care"),
            refers("episode-of-care", lambda one: one.episode_of_care, "the episode", "EpisodeOfCare"),
            refers("location", lambda one: [each.location for each in one.location], "a unit", "Location"),
            refers("service-provider", lambda one: one.service_provider, "the facility", "Organization"),
            refers("participant", lambda one: [p.individual for p in one.participant], "who attends", "Practitioner"),
            refers("diagnosis", lambda one: [d.condition for d in one.diagnosis], "a diagnosis", "Condition"),
            token(
                "discharge-disposition",
                lambda one: one.hospitalization.discharge_disposition if one.hospitalization else None,
                "how it ended",
            ),
        ),
        ("episode-of-care", "location", "service-provider", "participant", "diagnosis"),
        ("Condition:encounter",),
    ),
    (
        "Condition",
        (
            *_SUBJECT,
            token("code", lambda one: one.code, "the diagnosis"),
            token("category", lambda one: one.category, "encounter-diagnosis"),
            refers("encounter", lambda one: one.encounter, "the stay", "Encounter"),
        ),
        ("encounter",),
        (),
    ),
    (
        "Coverage",
        (
            refers("patient", lambda one: one.beneficiary, "whose it is", "Patient"),
            refers("beneficiary", lambda one: one.beneficiary, "whose it is", "Patient"),
            refers("payor", lambda one: one.payor, "who pays", "Organization"),
            _STATUS,
        ),
        ("payor",),
        (),
    ),
    (
        "ServiceRequest",
        (
            *_SUBJECT,
            token("identifier", lambda one: one.identifier, "the search's id"),
            _STATUS,
            token("category", lambda one: one.category, "search or referral"),
            token("code", lambda one: one.code, "the level of care that is looked for"),
            token("intent", lambda one: one.intent, "order"),
            dated("authored", lambda one: one.authored_on, "when it was asked"),
            refers("requester", lambda one: one.requester, "the facility that asks", "Organization"),
        ),
        ("requester",),
        ("Task:based-on", "Appointment:based-on"),
    ),
    (
        "Task",
        (
            refers("patient", lambda one: one.for_patient, "whose it is", "Patient"),
            refers("subject", lambda one: one.for_patient, "whose it is", "Patient"),
            token("identifier", lambda one: one.identifier, "the offer's id"),
            _STATUS,
            token("business-status", lambda one: one.business_status, "the state by our words"),
            token("code", lambda one: one.code, "offer"),
            token("intent", lambda one: one.intent, "order"),
            dated("authored-on", lambda one: one.authored_on, "when it was sent"),
            refers("based-on", lambda one: one.based_on, "the search", "ServiceRequest"),
            refers("requester", lambda one: one.requester, "the facility that asks", "Organization"),
            refers("owner", lambda one: one.owner, "the program that is asked", "HealthcareService"),
        ),
        ("based-on", "requester", "owner"),
        (),
    ),
    (
        "Appointment",
        (
            refers(
                "patient",
                lambda one: [
                    each.actor for each in one.participant if (each.actor.reference or "").startswith("Patient/")
                ],
                "whose it is",
                "Patient",
            ),
            refers("actor", lambda one: [each.actor for each in one.participant], "who takes part"),
            token("identifier", lambda one: one.identifier, "the placement's id"),
            _STATUS,
            dated("date", lambda one: one.start, "when it begins"),
            refers("based-on", lambda one: one.based_on, "the search", "ServiceRequest"),
        ),
        ("actor:HealthcareService", "based-on"),
        (),
    ),
    (
        "Organization",
        (
            token("identifier", lambda one: one.identifier, "the NPI"),
            SearchParameter("name", "string", lambda one: [one.name], "the name"),
            token("type", lambda one: one.type, "prov: a facility; pay: a payer"),
        ),
        (),
        (),
    ),
    (
        "Location",
        (
            token("identifier", lambda one: one.identifier, "the unit's code"),
            SearchParameter("name", "string", lambda one: [one.name], "the name"),
            refers("organization", lambda one: one.managing_organization, "the facility", "Organization"),
        ),
        ("organization",),
        (),
    ),
    (
        "HealthcareService",
        (
            token("identifier", lambda one: one.identifier, "the program's id, or its NPI"),
            SearchParameter("name", "string", lambda one: [one.name], "the name"),
            token("service-type", lambda one: one.type, "the level of care"),
            refers("organization", lambda one: one.provided_by, "the facility", "Organization"),
        ),
        ("organization",),
        (),
    ),
    ("Practitioner", (token("identifier", lambda one: one.identifier, "the NPI"),), (), ()),
)
"""Type, its parameters, what `_include` follows, what `_revinclude` brings."""
