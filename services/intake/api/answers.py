"""What intake answers over HTTP, field by field, for the OpenAPI document; tests compare every answer with it.

No answer is made of these types; one leaves out what is not known, so a field that is NotRequired may be absent.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AwareDatetime, Field
from typing_extensions import TypedDict

from services.intake.people.identifiers import REASONS, SAME_KEY, SAME_OTHER
from services.intake.people.joining import AGAINST, SAME_BORN, SAME_NAME, TOLD_AS_ONE

FOR = frozenset({*REASONS.values(), SAME_KEY, SAME_OTHER, SAME_BORN, SAME_NAME, TOLD_AS_ONE})
"""What may speak for two patients being one."""
Number = Annotated[int, Field(ge=0)]


class IdentifierShown(TypedDict):
    """One id of the patient, as in PID-3."""

    id: str
    assigning_authority: NotRequired[str | None]
    type: NotRequired[str | None]


class NameShown(TypedDict):
    """A name."""

    family: str
    given: NotRequired[str]


class ContactShown(TypedDict):
    """A way to reach the patient."""

    system: str
    value: str
    use: NotRequired[str]
    safe: NotRequired[bool]


class PatientShown(TypedDict):
    """Who a patient is, by what the caller's facilities told."""

    patient_id: str
    facilities: list[str]
    episodes: list[str]
    merged_into: Annotated[NotRequired[str], Field(description="the patient who stays, where this one is retired")]
    merged_from: Annotated[NotRequired[list[str]], Field(description="patients who are merged into this one")]
    identifiers: NotRequired[list[IdentifierShown]]
    name: NotRequired[NameShown]
    other_names: NotRequired[list[NameShown]]
    birth_date: NotRequired[date]
    sex: NotRequired[str]
    contacts: NotRequired[list[ContactShown]]
    address: NotRequired[dict[str, str]]
    safe_to_contact: NotRequired[bool | dict[str, bool]]
    told_differently: Annotated[
        NotRequired[dict[str, dict[str, Any]]],
        Field(description="field → facility → what it told, where the caller's facilities differ"),
    ]


MatchShown = TypedDict(
    "MatchShown",
    {
        "match_id": str,
        "patient_ids": Annotated[list[str], Field(min_length=2, max_length=2)],
        "for": list[Annotated[str, Field(json_schema_extra={"enum": sorted(FOR)})]],
        "against": list[Annotated[str, Field(json_schema_extra={"enum": sorted(AGAINST)})]],
        "since": AwareDatetime,
        "state": Literal["open", "same", "different"],
    },
)


class MessageShown(TypedDict):
    """A message that waits, went wrong or was refused: by id and reason, never content."""

    message_id: str
    facility: str
    door: str
    trigger: NotRequired[str]
    since: AwareDatetime
    reason: Annotated[NotRequired[str], Field(description="why it waits")]
    code: Annotated[NotRequired[int], Field(description="HL7 table 0357")]
    location: Annotated[NotRequired[str], Field(description="segment and field of an AE or AR")]


class FeedCount(TypedDict):
    """How many messages of a trigger came by a door and got this answer, and when the last one came."""

    door: str
    trigger: str
    answer: str
    count: Number
    last_at: AwareDatetime


class UnmappedCodeShown(TypedDict):
    """A code that is in no table of the site."""

    kind: Annotated[str, Field(description="unit, disposition, admission-type, admission-source, payer, plan")]
    field: Annotated[str, Field(description="where it was said")]
    code: Annotated[str, Field(description="as it was sent")]
    count: Annotated[int, Field(ge=0, description="visits that say it; of a unit, messages that wait for it")]
    last_at: NotRequired[AwareDatetime]


class FeedShown(TypedDict):
    """How the feeds of one facility do."""

    facility: str
    last_at: AwareDatetime | None
    messages: Number
    waiting: Number
    ae: Number
    unmapped: Number
    unmapped_units: Number
    counts: list[FeedCount]
    oldest_waiting: list[MessageShown]
    oldest_ae: list[MessageShown]
    unmapped_codes: Annotated[
        list[UnmappedCodeShown],
        Field(description="what is in no table of the site, for the roles that add it there; empty for an auditor"),
    ]


class FeedsShown(TypedDict):
    """How the feeds do, by facility."""

    facilities: list[FeedShown]


ConsentShown = TypedDict(
    "ConsentShown",
    {
        "consent_id": str,
        "patient_id": str,
        "facility": str,
        "discloser": str,
        "recipient": NotRequired[str],
        "recipient_class": NotRequired[str],
        "purpose": str,
        "scope": list[str],
        "from": date,
        "to": NotRequired[date],
        "occurred_at": AwareDatetime,
        "state": Annotated[
            Literal["standing", "revoking", "revoked", "expired"],
            Field(description="revoking: taken back, and the gate for what leaves may not have heard of it yet"),
        ],
        "ended_at": NotRequired[AwareDatetime],
        "counts_from": Annotated[
            NotRequired[AwareDatetime], Field(description="revoked: nothing leaves on it from then on")
        ],
        "episodes": Annotated[NotRequired[list[str]], Field(description="where one consent is asked for")],
    },
)


class ConsentsShown(TypedDict):
    """The consents of a patient."""

    consents: list[ConsentShown]
