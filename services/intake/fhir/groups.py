"""The diagnoses of a visit (Encounter.diagnosis, Condition) and its payers (Coverage), as DG1 and IN1 give them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from services.intake.fhir import codes
from services.intake.fhir.model import Clockwork, ToldResource
from services.intake.fhir.places import names_of
from services.intake.fhir.resources import Condition, Coverage, Encounter
from services.intake.hl7.fields import short
from services.intake.hl7.model import Diagnosis, Payer
from services.intake.hl7.timestamps import read_day
from shared.fhir.billed_codes import DIAGNOSIS_TYPE, OWN_TYPE
from shared.fhir.bundles import Found
from shared.fhir.elements import CodeableConcept, Reference
from shared.fhir.reading import read_or_none

_LAST = 10_000
_DAY = timedelta(days=1)
NOT_SO = ("refuted", "entered-in-error")
"""Condition.verificationStatus of what is no diagnosis."""


def diagnoses_of(encounter: Encounter, told: ToldResource) -> tuple[Diagnosis, ...] | None:
    """All diagnoses by rank: those that the Encounter lists, then Conditions of this Encounter that came with it; None
    where neither tells one."""
    listed = [(one, told.resources.resolve(one.condition, told.resource.raw)) for one in encounter.diagnosis or ()]
    found: list[tuple[int, Diagnosis]] = []
    for one, condition in listed:
        known = read_or_none(Condition, condition.raw) if condition else None
        status = _type(one.use)
        found += [(one.rank or _LAST, each) for each in coded([known] if known else [], status)]
    more = [one for one in told.resources.of("Condition") if all(one is not each for _, each in listed)]
    others = _of_this(encounter, more, told)
    found += [(_LAST, each) for each in coded(others, "W")]
    if not found and encounter.diagnosis is None and not others:
        return None
    found.sort(key=lambda each: each[0])
    return tuple(one._replace(rank=rank) for rank, (_, one) in enumerate(found, start=1))


def _type(use: CodeableConcept | None) -> str:
    """As what a diagnosis counts (DG1-6): a type of HL7's table 0052 or of ours, else by FHIR's role."""
    told = codes.of_systems(use, DIAGNOSIS_TYPE, OWN_TYPE)
    return told or next(
        (codes.DIAGNOSIS_USE.get(each.code or "", "W") for each in use.coding) if use else iter(()), "W"
    )


def _of_this(encounter: Encounter, conditions: Iterable[Found], told: ToldResource) -> list[Condition]:
    """Those Conditions that are of this Encounter, or of none."""
    found = []
    for one in conditions:
        known = read_or_none(Condition, one.raw)
        of = told.resources.resolve(known.encounter) if known else None
        if known is not None and (of is None or of is told.resource) and _same(known.subject, encounter.subject, told):
            found.append(known)
    return found


def coded(conditions: Iterable[Condition], status: str) -> list[Diagnosis]:
    """The coded ones of these diagnoses, each by its first code; free text is not taken."""
    found = []
    for one in conditions:
        if codes.has(one.verification_status, *NOT_SO) or one.code is None:
            continue
        coding = next((each for each in one.code.coding if each.code and each.system in codes.SYSTEMS), None)
        coding = coding or next((each for each in one.code.coding if each.code), None)
        if coding is not None and coding.code:
            system = codes.SYSTEMS.get(coding.system or "", coding.system or "unknown")
            found.append(Diagnosis(0, short(coding.code), short(system), status))
    return found


def coverage_of(
    encounter: Encounter, told: ToldResource, clock: Clockwork, ended: date | None
) -> tuple[Payer, ...] | None:
    """The payers of its patient that came with an Encounter, in the order in which they pay; None where none is named.
    `ended`: the day on which the visit ended: who begins to pay later pays for others, and who paid then for it all."""
    every = [known for one in told.resources.of("Coverage") if (known := read_or_none(Coverage, one.raw))]
    found = payers([one for one in every if _same(one.beneficiary, encounter.subject, told)], told, clock)
    if ended is not None:
        found = tuple(_within(one, ended) for one in found if one.since is None or one.since <= ended)
    return found or None


def _within(one: Payer, ended: date) -> Payer:
    """A payer of a visit that ended on this day."""
    return one._replace(until=None) if one.until is not None and one.until >= ended else one


def _same(one: Reference | None, other: Reference | None, told: ToldResource) -> bool:
    """Whether two references are to one patient, or one of them is to nobody who came with it."""
    first, second = told.resources.resolve(one), told.resources.resolve(other, told.resource.raw)
    return first is None or second is None or first is second


def payers(coverages: Sequence[Coverage], told: ToldResource, clock: Clockwork) -> tuple[Payer, ...]:
    """The payers of Coverages that are in force."""
    in_force = [one for one in coverages if one.status not in {"cancelled", "draft", "entered-in-error"}]
    found: list[tuple[int | None, Payer]] = []
    for one in sorted(in_force, key=lambda each: each.order or _LAST):
        names = [name for payor in one.payor for name in names_of(payor, told)]
        kinds = {kind: each.value for each in one.class_ for kind in ("plan", "group") if codes.has(each.type, kind)}
        plan = kinds.get("plan") or kinds.get("group")
        since, until = (one.period.start, one.period.end) if one.period else (None, None)
        if names:
            payer = next((name for name in names if clock.is_payer(name)), names[0])
            days = (read_day((text or "")[:10]) for text in (since, until))
            found.append((one.order, Payer(0, short(payer), short(plan) if plan else None, *days)))
    told_so = [one._replace(until=_until(one, order, found)) for order, one in found]
    return tuple(one._replace(order=number) for number, one in enumerate(told_so, start=1))


def _until(payer: Payer, order: int | None, every: Iterable[tuple[int | None, Payer]]) -> date | None:
    """The last day of a payer: the day before another of the same order begins to pay, where that is earlier."""
    since = payer.since or date.min
    later = [one.since - _DAY for same, one in every if order and same == order and one.since and one.since > since]
    return min([*later, *([payer.until] if payer.until else [])], default=None)
