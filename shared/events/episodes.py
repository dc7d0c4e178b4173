"""The value of care.episodes: the latest state of one episode, whole in itself (contract 3.6)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import AwareDatetime, Field, model_validator

from shared.events.base import Code, Day, Disposition, Identifier, Published
from shared.events.levels import Level


class EndedBy(Published):
    """The fact that ended a stay."""

    ce_id: Identifier = Field(description="ce_id of the ending fact")
    how: Literal["visit-ended", "discharged", "completed", "discontinued"] = Field(description="its name")
    disposition: Disposition | None = Field(default=None, description="of a discharge or a visit's end")
    reason: str | None = Field(default=None, description="of a completion or discontinuation")


class DiagnosisNow(Published):
    """The principal diagnosis of a stay."""

    system: Code = Field(description="code system")
    code: Code = Field(description="code")


class AttendedDay(Published):
    """A day on which the patient was there."""

    date: Day = Field(description="facility's zone")
    mode: Literal["in-person", "telehealth", "phone"] = Field(description="how; in person where no service says it")
    provider_kind: Code | None = Field(default=None, description="kind of provider seen, where it was told")

    @model_validator(mode="before")
    @classmethod
    def _day_alone(cls, told: Any) -> Any:
        """Before the lists were opened a day stood by itself; such documents are read as in person."""
        return {"date": told, "mode": "in-person"} if isinstance(told, str) else told


class StayNow(Published):
    """One stay of the episode, open or ended."""

    id: Identifier = Field(description="the stay's id")
    kind: Literal["visit", "placement"] = Field(description="visit: by ADT; placement: by a program")
    level: Level | None = Field(default=None, description="absent for a visit without a level")
    visit_class: str | None = Field(default=None, alias="class", description="class of a visit without a level")
    facility: Identifier = Field(description="facility")
    program: Identifier | None = Field(default=None, description="program, where known")
    begun: AwareDatetime = Field(alias="from", description="clinical time of the beginning")
    to: AwareDatetime | None = Field(default=None, description="clinical time of the end")
    suspended: bool = Field(description="a more intensive 24-hour stay is open over it")
    attended: tuple[AttendedDay, ...] | None = Field(
        default=None,
        description="days attended after a discharge from a more intensive level, or once suspended",
    )
    setting: Code | None = Field(default=None, description="a special setting within the level")
    labels: tuple[str, ...] | None = Field(default=None, description="what this stay is about: PSY, SUD, PART2")
    age_years: int | None = Field(default=None, ge=0, le=150, description="age when it began, whole years")
    diagnosis: DiagnosisNow | None = Field(default=None, description="the principal one")
    payer: Identifier | None = Field(default=None, description="first payer when it began, of site config")
    begun_by: Identifier = Field(description="ce_id of the fact that began it")
    ended_by: EndedBy | None = Field(default=None, description="the fact that ended it")


class DeathNow(Published):
    """A death that stands, as one facility told it."""

    ce_id: Identifier = Field(description="ce_id of the fact that tells it")
    facility: Identifier = Field(description="who told it")
    at: AwareDatetime = Field(description="when, as far as it was told")


class EpisodeState(Published):
    """What is so of one episode, by the facts seen; an older `version` than one you have is to be dropped."""

    TYPE: ClassVar[str] = "episode"
    episode_id: Identifier = Field(description="the episode")
    patient_id: Identifier = Field(description="the patient")
    state: Literal["void", "referred", "active", "on-leave", "between", "aftercare", "closed"] = Field(
        description="void: nothing stands; between: ended, and the next not begun"
    )
    level: Level | None = Field(default=None, description="of the most intensive open stay")
    labels: tuple[str, ...] = Field(
        default=(), description="what the episode's facts are about, for the consent gate: PSY, SUD, PART2"
    )
    stays: tuple[StayNow, ...] = Field(default=(), description="in clinical order")
    since: AwareDatetime | None = Field(default=None, description="since when it is so")
    previous_level: Level | None = Field(default=None, description="the level before this one")
    search: str | None = Field(default=None, description="state of the placement search, where one is open")
    next_start: Day | None = Field(default=None, description="first day agreed with a program, where it has not begun")
    declined_at: AwareDatetime | None = Field(
        default=None, description="when the patient declined further care, where that ended the latest search"
    )
    next_due: Day | None = Field(default=None, description="the earliest open follow-up window's last day")
    deaths: tuple[DeathNow, ...] | None = Field(
        default=None,
        description="deaths of the patient that stand, by time; empty: a person said that what was told is not so",
    )
    ineffective: int = Field(default=0, ge=0, description="facts kept without effect")
    conflicts: int = Field(default=0, ge=0, description="conflicts not settled")
    seen: dict[str, int] = Field(default_factory=dict, description="last sequence of each writer")
    facilities: tuple[Identifier, ...] | None = Field(
        default=None, description="who has it: facilities of its stays, searches, offers, seats and placements"
    )
    version: int = Field(ge=1, description="1,2,3… for one episode")
