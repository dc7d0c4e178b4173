"""What a lost message must have said, by the facts that came of it. Pure.

An adopted fact stands as said by a message that is not here (contract 5.8). So a statement is made for each such
message, under the id that its facts name as their cause, with what they tell: a statement like any other, which later
messages of the hospital amend and take back as they would have done with the message itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from operator import attrgetter
from typing import Any

from services.intake.hl7.model import NOWHERE, REMOVED, Adt, Diagnosis, Location, Moment, PatientId, Payer, VisitMessage
from services.intake.hl7.triggers import PERSON_UPDATED, TELLING, TO_INPATIENT, TO_OUTPATIENT, UPDATED, cancelling
from services.intake.recovery.rebuilt import recorded_at
from services.intake.visits.derive import FactKey
from services.intake.visits.unnamed import BY_TIME
from shared.events.base import CareFact, PatientNumber
from shared.events.planning import DischargePlanCancelled, DischargePlanned
from shared.events.stays import (
    Admitted,
    Arrival,
    ArrivalCancelled,
    ArrivalExpected,
    CoverageChanged,
    DiagnosisRecorded,
    Discharged,
    LeaveEnded,
    LeaveStarted,
    PatientDied,
    Transferred,
    VisitEnded,
    VisitStarted,
)
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.site.config import Site
from shared.site.dispositions import UNKNOWN

_START, _END = (Admitted, VisitStarted), (Discharged, VisitEnded)
_TOLD = (
    Admitted, VisitStarted, Transferred, LeaveStarted, LeaveEnded, Discharged, VisitEnded, ArrivalExpected,
    ArrivalCancelled,
)  # fmt: skip
"""Facts that a message of their own tells; of several in one message the first here shows what it was."""
_CANCELLED = (Admitted, VisitStarted, Discharged, VisitEnded, Transferred, LeaveStarted, LeaveEnded)
"""The same, of facts that are cancelled."""
_SEVERAL = (Transferred, LeaveStarted, LeaveEnded)


def key_of(value: CareFact) -> FactKey:
    """What a fact is among those of its visit, as `visits.facts` has it."""
    stay = value.stay.id if value.stay else ""
    match value:
        case FactCancelled():
            return value.TYPE, value.cancels
        case DiagnosisRecorded():
            return value.TYPE, stay, str(value.rank)
        case CoverageChanged():
            return value.TYPE, stay, value.effective_from.isoformat()
        case _ if isinstance(value, _SEVERAL):
            return value.TYPE, stay, value.occurred_at.astimezone(UTC).isoformat()
    return value.TYPE, stay


def visit_key(stay: str) -> str:
    """The key of the visit that a stay is of: `V1#2` is the second stay of `V1`."""
    before, mark, number = stay.rpartition("#")
    return before if mark and number.isdigit() else stay


def message_of(fact: Fact[Any]) -> str:
    """The id of the message that said a fact; one that names none is its own."""
    return fact.causation_id or fact.id


@dataclass(slots=True)
class VisitHistory:
    """One visit's facts up to now, from which the statements of lost messages are made; give it all facts in order.

    `here`: ids of messages that are stored, or made already.
    """

    facility: str
    key: str
    site: Site
    here: set[str]
    starts: dict[str, CareFact] = field(default_factory=dict)
    """Stay → the fact that began it, as it stands."""
    told: dict[str, CareFact] = field(default_factory=dict)
    """ce_id → what it says, of the facts that stand."""
    diagnoses: dict[str, dict[str, DiagnosisRecorded]] = field(default_factory=lambda: defaultdict(dict))
    patient: PatientNumber | None = None

    def learn(self, ce_id: str, value: CareFact) -> None:
        """Take a fact into account."""
        stay = value.stay.id if value.stay else ""
        if isinstance(value, FactCancelled):
            self.told.pop(value.cancels, None)
            self.diagnoses[stay].pop(value.cancels, None)
            return
        if value.replaces:
            self.told.pop(value.replaces, None)
            self.diagnoses[stay].pop(value.replaces, None)
        self.told[ce_id] = value
        if isinstance(value, DiagnosisRecorded):
            self.diagnoses[stay][ce_id] = value
        elif isinstance(value, _START):
            self.starts[stay] = value
            self.patient = value.patient or self.patient

    def messages(self, facts: Sequence[Fact[Any]]) -> Iterator[VisitMessage]:
        """A statement for each message that is not here and said any of these facts."""
        groups: dict[str, list[Fact[Any]]] = {}
        for fact in facts:
            groups.setdefault(message_of(fact), []).append(fact)
        for message_id, said in groups.items():
            before = dict(self.told)
            begun = dict(self.starts)
            for fact in said:
                self.learn(fact.id, fact.value)
            if message_id not in self.here:
                self.here.add(message_id)
                adt = self._adt([fact.value for fact in said], before, begun)
                yield VisitMessage(adt, message_id, recorded_at(message_id))

    def _adt(self, values: Sequence[CareFact], before: Mapping[str, CareFact], begun: Mapping[str, CareFact]) -> Adt:
        trigger, by = _trigger(values, before, begun)
        told_at = [value.occurred_at for value in values if not isinstance(value, FactCancelled)]
        at = max(told_at, default=by.occurred_at) if trigger == UPDATED else by.occurred_at
        start = self.starts.get(by.stay.id if by.stay else "")
        when, event = Moment(by.occurred_at, by.occurred_at), Moment(at, at)
        told: dict[str, Any] = {}
        for value in values:
            fields = self._fields(value)
            if "coverage" in fields and "coverage" in told:
                fields["coverage"] = _one_after_the_other(told["coverage"], fields["coverage"])
            told |= fields
        named = _named(trigger, values)
        if trigger == UPDATED and start is not None:
            told["admitted"] = Moment(start.occurred_at, start.occurred_at)
        return Adt(
            trigger=trigger,
            control_id="adopted",
            sending_app="",
            sending_facility="",
            processing_id="P",
            facility=self.facility,
            stated_at=next((each.stated_at for each in values if each.stated_at), by.recorded_at),
            occurred=when,
            occurred_from="EVN-6" if named else "adopted",
            event=named or event,
            patient_ids=self._ids(),
            visit_number=None if self.key.startswith(BY_TIME) else self.key,
            warnings=("adopted",),
            **told,
        )

    def _ids(self) -> tuple[PatientId, ...]:
        return (patient_id(self.patient),) if self.patient else ()

    def _fields(self, value: CareFact) -> dict[str, Any]:
        """The fields of the message that tell this fact."""
        found: dict[str, Any] = {}
        match value:
            case Admitted():
                found = self._admission(value)
            case VisitStarted():
                found = {"location": _in(value.unit), "admitted": Moment(value.occurred_at, value.occurred_at)}
            case Transferred():
                found = {"location": _in(value.to.unit)}
            case LeaveStarted() | LeaveEnded():
                back = value.expected_return
                found = {"event_reason": value.kind, "expected_return": Moment(back, back) if back else None}
            case Discharged() | VisitEnded():
                found = _end(value)
            case DiagnosisRecorded() | FactCancelled(cancelled_type="care.diagnosis-recorded.v1"):
                ranked = sorted(self.diagnoses[value.stay.id if value.stay else ""].values(), key=attrgetter("rank"))
                found = {"diagnoses": tuple(map(_diagnosis, ranked)) or REMOVED}
            case CoverageChanged():
                payers = [Payer(c.order, c.payer, c.plan, value.effective_from) for c in value.coverage]
                found = {"coverage": tuple(payers or [_nobody_from(value.effective_from)])}
            case DischargePlanned() | DischargePlanCancelled() | Arrival():
                found = _plan(value)
        return {name: each for name, each in found.items() if each is not None}

    def _admission(self, value: Admitted) -> dict[str, Any]:
        return {
            "location": _in(value.unit),
            "admission_type": _sent(self.site.admission_types, value.admission.type),
            "admission_source": _sent(self.site.admission_sources, value.admission.source),
            "attending_npi": value.attending_npi,
            "age_years": value.age_years,
            "admitted": Moment(value.occurred_at, value.occurred_at),
        }


def _plan(value: DischargePlanned | DischargePlanCancelled | Arrival) -> dict[str, Any]:
    """PV2-8 and PV1-3 of an arrival, PV2-9 and PV1-36 of a stay's planned end."""
    if isinstance(value, Arrival):
        return {"location": _in(value.unit), "expected_admission": Moment(value.at, value.at)}
    if isinstance(value, DischargePlanCancelled):
        return {"expected_discharge": REMOVED}
    at, disposition = value.expected_at, value.disposition
    return {
        "expected_discharge": Moment(at, at) if at else None,
        "disposition": disposition.code if disposition else None,
    }


