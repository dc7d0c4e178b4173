"""What leaves the organisation: one record of a topic out.<recipient>, with what it rested on (contract 2 and 5.7)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from shared.errors import InvalidMessage
from shared.events.base import Code, Identifier, Instant
from shared.events.published import PublishedStruct, json_of, read_as_struct

BasisKind = Literal["consent", "emergency", "audit", "service-agreement", "court-order"]


class DisclosureBasis(PublishedStruct):
    """What a disclosure rested on at that moment, and what that covers (42 CFR 2.31(a), 2.32: the consent's scope)."""

    kind: Annotated[BasisKind, Meta(description="consent, emergency, audit, service-agreement or court-order")]
    id: Annotated[Identifier, Meta(description="the consent, agreement or order")]
    purpose: Annotated[Code, Meta(description="what for: treatment, payment, operations, …")]
    scope: Annotated[tuple[Code, ...], Meta(description="labels that it covers: PSY, SUD, PART2, …")]


class Disclosed(PublishedStruct):
    """One fact as one recipient may see it: what site config names of it, and no more."""

    TYPE: ClassVar[str] = "disclosed"

    recipient: Annotated[Identifier, Meta(description="to whom, by the site's id")]
    episode_id: Annotated[Identifier, Meta(description="the episode of care; also the record's key and ce_subject")]
    patient_id: Annotated[Identifier, Meta(description="Stepdown's id of the patient; never an MRN")]
    facility: Annotated[Identifier, Meta(description="the facility that discloses")]
    fact_id: Annotated[Identifier, Meta(description="ce_id of the fact inside the organisation; corrections name it")]
    fact_type: Annotated[Code, Meta(description="its ce_type, `care.admitted.v1`")]
    occurred_at: Annotated[Instant, Meta(description="when it happened (clinical time), RFC 3339 with offset")]
    content: Annotated[
        dict[str, Any], Meta(description="the fields of the fact that the recipient gets, as on care.events")
    ]
    replaces: Annotated[Identifier | None, Meta(description="fact_id sent before that this one restates")] = None
    cancels: Annotated[Identifier | None, Meta(description="fact_id sent before that was never so")] = None
    basis: Annotated[DisclosureBasis, Meta(description="what it rested on")]
    disclosed_at: Annotated[Instant, Meta(description="when the basis was looked at, and the ledger written")]
    notice: Annotated[
        str | None,
        Meta(description="the notice that goes with records under 42 CFR Part 2 (42 CFR 2.32), by site config"),
    ] = None


OUT_TYPE = f"out.{Disclosed.TYPE}.v1"


def read_disclosed(ce_type: str, body: bytes) -> Disclosed:
    """A value of out.<recipient> from its JSON. Raises InvalidMessage, which names a field and never its value."""
    if ce_type != OUT_TYPE:
        raise InvalidMessage("the record is no disclosure")
    return read_as_struct(Disclosed, json_of(body))
