"""The JSON of referrals and assessments, as types that check it; their errors never repeat a value.

Codes alone go on to topics (contract 3: no free text there); who the patient is stays in intake, sealed.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared.events.levels import Level
from shared.site.values import Label
from shared.web.commands import Command

Text = Annotated[
    str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True, pattern=r"^[^\x00-\x1f]+$")
]
"""A line of 1 to 200 characters."""
LONGEST = 1000
Told = Annotated[
    str, StringConstraints(min_length=1, max_length=LONGEST, strip_whitespace=True, pattern=r"^[^\x00-\x1f]+$")
]
"""A need as somebody tells it: a code of the site, or what a person has to read first."""
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/+-]{0,79}$")]
"""A code of 1 to 80 characters; it has no blanks, so that nobody writes sentences in it."""
NEEDS = (
    "needs of the site's vocabulary: `transport`, or with a value `language:es`; what another system tells besides is "
    "kept, and a person reads it"
)
Channel = Literal["phone", "voicemail", "text", "email", "mail"]
Source = Literal["hospital", "emergency", "self", "family", "primary-care", "court", "payer", "other"]


class PatientIdentifier(Command):
    """One id of the patient, as in PID-3."""

    id: Text = Field(description="the id itself")
    assigning_authority: Text | None = Field(default=None, description="who assigned it; absent: the facility")
    type: Code | None = Field(default=None, description="HL7 table 0203: MR, PI, …")


class PersonName(Command):
    """A name."""

    family: Text = Field(description="family name")
    given: Text | None = Field(default=None, description="given name")


class Contact(Command):
    """A way to reach the patient."""

    system: Literal["phone", "email", "other"] = Field(description="what it is")
    value: Text = Field(description="number or address")
    safe: bool | None = Field(default=None, description="whether it is safe to use it")


class Person(Command):
    """Who the patient is: kept in intake alone, sealed."""

    identifiers: tuple[PatientIdentifier, ...] = Field(
        min_length=1, max_length=20, description="a patient known by one of them is that patient"
    )
    name: PersonName | None = Field(default=None, description="the name")
    birth_date: date | None = Field(default=None, description="the birth date")
    contacts: Annotated[tuple[Contact, ...], Field(max_length=20)] | None = Field(
        default=None, description="how to reach the patient; the list replaces the one before"
    )
    safe_to_contact: bool | dict[Channel, bool] | None = Field(
        default=None, description="whether the patient may be contacted at all, or by which ways"
    )

    def told(self) -> dict[str, Any]:
        """The fields as people/person.py stores them; one that is absent is left out, and changes nothing."""
        found = {
            "identifiers": [[each.id, each.assigning_authority, each.type] for each in self.identifiers],
            "names": [[self.name.family, self.name.given or ""]] if self.name else None,
            "birth_date": self.birth_date.isoformat() if self.birth_date else None,
            "contacts": None if self.contacts is None else [one.model_dump(exclude_none=True) for one in self.contacts],
            "safe_to_contact": self.safe_to_contact,
        }
        return {name: value for name, value in found.items() if value is not None}


class Referral(Command):
    """`POST /referrals`: somebody asks for care; an open or recent episode is joined, else one begins."""

    facility: Text = Field(description="the facility of site config that it goes to")
    identity: Person = Field(description="who the patient is")
    source: Source = Field(description="who refers (contract 3.1)")
    requested_level: Level | None = Field(default=None, description="the level of care asked for")
    needs: Annotated[tuple[Told, ...], Field(max_length=50)] = Field(default=(), description=NEEDS)
    labels: tuple[Label, ...] = Field(default=(), description="what it is about, for the consent gate")
    occurred_at: AwareDatetime | None = Field(default=None, description="when it was made; absent: now")


class KnownReferral(Command):
    """A referral of a patient who is known here, as the desk's form states it: the same by our id of the patient."""

    facility: Text
    patient_id: Text
    source: Source
    requested_level: Level | None = None
    needs: Annotated[tuple[Told, ...], Field(max_length=50)] = ()
    labels: tuple[Label, ...] = ()
    occurred_at: AwareDatetime | None = None


class Assessment(Command):
    """`POST /assessments`: the result of an assessment instrument, for an episode or a patient."""

    facility: Text = Field(description="the facility of site config where it was made")
    episode_id: Text | None = Field(default=None, description="the episode; else `identity`")
    identity: Person | None = Field(default=None, description="the patient, whose open or recent episode is taken")
    instrument: Code = Field(description="which one: LOCUS, ASAM, PHQ-9, …")
    version: Code = Field(description="its version")
    phase: Code = Field(description="when in the care: intake, review, discharge, …")
    score: float | None = Field(default=None, allow_inf_nan=False, description="the composite score")
    severity: Code | None = Field(default=None, description="the instrument's own word for it")
    dimensions: Annotated[dict[Code, Annotated[float, Field(allow_inf_nan=False)]], Field(max_length=50)] | None = (
        Field(default=None, description="dimension → score")
    )
    flags: Annotated[tuple[Code, ...], Field(max_length=50)] | None = Field(
        default=None, description="codes of what stands out"
    )
    recommended_level: Level | None = Field(default=None, description="the level it recommends")
    needs: Annotated[tuple[Told, ...], Field(max_length=50)] = Field(default=(), description=NEEDS)
    labels: tuple[Label, ...] = Field(default=(), description="what it is about, for the consent gate")
    occurred_at: AwareDatetime | None = Field(default=None, description="when it was made; absent: now")

    @model_validator(mode="after")
    def _of_one(self) -> Assessment:
        """Refuse both or neither of the two that may name the patient."""
        if (self.episode_id is None) == (self.identity is None):
            raise PydanticCustomError("episode_or_identity", "either `episode_id` or `identity`")
        return self


class Stated(Command):
    """The answer to a referral or an assessment."""

    episode_id: str = Field(description="the episode that it is of")
    patient_id: str = Field(description="Stepdown's id of the patient")
    fact_id: str = Field(description="ce_id of the fact on care.events")
    unknown_needs: tuple[int, ...] = Field(
        default=(), description="places in `needs`, from 0, of those that the site does not have: a person reads them"
    )