def _end(value: Discharged | VisitEnded) -> dict[str, Any]:
    """PV1-36 and PV1-45; a death that PV1-36 does not tell was told by PID."""
    found = value.disposition
    return {
        "disposition": found.code if found else None,
        "discharged": Moment(value.occurred_at, value.occurred_at),
        "deceased": True if found and found.kind == "deceased" and found.code in {None, "unknown"} else None,
    }


def _sent(table: Mapping[str, Sequence[str]], code: str | None) -> str | None:
    """What a hospital sends for a bill's code, by the site's table."""
    sent = table.get(code) if code else None
    return sent[0] if sent else code


def _trigger(
    values: Sequence[CareFact], before: Mapping[str, CareFact], begun: Mapping[str, CareFact]
) -> tuple[str, CareFact]:
    """The trigger of a message that said these facts, and the fact that shows it."""
    gone = {value.cancelled_type: value for value in values if isinstance(value, FactCancelled)}
    for kind in _CANCELLED:
        if (cancel := gone.get(f"care.{kind.TYPE}.v1")) is not None:
            shown = next((each for each in values if isinstance(each, Transferred)), cancel)
            return cancelling(TELLING[kind.TYPE]), shown
    for told in _TOLD:
        for value in values:
            if isinstance(value, told) and not _amends(value, before):
                return _as_moved(TELLING[told.TYPE], value, begun), value
    own = [value for value in values if not isinstance(value, FactCancelled)]
    if len(own) == 1 and _is_plan(own[0]):
        return TELLING[own[0].TYPE], own[0]
    timed = [value for value in own if isinstance(value, DiagnosisRecorded | DischargePlanned | DischargePlanCancelled)]
    return UPDATED, [*timed, *own, *values][0]


