"""What people decide about an episode as a whole: its end, who is in charge, certifications, plans of treatment, the
patient's answers, assessments."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from services.placement.desk.commands import Ask, Code, Misfit
from services.placement.desk.frame import Rule, Subject, write
from services.placement.engine.act import Decided, Situation
from shared.errors import Rejected
from shared.events.assessments import Assessed
from shared.events.base import Day, LabelledHeading, Stay
from shared.events.levels import Level
from shared.events.placing import PatientAgreed, PatientDeclined
from shared.events.planning import Assigned, Certified, EpisodeEnded, MedicationRecorded, PlanRecorded
from shared.site.config import Site
from shared.site.values import Npi
from shared.web.commands import Command, Name

CARERS = ("coordinator", "clinician")
REVIEWERS = (*CARERS, "reviewer")
"""Who says what a payer looks at: certifications and plans."""
Instrument = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._+-]*$")]
"""An instrument's name, version or dimension, as its publisher writes it."""


class EndEpisode(Ask):
    """Nothing more is done."""

    reason: Code


class Assign(Ask):
    """Somebody is in charge from now on."""

    user_id: Name
    role: Literal["coordinator", "therapist"]


class OfStay(Command):
    """A stay by its name."""

    kind: Literal["visit", "placement"]
    id: Name


class Certify(Ask):
    """A physician certified that the level is needed."""

    stay: OfStay | None = Field(default=None, description="absent: it is about the whole episode")
    kind: Literal["initial", "recertification"]
    begins: Day = Field(alias="from")
    to: Day = Field(description="inclusive")
    npi: Npi
    signed_at: AwareDatetime | None = Field(default=None, description="absent: now; late is late, not refused")

    def misfit(self, site: Site) -> Misfit:  # noqa: ARG002 - days, no codes
        """The days are in order."""
        return ("to", "the last day lies before the first") if self.to < self.begins else None


class Plan(Ask):
    """A plan of treatment."""

    level: Level
    hours_week: float = Field(ge=0, le=168)
    days_week: int = Field(ge=0, le=7)
    goals: int = Field(ge=0, le=1000, description="how many")
    review_due: Day


class RecordMedication(Ask):
    """A medication that goes on, as it is handed over."""

    system: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:_/-]{0,39}$")] = "RXNORM"
    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,39}$")]
    status: Literal["active", "stopped"] = "active"
    prescriber_npi: Npi | None = None
    last_given: Day | None = None
    next_due: Day | None = None
    days_in_hand: int | None = Field(default=None, ge=0, le=366)

    def misfit(self, site: Site) -> Misfit:  # noqa: ARG002 - days, no codes of the site
        """The next dose is not before the last one."""
        wrong = self.last_given is not None and self.next_due is not None and self.next_due < self.last_given
        return ("next_due", "the next dose is before the last one") if wrong else None


class PatientSays(Ask):
    """What the patient said to a level or a program."""

    level: Level
    program: Name | None = None
    reason: Code | None = None

    def misfit(self, site: Site) -> Misfit:
        """The program is the site's, and of that level."""
        if self.program is None:
            return None
        found = site.program(self.program)
        if found is None:
            return "program", "the site has no such program"
        return None if found.level == self.level else ("level", "the program is of another level")


class Assess(Ask):
    """What an assessment found: codes and figures, no text."""

    instrument: Instrument
    version: Instrument
    phase: Code
    score: float | None = Field(default=None, allow_inf_nan=False)
    severity: Code | None = None
    dimensions: dict[Instrument, Annotated[float, Field(allow_inf_nan=False)]] | None = Field(
        default=None, max_length=20
    )
    flags: tuple[Code, ...] | None = Field(default=None, max_length=20)
    recommended_level: Level | None = None


def end(now: Situation, episode_id: str, asked: EndEpisode) -> Decided:
    """End the episode. Raises Rejected: `stay-open`, `closed`."""
    told = EpisodeEnded(**_heading(now), reason=asked.reason)
    now.tried(told)
    return Decided((told,), (episode_id,))


