"""The JSON of giving and revoking a consent, as types that check it; their errors never repeat a value."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.intake.requests.commands import Person, Text
from shared.site.values import Label
from shared.web.commands import Command

SiteCode = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]
"""A code of site config: 1 to 60 lower-case letters, digits and hyphens."""


class ConsentGiven(Command):
    """`POST /consents`: what a patient allows (42 CFR 2.31(a)); stated for each episode, later ones too."""

    facility: Text = Field(description="the facility of site config where it was given; its zone counts the days")
    patient_id: Text | None = Field(default=None, description="the patient; or `episode_id`, or `identity`")
    episode_id: Text | None = Field(default=None, description="an episode of the patient")
    identity: Person | None = Field(default=None, description="who the patient is")
    discloser: Text | None = Field(
        default=None, description="who may disclose: a facility, or the site's name for all of them; absent: `facility`"
    )
    recipient: SiteCode | None = Field(
        default=None, description="to whom: a recipient of site config, or a facility's entity; or `recipient_class`"
    )
    recipient_class: SiteCode | None = Field(default=None, description="to which class of recipients of site config")
    purpose: SiteCode = Field(description="what for: treatment, payment, operations, or tpo for these three")
    scope: tuple[Label, ...] = Field(min_length=1, description="labels of what may be disclosed")
    begins: date | None = Field(default=None, alias="from", description="first day; absent: the day it was given")
    ends: date | None = Field(default=None, alias="to", description="last day; absent: until it is revoked")
    occurred_at: AwareDatetime | None = Field(default=None, description="when it was given; absent: now")

    @model_validator(mode="after")
    def _of_one_to_one(self) -> ConsentGiven:
        """Refuse more or less than one patient and one recipient, and days in the wrong order."""
        if sum(each is not None for each in (self.patient_id, self.episode_id, self.identity)) != 1:
            raise PydanticCustomError("one_patient", "one of `patient_id`, `episode_id` and `identity`")
        if (self.recipient is None) == (self.recipient_class is None):
            raise PydanticCustomError("one_recipient", "either `recipient` or `recipient_class`")
        if self.begins and self.ends and self.ends < self.begins:
            raise PydanticCustomError("days", "`to` must not be before `from`")
        return self


class ConsentTakenBack(Command):
    """`POST /consents/{consent_id}/revoked`: from now on; what was disclosed before stays so (42 CFR 2.31)."""

    occurred_at: AwareDatetime | None = Field(default=None, description="when it was taken back; absent: now")


class ConsentStated(Command):
    """The answer: the consent, and the episodes for which it is stated."""

    consent_id: str = Field(description="the consent")
    patient_id: str = Field(description="Stepdown's id of the patient")
    state: Literal["standing", "revoking", "revoked", "expired"] = Field(
        description="what it is now; revoking: taken back, and the gate for what leaves may not have heard of it yet"
    )
    episodes: tuple[str, ...] = Field(description="the patient's episodes that it is stated for")
