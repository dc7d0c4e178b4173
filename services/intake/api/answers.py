"""What intake answers over HTTP, field by field, for the OpenAPI document; tests compare every answer with it.

No answer is made of these types; one leaves out what is not known, so a field that is NotRequired may be absent.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AwareDatetime, Field
from typing_extensions import TypedDict

from services.intake.console.effects import WaitsFor
from services.intake.console.question import AnswerCode, MessageNote
from services.intake.people.identifiers import REASONS, SAME_KEY, SAME_OTHER
from services.intake.people.joining import AGAINST, SAME_BORN, SAME_NAME, TOLD_AS_ONE
from services.intake.people.likeness import SAME_ADDRESS, SAME_TELEPHONE, SIMILAR_NAME

ALSO_FOR = (SIMILAR_NAME, SAME_TELEPHONE, SAME_ADDRESS)
FOR = frozenset({*REASONS.values(), SAME_KEY, SAME_OTHER, SAME_BORN, SAME_NAME, TOLD_AS_ONE, *ALSO_FOR})
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


class NumberConflictShown(TypedDict):
    """A visit number that two patients of a facility have. The first of `patient_ids` had it first; messages of the
    other one wait while it is `open`. `own`: the visit is that patient's own; `holder`: it is the first one's."""

    conflict_id: str
    facility: str
    visit_number: str
    patient_ids: list[str]
    since: AwareDatetime
    state: Literal["open", "own", "holder"]


class UnknownNeedShown(TypedDict):
    """A need that another system told and the site's vocabulary does not have: what was `told`, and what a person says
    of it. `need`: the site's need that it is `mapped` to."""

    need_id: str
    facility: str
    patient_id: str
    told: str
    since: AwareDatetime
    state: Literal["open", "mapped", "set-aside"]
    need: str | None


class HangingShown(TypedDict):
    """A visit that is open, and of which nothing was heard since the message `message_id`, for longer than `days`."""

    visit_id: str
    patient_id: str
    facility: str
    open_as: Annotated[str, Field(description="its level, or its class without one")]
    begun_at: AwareDatetime
    message_id: Annotated[str, Field(description="the last message of the visit")]
    trigger: str
    since: Annotated[AwareDatetime, Field(description="when that message came")]
    days: Annotated[int, Field(ge=1, description="after how many days without a message it hangs")]


class DeletionShown(TypedDict):
    """A message that deletes a visit or a person's data, and what became of it: `applied`, or `waiting` for who may."""

    message_id: str
    note: str
    reason: str | None


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


class FactSaid(TypedDict):
    """A fact that a message said."""

    fact_id: Annotated[str, Field(description="its ce_id")]
    type: str
    episode_id: str
    occurred_at: AwareDatetime
    state: Literal["stands", "replaced", "taken-back"]
    by: Annotated[NotRequired[str], Field(description="the message that replaced it or took it back")]


class MessageShown(TypedDict):
    """A message and what came of it: by ids, codes and reasons, never content."""

    message_id: str
    facility: str
    door: str
    trigger: NotRequired[str]
    control_id: NotRequired[str]
    since: Annotated[AwareDatetime, Field(description="when it arrived")]
    answer: NotRequired[AnswerCode]
    note: Annotated[NotRequired[MessageNote], Field(description="what became of it")]
    reason: Annotated[NotRequired[str], Field(description="why it waits or has no effect")]
    waits_for: Annotated[
        NotRequired[WaitsFor],
        Field(description="beginning: of its visit; visit: that it fits; number: by which the patient is known"),
    ]
    code: Annotated[NotRequired[int], Field(description="HL7 table 0357")]
    location: Annotated[NotRequired[str], Field(description="segment and field of an AE or AR")]
    warnings: NotRequired[list[str]]
    patient_id: NotRequired[str]
    visit_id: NotRequired[str]
    facts: NotRequired[list[FactSaid]]


class MessagePage(TypedDict):
    """A page of messages."""

    messages: list[MessageShown]
    next: Annotated[str | None, Field(description="cursor of the next page; null: there is none")]


class MessageWholeShown(MessageShown):
    """A message with all that came of it."""

    begun_at: Annotated[NotRequired[AwareDatetime], Field(description="of its visit")]
    ended_at: Annotated[NotRequired[AwareDatetime], Field(description="of its visit")]
    taken_back_by: Annotated[NotRequired[str], Field(description="the message that took it back")]
    has_text: Annotated[bool, Field(description="whether its sealed text is kept")]


class MessageText(TypedDict):
    """The text of a message."""

    message_id: str
    text: Annotated[str, Field(description="as it was sent, a segment a line")]


class FactChanged(TypedDict):
    """A fact that is stated, stated anew in the place of another (`replaced`), or taken back."""

    change: Literal["stated", "replaced", "taken-back"]
    type: str
    occurred_at: AwareDatetime


class NoteChanged(TypedDict):
    """A message of which something else is noted than before."""

    message_id: str
    trigger: str
    before: NotRequired[MessageNote]
    note: MessageNote
    reason: NotRequired[str]


class MessageTriedShown(TypedDict):
    """What would come of a message; nothing of it is stored."""

    index: Annotated[int, Field(ge=1, description="its place among those that were sent together")]
    trigger: NotRequired[str]
    control_id: NotRequired[str]
    answer: AnswerCode
    code: Annotated[NotRequired[int], Field(description="HL7 table 0357")]
    location: Annotated[NotRequired[str], Field(description="segment and field of an AE or AR")]
    charset: NotRequired[str]
    warnings: list[str]
    note: MessageNote
    reason: NotRequired[str]
    waits_for: NotRequired[WaitsFor]
    known_patient: bool
    known_visit: bool
    begun_at: Annotated[NotRequired[AwareDatetime], Field(description="of its visit")]
    ended_at: Annotated[NotRequired[AwareDatetime], Field(description="of its visit")]


class TriedShown(TypedDict):
    """What would come of messages that were tried together."""

    messages: list[MessageTriedShown]
    facts: list[FactChanged]
    others: Annotated[list[NoteChanged], Field(description="messages that came before and would mean something else")]


class FactPublished(TypedDict):
    """A fact as it would be on care.events: its CloudEvents attributes, by which bills can be worked out with it."""

    ce_id: str
    ce_type: str
    ce_source: str
    ce_subject: str
    ce_sequence: int
    ce_copyof: NotRequired[str]
    ce_time: str
    value: dict[str, Any]


class ReadAgainShown(TypedDict):
    """What a message is read as now, and what changes by it."""

    message_id: str
    before: Annotated[AnswerCode, Field(description="what it was answered")]
    answer: AnswerCode
    code: Annotated[NotRequired[int], Field(description="HL7 table 0357")]
    location: Annotated[NotRequired[str], Field(description="segment and field of an AE or AR")]
    note: MessageNote
    reason: NotRequired[str]
    waits_for: NotRequired[WaitsFor]
    warnings: list[str]
    fields: Annotated[list[str], Field(description="names of its values that are read otherwise than when it came")]
    facts: list[FactChanged]
    messages: list[NoteChanged]
    stated: Annotated[
        NotRequired[list[FactPublished]],
        Field(description="the facts and cancels that would be stated, as published; not in the answer of the act"),
    ]
    changes: Annotated[bool, Field(description="whether anything is otherwise")]
    digest: Annotated[str, Field(description="names exactly this outcome: `expected` of the act that applies it")]


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
    silent: Annotated[NotRequired[bool], Field(description="whether nothing has come for longer than the site's hours")]
    silent_after_hours: NotRequired[int]
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
