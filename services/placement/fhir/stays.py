"""An episode and its stays → EpisodeOfCare, Encounter. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from services.placement.continuum.model import Folded, StayKey, StayState
from services.placement.continuum.standing import ExpectedArrival
from services.placement.continuum.states import STARTS, state_of
from services.placement.fhir.codes import (
    ACT,
    CLASS_OF_LEVEL,
    CLASS_OF_VISIT,
    DIAGNOSIS_ROLE,
    DISPOSITION,
    EPISODE_STATUS,
    STAY_STATUS,
    concept,
    instant,
    ours,
    part_id,
    to,
)
from services.placement.fhir.covered import condition_id, encounter_id, patient
from services.placement.fhir.episodes import SeenEpisode
from services.placement.fhir.site import NPI, facility_reference, program_reference, unit_reference
from shared.events.levels import WORDS
from shared.events.stays import StayFact
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.fhir.billed_codes import (
    ADMISSION_SOURCE,
    ADMISSION_TYPE,
    DIAGNOSIS_TYPE,
    DISPOSITION_SYSTEM,
    OF_STATUS,
    OWN_DISPOSITION,
    OWN_TYPE,
)
from shared.fhir.elements import CodeableConcept, Coding, Identifier, Period, Reference
from shared.fhir.resources import (
    DiagnosisOfStay,
    Encounter,
    EpisodeOfCare,
    Hospitalization,
    Participant,
    PlaceOfStay,
    StatusOfEpisode,
    StatusOfStay,
)
from shared.site.dispositions import UNKNOWN
from shared.site.values import luhn_holds

_NUMBERS = "http://terminology.hl7.org/CodeSystem/v2-0203"
_ROLE = "http://terminology.hl7.org/CodeSystem/diagnosis-role"
_PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"


def episode(seen: SeenEpisode) -> Iterator[EpisodeOfCare]:
    """The EpisodeOfCare: how it stands and stood, by the facts in sight."""
    folded, site = seen.part.folded, seen.rules.site
    status = EPISODE_STATUS[folded.state]
    history = _history(folded, status)
    begun = [*(one.begun for one in folded.stays), *([folded.referred_at] if folded.referred_at else [])]
    over = folded.ended_at or (folded.closings[-1].at if folded.closings and status == "finished" else None)
    yield EpisodeOfCare(
        id=seen.episode_id,
        status=status,
        status_history=history,
        type=(_level(folded.level),) if folded.level else (),
        patient=patient(seen),
        managing_organization=facility_reference(site, folded.facility),
        period=_period(min(begun, default=None), over if status == "finished" else None),
        referral_request=(to("ServiceRequest", referral_id(seen)),) if folded.referral else (),
    )


def referral_id(seen: SeenEpisode) -> str:
    """The id of the ServiceRequest of an episode's referral."""
    return part_id(seen.episode_id, "referral", seen.part.folded.referral.root if seen.part.folded.referral else "")


def _history(folded: Folded, now: str) -> tuple[StatusOfEpisode, ...]:
    """Each status with its time: by the referral, the levels, and when the episode was closed and opened again."""
    moves: list[tuple[datetime, str]] = [(folded.referred_at, "planned")] if folded.referred_at else []
    moves += [(one.at, "active" if one.level else "onhold") for one in folded.levels]
    moves += [(one.at, "finished") for one in folded.closings]
    moves.sort(key=lambda one: one[0])
    told = [one for n, one in enumerate(moves) if not n or moves[n - 1][1] != one[1]]
    if not told:
        return ()
    if told[-1][1] != now and folded.since and folded.since >= told[-1][0]:
        told.append((folded.since, now))
    ends = [*(second[0] for _, second in pairwise(told)), None]
    return tuple(
        StatusOfEpisode(status=status, period=Period(start=instant(at), end=instant(end) if end else None))
        for (at, status), end in zip(told, ends, strict=True)
        if end is None or end > at
    )


def _period(since: datetime | None, until: datetime | None) -> Period | None:
    if since is None and until is None:
        return None
    return Period(start=instant(since) if since else None, end=instant(until) if until else None)


