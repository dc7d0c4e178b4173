"""The values that an ADT message is read into, and the protocols for what reading needs of a site. No rules.

Names, birth dates and contacts are not here but in people/, which seals them.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from msgspec import Struct

from services.intake.hl7.triggers import TRIGGERS, Trigger
from shared.errors import InvalidMessage
from shared.events.base import Disposition
from shared.events.open_lists import DispositionKind
from shared.events.stays import Coverage
from shared.site.units import Unit, UnitOfVisit, VisitCodes

AckCode = Literal["AA", "AE", "AR"]


class Fault(NamedTuple):
    """What is wrong with a message: code (HL7 table 0357), segment, field, and a sentence without any value."""

    code: int
    segment: str
    field: int
    text: str


class Refused(InvalidMessage):
    """A message that is refused: `ack` is AE or AR (contract 6), `fault` says why.

    `at` is the message's time where that lies too far in the future; our own clock may be the one that is wrong.
    """

    def __init__(
        self, ack: AckCode, code: int, segment: str, place: int, text: str, *, at: datetime | None = None
    ) -> None:
        super().__init__(f"{segment}-{place}: {text}" if place else f"{segment}: {text}")
        self.ack = ack
        self.fault = Fault(code, segment, place, text)
        self.at = at


class Removed(Enum):
    """The sender wrote `""`: remove the stored value (HL7 v2.5.1 2.5.3). An empty field is None and changes nothing."""

    REMOVED = '""'


REMOVED = Removed.REMOVED

if TYPE_CHECKING:
    Text = str | Removed | None
    YesOrNo = Literal["Y", "N"] | Removed | None
else:  # as JSON each is a string or null: which string is REMOVED, the codec knows
    Text = YesOrNo = Any


class Moment(Struct, frozen=True, gc=False):
    """A time in a message: `start` is used where it begins something, `end` where it ends something.

    They differ for a day without time: 00:00 and 24:00 of that day in the facility's zone (contract 3.6 rule 7).
    """

    start: datetime
    end: datetime

    @property
    def day_only(self) -> bool:
        """True when no time of day was told."""
        return self.start != self.end


class PatientId(NamedTuple):
    """One repetition of PID-3: CX.1, CX.4 (namespace, else universal id), CX.5; and the universal id, where told."""

    id: str
    authority: str | None
    type: str | None
    universal: str | None = None

    def __repr__(self) -> str:
        return "<PatientId>"


class Location(NamedTuple):
    """A location (data type PL): point of care, room, bed, facility."""

    unit: str | None
    room: str | None
    bed: str | None
    facility: str | None


NOWHERE = Location(None, None, None, None)


class Diagnosis(NamedTuple):
    """DG1: rank is DG1-15, else the order in the message (1 is principal), status is DG1-6 as sent."""

    rank: int
    code: str
    system: str
    status: str | None


class DiagnosisChange(NamedTuple):
    """A DG1 that adds, updates or deletes one diagnosis alone: DG1-21, and DG1-20 by which it is known."""

    action: Literal["A", "U", "D"]
    id: str | None
    diagnosis: Diagnosis


class Payer(NamedTuple):
    """A payer: `order` is its place among the IN1 segments, from 1, by IN1-22, else IN1-1; payer IN1-3, plan IN1-2,
    first day IN1-12, last day IN1-13."""

    order: int
    payer: str
    plan: str | None
    since: date | None
    until: date | None = None


class Movement(NamedTuple):
    """ZBE, one movement of a patient (IHE PAM, historic movement management): its ids (ZBE-1, each with who gave it),
    what is done with it (ZBE-4), and when it began (ZBE-2)."""

    ids: tuple[str, ...]
    action: Literal["insert", "update", "cancel"]
    at: Moment | None


class RecordTold(NamedTuple):
    """What a merge, link, move or change of number says of two records: of the one that it goes to, and of the other.

    `patient` and `other` are ids of their patients, numbers are of accounts (PID-18, MRG-3) and visits (PV1-19, MRG-5).
    """

    patient: tuple[PatientId, ...]
    other: tuple[PatientId, ...] = ()
    account: str | None = None
    other_account: str | None = None
    visit: str | None = None

    def __repr__(self) -> str:
        return "<RecordTold>"


class PlaceTold(NamedTuple):
    """A place of a visit, told with its history: the class there, and since when; None where no time is told."""

    location: Location
    patient_class: str | None
    since: Moment | None


class LeaveTold(NamedTuple):
    """Days away from a visit, told with its history; `ended` is None while the patient is away."""

    begun: Moment
    ended: Moment | None


class WholeVisit(NamedTuple):
    """What a message tells that has a visit whole, as FHIR's Encounter has it: how it stands, not what happened.

    `places` are all that are told, in their order; `leaves` is None where nothing is told of any. `id` is the one under
    which the sender keeps the visit.
    """

    state: Literal["open", "on-leave", "ended"]
    places: tuple[PlaceTold, ...] = ()
    leaves: tuple[LeaveTold, ...] | None = None
    id: str | None = None


class Adt(Struct, frozen=True, kw_only=True, gc=False):
    """One ADT message, read: routed by MSH-9.2 alone, every time aware. A field that says nothing is None.

    It is stored as JSON (codec.py). A new field needs a default: messages stored before it are read with that.
    """

    trigger: str
    control_id: str
    sending_app: str
    sending_facility: str
    processing_id: str
    facility: str
    stated_at: datetime
    """When it was said: EVN-2, else MSH-7, else arrival (contract 3)."""
    occurred: Moment
    """When it happened: the trigger's own time, else EVN-6, EVN-2, MSH-7, else arrival."""
    occurred_from: str
    event: Moment
    """The event's time, whatever PV1-44 and PV1-45 say: EVN-6, EVN-2, MSH-7, else arrival."""
    sent_at: datetime | None = None
    patient_ids: tuple[PatientId, ...] = ()
    visit_number: str | None = None
    """PV1-19, else PID-18; in another order where the feed has one."""
    patient_class: str | None = None
    location: Location = NOWHERE
    prior_location: Location = NOWHERE
    admission_type: Text = None
    admission_source: Text = None
    attending_npi: Text = None
    disposition: Text = None
    admitted: Moment | Removed | None = None
    discharged: Moment | Removed | None = None
    expected_discharge: Moment | Removed | None = None
    """PV2-9."""
    expected_return: Moment | Removed | None = None
    event_reason: str | None = None
    deceased: bool = False
    """PID-30 is `Y`, or PID-29 has something."""
    death: YesOrNo = None
    """PID-30."""
    died: Moment | Removed | None = None
    """PID-29, where it is a time."""
    diagnoses: tuple[Diagnosis, ...] | Removed | None = None
    coverage: tuple[Payer, ...] | Removed | None = None
    merged: tuple[PatientId, ...] = ()
    """MRG-1: the ids that are retired into `patient_ids`."""
    age_years: int | None = None
    charset: str = "ascii"
    warnings: tuple[str, ...] = ()
    planned: Moment | Removed | None = None
    """EVN-3: when what is planned is to happen."""
    expected_admission: Moment | Removed | None = None
    """PV2-8."""
    diagnosis_changes: tuple[DiagnosisChange, ...] = ()
    """DG1 segments that change single diagnoses; then `diagnoses` is None."""
    discharged_to: Text = None
    """PV1-37."""
    by_account: bool = False
    """`visit_number` is PID-18, since PV1-19 is empty: it names an account, which may hold several visits."""
    account: str | None = None
    """PID-18."""
    visit_authority: str | None = None
    """PV1-19.4: who gave the visit number."""
    earlier_number: str | None = None
    """MRG-5: an earlier number of the visit."""
    earlier_account: str | None = None
    """MRG-3: an earlier number of the account."""
    service: str | None = None
    """PV1-10."""
    patient_type: str | None = None
    """PV1-18."""
    movement: Movement | None = None
    records: tuple[RecordTold, ...] = ()
    """What it says of records: one for each MRG segment, or for the second patient of a link."""
    agreed: bool = False
    """A person said that what only a person may do is to be done (A23 long after the end, or without a visit; A29)."""
    visit_chosen: bool = False
    """A person chose the visit: what names it here is what a message of that visit says."""
    whole: WholeVisit | None = None
    """How the visit stands, where the message tells it whole; visits/whole_visits.py makes statements of it."""

    def __repr__(self) -> str:
        return f"<Adt {self.trigger}>"

    @property
    def means(self) -> Trigger:
        """The row of its trigger."""
        return TRIGGERS[self.trigger]