def _is_plan(value: CareFact) -> bool:
    """Whether A16 or A25 may have said a fact: PV2-9 alone, in any message, gives a day and no disposition."""
    if isinstance(value, DischargePlanned):
        return value.disposition is not None or value.expected_at is None
    return isinstance(value, DischargePlanCancelled)


def _amends(value: CareFact, before: Mapping[str, CareFact]) -> bool:
    """Whether a fact corrects one that stood, without another time or place: then an update said it."""
    was = before.get(value.replaces or "")
    if was is None:
        return False
    if isinstance(value, _END):
        return True
    return value.occurred_at == was.occurred_at and getattr(value, "unit", None) == getattr(was, "unit", None)


def _as_moved(trigger: str, value: CareFact, begun: Mapping[str, CareFact]) -> str:
    """A02 that ends the level is A07; an admission during a visit without level is A06."""
    if isinstance(value, Transferred):
        return TO_OUTPATIENT if value.origin.level and not value.to.level else trigger
    stay = value.stay.id if value.stay else ""
    return TO_INPATIENT if isinstance(value, Admitted) and isinstance(begun.get(stay), VisitStarted) else trigger


def patient_id(number: PatientNumber) -> PatientId:
    """A record number as PID-3 has it."""
    return PatientId(number.mrn, number.assigning_authority, "MR")


def _in(unit: str | None) -> Location:
    return Location(unit, None, None, None) if unit else NOWHERE


def _named(trigger: str, values: Iterable[CareFact]) -> Moment | None:
    """When what a cancel takes back happened, which its EVN-6 names; None for what is no cancel."""
    of = {f"care.{kind.TYPE}.v1" for kind in _CANCELLED if cancelling(TELLING[kind.TYPE]) == trigger}
    gone = (each.occurred_at for each in values if isinstance(each, FactCancelled) and each.cancelled_type in of)
    at = next(gone, None)
    return Moment(at, at) if at else None


def _one_after_the_other(payers: Sequence[Payer], then: Sequence[Payer]) -> tuple[Payer, ...]:
    """Payers, and those that hold after them from a day on, as one message tells both."""
    day = then[0].since
    until = day - timedelta(days=1) if day else None
    return (*(one._replace(until=one.until or until) for one in payers), *then)


def _nobody_from(day: date) -> Payer:
    """What tells that from this day on nobody pays: a plan that has ended the day before."""
    return Payer(1, UNKNOWN, None, day, day - timedelta(days=1))


def _diagnosis(one: DiagnosisRecorded) -> Diagnosis:
    return Diagnosis(one.rank, one.code, one.system, None if one.status == "unknown" else one.status)


def fallen(facts: Iterable[Fact[Any]]) -> set[str]:
    """ce_ids of what these facts cancel or replace."""
    cancelled = {fact.value.cancels for fact in facts if isinstance(fact.value, FactCancelled)}
    return cancelled | {fact.value.replaces for fact in facts if fact.value.replaces}


def death_message(fact: Fact[Any]) -> VisitMessage:
    """A statement of a death that PID told, or that takes one back, and of nothing else."""
    value = fact.value
    at = Moment(value.occurred_at, value.occurred_at)
    dies = isinstance(value, PatientDied)
    adt = Adt(
        trigger=PERSON_UPDATED,
        control_id="adopted",
        sending_app="",
        sending_facility="",
        processing_id="P",
        facility=value.facility,
        stated_at=value.stated_at or value.recorded_at,
        occurred=at,
        occurred_from="adopted",
        event=at,
        deceased=dies,
        death="Y" if dies and not value.contradicted else "N",
        died=Moment(value.died_at, value.died_at) if dies and value.died_at else None,
    )
    return VisitMessage(adt, message_of(fact), value.recorded_at)


def about_death(value: CareFact) -> bool:
    """Whether a fact tells a death, or takes one back."""
    return isinstance(value, PatientDied) or (
        isinstance(value, FactCancelled) and value.cancelled_type == "care.patient-died.v1"
    )
