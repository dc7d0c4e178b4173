"""What leaves the organisation: one record of a topic out.<recipient>, with what it rested on (contract 2 and 5.7)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import AwareDatetime, Field

from shared.events.base import Code, Identifier
from shared.events.published import Published

BasisKind = Literal["consent", "emergency", "audit", "service-agreement", "court-order"]


class DisclosureBasis(Published):
    """What a disclosure rested on at that moment, and what that covers (42 CFR 2.31(a), 2.32: the consent's scope)."""

    kind: BasisKind = Field(description="consent, emergency, audit, service-agreement or court-order")
    id: Identifier = Field(description="the consent, agreement or order")
    purpose: Code = Field(description="what for: treatment, payment, operations, …")
    scope: tuple[Code, ...] = Field(description="labels that it covers: PSY, SUD, PART2, …")


class Disclosed(Published):
    """One fact as one recipient may see it: what site config names of it, and no more."""

    TYPE: ClassVar[str] = "disclosed"

    recipient: Identifier = Field(description="to whom, by the site's id")
    episode_id: Identifier = Field(description="the episode of care; also the record's key and ce_subject")
    patient_id: Identifier = Field(description="Stepdown's id of the patient; never an MRN")
    facility: Identifier = Field(description="the facility that discloses")
    fact_id: Identifier = Field(description="ce_id of the fact inside the organisation; corrections name it")
    fact_type: Code = Field(description="its ce_type, `care.admitted.v1`")
    occurred_at: AwareDatetime = Field(description="when it happened (clinical time), RFC 3339 with offset")
    content: dict[str, Any] = Field(description="the fields of the fact that the recipient gets, as on care.events")
    replaces: Identifier | None = Field(default=None, description="fact_id sent before that this one restates")
    cancels: Identifier | None = Field(default=None, description="fact_id sent before that was never so")
    basis: DisclosureBasis = Field(description="what it rested on")
    disclosed_at: AwareDatetime = Field(description="when the basis was looked at, and the ledger written")
    notice: str | None = Field(
        default=None, description="the notice that goes with records under 42 CFR Part 2 (42 CFR 2.32), by site config"
    )


OUT_TYPE = f"out.{Disclosed.TYPE}.v1"