def _level(level: str) -> CodeableConcept:
    return concept(ours("level", str(level), WORDS[level]))


# ── stays ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def encounters(seen: SeenEpisode) -> Iterator[Encounter]:
    """An Encounter of each stay: those that are or were, those that are expected, and those that were taken back."""
    folded = seen.part.folded
    known = {key for stay in folded.stays for key in (stay.key, *stay.aliases)}
    for stay in folded.stays:
        yield _stay(seen, stay)
    for arrival in folded.arrivals:
        if ("visit", arrival.stay) not in known:
            yield _expected(seen, arrival)
    yield from _taken_back(seen, {encounter_id(seen, stay) for stay in folded.stays}, known)


def _stay(seen: SeenEpisode, stay: StayState) -> Encounter:
    site, level = seen.rules.site, _last_level(stay)
    number = stay.visit_number if stay.kind == "visit" else None
    return Encounter(
        id=encounter_id(seen, stay),
        identifier=_numbers(number, stay.facility),
        status=STAY_STATUS[_standing(stay)],
        status_history=_leaves(stay),
        encounter_class=_class(level, stay.visit_class),
        type=(_level(level),) if level else (),
        service_type=_program(seen, stay.program),
        priority=_billed(ADMISSION_TYPE, stay.admission.type),
        subject=patient(seen),
        episode_of_care=(to("EpisodeOfCare", seen.episode_id),),
        participant=_attending(stay.attending_npi),
        period=_period(stay.begun, stay.ended.at if stay.ended else None),
        diagnosis=tuple(
            DiagnosisOfStay(
                condition=to("Condition", condition_id(seen, stay, one)), use=_use(one.status), rank=max(one.rank, 1)
            )
            for one in stay.diagnoses
        ),
        hospitalization=_hospitalization(stay),
        location=_places(seen, stay),
        service_provider=facility_reference(site, stay.facility),
    )


def _standing(stay: StayState) -> str:
    state = str(state_of(stay))
    return "open" if state == "visit" else state


def _last_level(stay: StayState) -> str | None:
    return (
        next((str(one.level) for one in reversed(stay.segments) if one.level), None)
        if not stay.visit_class
        else (str(stay.level) if stay.level else None)
    )


def _numbers(number: str | None, facility: str) -> tuple[Identifier, ...]:
    if not number:
        return ()
    kind = concept(Coding(system=_NUMBERS, code="VN"))
    return (Identifier(type=kind, value=number, assigner=Reference(display=facility)),)


def _class(level: str | None, visit_class: str | None) -> Coding:
    code = CLASS_OF_LEVEL[level] if level else next((c for v, c in CLASS_OF_VISIT.items() if v == visit_class), "AMB")
    return Coding(system=ACT, code=code)


def _program(seen: SeenEpisode, name: str | None) -> CodeableConcept | None:
    if not name:
        return None
    return concept(ours("program", name), text=program_reference(seen.rules.site, name).display)


def _attending(npi: str | None) -> tuple[Participant, ...]:
    if not npi or not luhn_holds(npi):
        return ()
    return (Participant(
        type=(concept(Coding(system=_PARTICIPATION, code="ATND")),),
        individual=Reference(reference=f"Practitioner/{npi}", identifier=Identifier(system=NPI, value=npi)),
    ),)  # fmt: skip


def _billed(system: str, code: str | None) -> CodeableConcept | None:
    """A code of a bill; None for one that the site's tables do not have."""
    return concept(Coding(system=system, code=code)) if code not in {None, UNKNOWN} else None


def _use(status: str) -> CodeableConcept:
    """As what a diagnosis counts: DG1-6, with FHIR's role where it has one."""
    role = (Coding(system=_ROLE, code=DIAGNOSIS_ROLE[status]),) if status in DIAGNOSIS_ROLE else ()
    return concept(
        Coding(system=DIAGNOSIS_TYPE, code=status) if status != UNKNOWN else Coding(system=OWN_TYPE, code=status), *role
    )


