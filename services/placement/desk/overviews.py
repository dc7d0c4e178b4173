"""The types of what the API answers for episodes, programs, disclosures and worklists, for OpenAPI (as answers.py);
facts are built as them (showing.py)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AwareDatetime, Field
from typing_extensions import TypedDict

from services.placement.desk.answers import Count
from shared.events.billing import ServicePeriod
from shared.events.episodes import EpisodeState
from shared.events.levels import Level
from shared.site.values import Answering, Hours, Price

How = Literal["replaced", "cancelled"]


class Voided(TypedDict):
    """By which fact it was taken back."""

    by: str
    how: How


class WithoutEffect(TypedDict):
    """Why a fact has no effect."""

    word: str
    means: str


class FactShown(TypedDict):
    """A fact as it was told, and what became of it."""

    ce_id: str
    type: str
    writer: str
    sequence: NotRequired[int]
    stands: bool
    value: Annotated[dict[str, Any], Field(description="by its own schema, docs/schemas")]
    voided: NotRequired[Voided]
    ineffective: NotRequired[WithoutEffect]


class EpisodeWhole(TypedDict):
    """An episode: its state, its facts, its service periods."""

    episode: EpisodeState
    facts: list[FactShown]
    periods: list[PeriodShown]


class PeriodShown(ServicePeriod):
    """A service period in its latest version."""

    voided: bool


class JudgedRule(TypedDict):
    """What speaks for or against a program."""

    rule: str
    must: bool
    holds: bool
    words: str


class ProgramShown(TypedDict):
    """A program of the site and its free seats; for a search, how well it suits."""

    id: str
    title: str
    facility: str
    level: Level
    capacity: int
    payers: list[str]
    ages: dict[str, int]
    modes: list[str]
    tracks: list[str]
    modalities: list[str]
    languages: list[str]
    accreditation: list[str]
    answers: Annotated[dict[str, list[str]], Field(description="what it says of the site's own needs")]
    hours_week: NotRequired[float]
    days_week: NotRequired[int]
    schedule: list[Hours]
    labels: list[str]
    self_pay: Annotated[NotRequired[Price], Field(description="what who pays alone is told; absent: nobody is told")]
    groups: list[GroupShown]
    taken: Count
    there: Count
    free: Count
    over: Count
    out_of_use: Annotated[Count, Field(description="seats that are out of use now")]
    first_free: date | None
    first_free_expected: Annotated[bool, Field(description="it rests on an end that is expected")]
    waiting: Annotated[Count, Field(description="how many are on its waiting list")]
    answering: Annotated[NotRequired[Answering], Field(description="how it answers offers; absent: no deadline")]
    answered: Annotated[list[AnswersShown], Field(description="to offers of the last 90 days")]
    told: ToldShown
    warnings: list[str]
    fits: NotRequired[bool]
    fails: NotRequired[list[str]]
    preferences: NotRequired[int]
    reasons: NotRequired[list[JudgedRule]]


class AnswersShown(TypedDict):
    """How often offers were answered so: why, and after how many hours half of them."""

    state: Literal["accepted", "declined", "expired"]
    reason: NotRequired[str]
    number: Count
    hours: NotRequired[float]


class ToldShown(TypedDict):
    """What a program told of its seats. `fresh`: it was told within the site's days."""

    told_at: AwareDatetime | None
    fresh: bool
    out_of_use: list[dict[str, Any]]
    expected_free: list[dict[str, Any]]


class GroupShown(TypedDict):
    """A group of a program."""

    id: str
    title: str
    capacity: int
    free: int


class _Leaving(TypedDict):
    """What leaves, or waits for that."""

    recipient: str
    episode_id: str
    patient_id: str
    facility: str
    fact_id: str
    fact_type: str
    labels: list[str]
    corrects: NotRequired[str]
    corrected: NotRequired[str]
    config: NotRequired[str]


class DisclosureShown(_Leaving):
    """A row of the ledger: what left, to whom, on what basis."""

    disclosure_id: str
    sequence: int
    fields: list[str]
    basis: str
    basis_id: NotRequired[str]
    basis_scope: NotRequired[list[str]]
    basis_from: NotRequired[AwareDatetime]
    basis_to: NotRequired[AwareDatetime]
    purpose: NotRequired[str]
    disclosed_at: AwareDatetime


class PacketOut(TypedDict):
    """A row of the ledger of packets: which offer's was read, blind or whole, by whom, on what basis."""

    disclosure_id: str
    offer_id: str
    program: str
    step: Annotated[str, Field(examples=["blind", "whole"])]
    read_by: str
    recipient: Annotated[str, Field(description="the legal entity")]
    episode_id: str
    patient_id: str
    facility: str
    labels: list[str]
    fields: list[str]
    notice: bool
    basis: str
    basis_scope: list[str]
    basis_from: date
    basis_to: NotRequired[date]
    purpose: str
    disclosed_at: AwareDatetime
    config: str


class WithheldShown(_Leaving):
    """What waits for a basis, and why."""

    reason: str
    since: AwareDatetime