ZoneOf = Literal["message", "facility"] | None
"""Whose zone times without an offset are in, where MSH-7 has one; None: the site does not say (contract 6)."""


class Sender(NamedTuple):
    """Who says a message, by the site config: its names of the facility and of the feed, and the facility's zone.

    `processing_ids`: the values of MSH-11 that are accepted; an empty one is read as the first.
    """

    facility: str
    feed: str
    zone: tzinfo
    processing_ids: tuple[str, ...]
    zone_of: ZoneOf = None
    visit_from: tuple[str, ...] = ("PV1-19", "PID-18")
    """The fields that name a visit, the first that is told before the others."""


class FeedRules(Protocol):
    """What reading a message needs of the site (contract 7): who says it, and how far ahead a time may lie."""

    @property
    def future_limit(self) -> timedelta:
        """How far in the future a time may lie."""

    def sender(self, application: str, facility: str, location: str, /) -> Sender:
        """Who says a message with this MSH-3, MSH-4 and PV1-3.4."""


class SiteMap(Protocol):
    """What `derive` needs of the site (contract 7)."""

    def unit(self, facility: str, unit: str, /) -> Unit | None:
        """The unit; None when the site does not have it."""

    def place(self, facility: str, unit: str, told: VisitCodes, /) -> UnitOfVisit | None:
        """What the unit is for a visit with these codes; None when it is not mapped."""

    def transfers_by_place(self, application: str, facility: str, /) -> bool:
        """Whether a place told otherwise is a transfer, in the feed with this MSH-3 and MSH-4."""

    def disposition(self, facility: str, code: str | None, /) -> Disposition:
        """What PV1-36 means there: the tables' own code, none where nothing was sent, `unknown` for what is in none."""

    def status_of(self, kind: DispositionKind, /) -> str | None:
        """The patient status of a bill for a kind of disposition, where the site says one."""

    def admission_type(self, code: str, /) -> str:
        """PV1-4 as a bill's code; `unknown` for what is in no table."""

    def admission_source(self, code: str, /) -> str:
        """PV1-14 as a bill's code; `unknown` for what is in no table."""

    def payer(self, one: Payer, /) -> Coverage:
        """Whom IN1-3 and IN1-2 name: a payer's id and a plan; `unknown` for what is in no table."""

    def zone(self, facility: str, /) -> tzinfo:
        """The facility's zone."""

    @property
    def deletion_limit(self) -> timedelta:
        """How long after a visit's end a message may delete it; later only a person may."""


class VisitMessage(NamedTuple):
    """One message of a visit: what it says, intake's id of the message, and when it arrived."""

    adt: Adt
    message_id: str
    arrived_at: datetime