def _leaves(stay: StayState) -> tuple[StatusOfStay, ...]:
    """The statuses of a stay that had leaves, each with its time."""
    if not stay.away:
        return ()
    moves: list[tuple[datetime, str]] = [(stay.begun, "open")]
    for one in stay.away:
        moves += [(one.since, "on leave"), *([(one.until, "open")] if one.until else [])]
    ends = [*(at for at, _ in moves[1:]), stay.ended.at if stay.ended else None]
    return tuple(
        StatusOfStay(status=STAY_STATUS[name], period=Period(start=instant(at), end=instant(end) if end else None))
        for (at, name), end in zip(moves, ends, strict=True)
        if end is None or end > at
    )


def _hospitalization(stay: StayState) -> Hospitalization | None:
    source, how = _billed(ADMISSION_SOURCE, stay.admission.source), _disposition(stay)
    return Hospitalization(admit_source=source, discharge_disposition=how) if source or how else None


def _disposition(stay: StayState) -> CodeableConcept | None:
    told = stay.ended.disposition if stay.ended else None
    if told is None or (told.kind == UNKNOWN and told.code is None):
        return None
    finer = OF_STATUS.get(told.code or "")
    code = finer or next((fhir for kind, fhir in DISPOSITION.items() if kind == told.kind), "oth")
    own = (Coding(system=OWN_DISPOSITION, code=told.code),) if told.code not in {None, UNKNOWN} else ()
    return concept(Coding(system=DISPOSITION_SYSTEM, code=code), *own)


def _places(seen: SeenEpisode, stay: StayState) -> tuple[PlaceOfStay, ...]:
    """The units, each until the next one; the last one is active while the stay goes on."""
    found, ends = [], [*(one.since for one in stay.segments[1:]), stay.ended.at if stay.ended else None]
    for one, until in zip(stay.segments, ends, strict=True):
        if one.unit:
            found.append(
                PlaceOfStay(
                    location=unit_reference(seen.rules.site, stay.facility, one.unit),
                    status="completed" if until else "active",
                    period=_period(one.since, until),
                )
            )
    return tuple(found)


def _expected(seen: SeenEpisode, one: ExpectedArrival) -> Encounter:
    level = str(one.level) if one.level else None
    return Encounter(
        id=part_id(seen.episode_id, "stay", one.root),
        status=STAY_STATUS["expected"],
        encounter_class=_class(level, None) if level else Coding(system=ACT, code="PRENC"),
        type=(_level(level),) if level else (),
        subject=patient(seen),
        episode_of_care=(to("EpisodeOfCare", seen.episode_id),),
        period=_period(one.at, None),
        service_provider=facility_reference(seen.rules.site, one.facility),
    )


def _taken_back(seen: SeenEpisode, there: set[str], known: set[StayKey]) -> Iterator[Encounter]:
    """Stays whose beginning was cancelled, where no other message tells of the same stay."""
    facts = {fact.id: fact for fact in seen.part.facts}
    cancelled = {fact.value.cancels for fact in seen.part.facts if isinstance(fact.value, FactCancelled)}
    told = set[str]()
    for fact in seen.part.facts:
        value = fact.value
        if fact.id not in cancelled or value.TYPE not in STARTS or not isinstance(value, StayFact) or not value.stay:
            continue
        own_id = part_id(seen.episode_id, "stay", _root(fact, facts))
        if own_id in there | told or (value.stay.kind, value.stay.id) in known:
            continue
        told.add(own_id)
        level = getattr(value, "level", None)
        yield Encounter(
            id=own_id,
            status=STAY_STATUS["taken back"],
            encounter_class=_class(str(level) if level else None, getattr(value, "visit_class", None)),
            subject=patient(seen),
            episode_of_care=(to("EpisodeOfCare", seen.episode_id),),
            service_provider=facility_reference(seen.rules.site, value.facility),
        )


def _root(fact: Fact, facts: dict[str, Fact]) -> str:
    """The first fact of the chain of replacements."""
    seen = set[str]()
    while (before := fact.value.replaces) and before in facts and before not in seen:
        seen.add(before)
        fact = facts[before]
    return fact.id