def certify(now: Situation, episode_id: str, asked: Certify) -> Decided:
    """State that a physician certified the level. Raises Rejected: `no-such-stay`, `in-the-future`."""
    stay = asked.stay
    if asked.signed_at is not None and asked.signed_at > now.now:
        raise Rejected("in-the-future", "that time has not come yet", possible=("later",))
    stays = [one for one in now.folded.stays if now.scope.has(one.facility)]
    if stay is not None and all((stay.kind, stay.id) not in {one.key, *one.aliases} for one in stays):
        known = tuple(one.id for one in stays)
        raise Rejected("no-such-stay", "the episode has no such stay", possible=known)
    told = Certified(
        **_heading(now),
        stay=Stay(kind=stay.kind, id=stay.id) if stay else None,
        kind=asked.kind,
        begins=asked.begins,
        to=asked.to,
        npi=asked.npi,
        signed_at=asked.signed_at,
    )
    return Decided((told,), (episode_id,))


def assign(now: Situation, episode_id: str, asked: Assign) -> Decided:
    """State who is in charge from now on."""
    return Decided((Assigned(**_heading(now), user_id=asked.user_id, role=asked.role),), (episode_id,))


def plan(now: Situation, episode_id: str, asked: Plan) -> Decided:
    """Record a plan of treatment."""
    told = PlanRecorded(
        **_heading(now),
        level=asked.level,
        hours_week=asked.hours_week,
        days_week=asked.days_week,
        goals=asked.goals,
        review_due=asked.review_due,
    )
    return Decided((told,), (episode_id,))


def medicate(now: Situation, episode_id: str, asked: RecordMedication) -> Decided:
    """Record a medication that is handed over."""
    told = MedicationRecorded(
        **_heading(now),
        system=asked.system,
        code=asked.code,
        status=asked.status,
        prescriber_npi=asked.prescriber_npi,
        last_given=asked.last_given,
        next_due=asked.next_due,
        days_in_hand=asked.days_in_hand,
    )
    return Decided((told,), (episode_id,))


def agree(now: Situation, episode_id: str, asked: PatientSays) -> Decided:
    """The patient agrees to a level or a program."""
    told = PatientAgreed(**_heading(now), level=asked.level, program=asked.program, reason=asked.reason)
    return Decided((told,), (episode_id,))


def decline(now: Situation, episode_id: str, asked: PatientSays) -> Decided:
    """The patient does not want a level or a program."""
    told = PatientDeclined(**_heading(now), level=asked.level, program=asked.program, reason=asked.reason)
    return Decided((told,), (episode_id,))


def assess(now: Situation, episode_id: str, asked: Assess) -> Decided:
    """Record an assessment; from now on the level that it recommends, if any, is used for recommendations."""
    told = Assessed(
        **_heading(now),
        instrument=asked.instrument,
        version=asked.version,
        phase=asked.phase,
        score=asked.score,
        severity=asked.severity,
        dimensions=asked.dimensions,
        flags=asked.flags,
        recommended_level=asked.recommended_level,
    )
    return Decided((told,), (episode_id,))


def _heading(now: Situation) -> LabelledHeading:
    return now.about().heading(now.now)


_PATH = "/api/episodes/{id}"
SUBJECT = Subject(
    None,
    (
        write(
            f"{_PATH}/ended", EndEpisode, Rule(end), action="episode-ended", operation="endEpisode",
            summary="Nothing more is done; not while a stay is open",
        ),
        write(
            f"{_PATH}/assigned", Assign, Rule(assign), action="episode-assigned", operation="assignPerson",
            summary="Somebody is in charge of the patient from now on",
        ),
        write(
            f"{_PATH}/certified", Certify, Rule(certify), action="certified", operation="certifyEpisode",
            roles=REVIEWERS, summary="A physician certified that the level is needed",
        ),
        write(
            f"{_PATH}/plan", Plan, Rule(plan), action="plan-recorded", operation="recordPlan", roles=REVIEWERS,
            summary="A plan of treatment, as far as anybody but the clinician needs it",
        ),
        write(
            f"{_PATH}/medication", RecordMedication, Rule(medicate), action="medication-recorded",
            operation="recordMedication", roles=CARERS,
            summary="A medication that goes on: who prescribes it, the last dose, the next, days in hand",
        ),
        write(
            f"{_PATH}/agreed", PatientSays, Rule(agree), action="patient-agreed",
            operation="recordAgreement", roles=CARERS, summary="The patient agrees to a level or a program",
        ),
        write(
            f"{_PATH}/declined", PatientSays, Rule(decline), action="patient-declined",
            operation="recordDecline", roles=CARERS, summary="The patient does not want a level or a program",
        ),
        write(
            f"{_PATH}/assessed", Assess, Rule(assess), action="assessed",
            operation="recordAssessment", roles=("clinician",),
            summary="What an assessment found: codes and figures, no text",
        ),
    ),
)  # fmt: skip
