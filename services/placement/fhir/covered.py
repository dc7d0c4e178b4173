"""What a stay is treated for and who pays → Condition, Coverage. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from services.placement.continuum.model import StayDiagnosis, StayState
from services.placement.fhir.codes import OURS, SYSTEM_OF_CODES, concept, day, part_id, to
from services.placement.fhir.episodes import SeenEpisode
from services.placement.fhir.site import payer_reference
from shared.fhir.elements import Coding, Period, Reference
from shared.fhir.resources import Condition, CoverageClass, PatientCoverage

_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"
_CLASS = "http://terminology.hl7.org/CodeSystem/coverage-class"


def encounter_id(seen: SeenEpisode, stay: StayState) -> str:
    """The id of a stay: it stays the same when the stay's beginning is corrected."""
    return part_id(seen.episode_id, "stay", stay.segments[0].root)


def patient(seen: SeenEpisode) -> Reference:
    """The patient."""
    return to("Patient", seen.patient_id)


def condition_id(seen: SeenEpisode, stay: StayState, one: StayDiagnosis) -> str:
    return part_id(seen.episode_id, "diagnosis", stay.segments[0].root, one.system, one.code)


def conditions(seen: SeenEpisode) -> Iterator[Condition]:
    """A Condition of each diagnosis of a stay."""
    told = set[str]()
    for stay in seen.part.folded.stays:
        for one in stay.diagnoses:
            own_id = condition_id(seen, stay, one)
            if own_id in told:
                continue
            told.add(own_id)
            system = SYSTEM_OF_CODES.get(one.system, f"{OURS}code-system:{one.system}")
            verified = "confirmed" if one.status == "F" else "provisional"
            yield Condition(
                id=own_id,
                verification_status=concept(Coding(system=_VERIFICATION, code=verified)),
                category=(concept(Coding(system=_CATEGORY, code="encounter-diagnosis")),),
                code=concept(Coding(system=system, code=one.code)),
                subject=patient(seen),
                encounter=to("Encounter", encounter_id(seen, stay)),
            )


def coverages(seen: SeenEpisode) -> Iterator[PatientCoverage]:
    """A Coverage of each payer, from the day on which it begins to pay to the day before another is told."""
    every = seen.part.folded.coverage
    for number, one in enumerate(every):
        until = every[number + 1].day - timedelta(days=1) if number + 1 < len(every) else None
        for each in one.coverage:
            plan = CoverageClass(type=concept(Coding(system=_CLASS, code="plan")), value=each.plan or "")
            yield PatientCoverage(
                id=part_id(seen.episode_id, "coverage", one.root or one.fact, str(each.order)),
                status="active",
                beneficiary=patient(seen),
                period=Period(start=day(one.day), end=day(max(until, one.day)) if until else None),
                payor=(payer_reference(seen.rules.site, each.payer),),
                coverage_class=(plan,) if each.plan else None,
                order=each.order,
            )
