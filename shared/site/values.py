"""The parts of a site config, as frozen values that check themselves."""

from __future__ import annotations

import difflib
import re
from datetime import date, time
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared.events.levels import Level
from shared.events.open_lists import DispositionKind, ReferralKind, VisitClass

Name = Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)]
Notice = Annotated[str, StringConstraints(min_length=1, max_length=600, strip_whitespace=True)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ClaimForm = Literal["institutional", "professional"]
Mode = Literal["in-person", "telehealth", "phone"]
Label = Literal["PSY", "SUD", "PART2"]
Setting = Literal["withdrawal-management", "crisis-stabilization"]


def luhn_holds(npi: str) -> bool:
    """True for a National Provider Identifier (ten digits) with a right check digit (45 CFR 162.406; ISO/IEC 7812 Luhn
    over 80840 + NPI)."""
    if not re.fullmatch(r"[12][0-9]{9}", npi):
        return False
    digits = [int(digit) for digit in reversed("80840" + npi)]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _npi(text: str) -> str:
    if not luhn_holds(text):
        raise PydanticCustomError("npi", "not an NPI: ten digits, the last one the Luhn check digit (80840 prefix)")
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, OSError, ValueError):  # not found is a KeyError; a folder of the database, a path upwards
        raise _no_zone(text) from None
    return text


def _no_zone(text: str) -> PydanticCustomError:
    near = difflib.get_close_matches(text, available_timezones(), n=1)
    return PydanticCustomError("zone", "not a time zone of the IANA database{hint}", {"hint": hint(near)})


def hint(near: list[str]) -> str:
    """`["level"]` → ` (did you mean `level`?)`; an empty list gives an empty text."""
    return f" (did you mean `{near[0]}`?)" if near else ""


Npi = Annotated[str, AfterValidator(_npi)]
Zone = Annotated[str, AfterValidator(_zone)]
PatientStatus = Annotated[str, StringConstraints(pattern=r"^[0-9]{2}$")]
"""A patient status of a bill, two characters (UB-04 FL17; the code list is the NUBC's, none of its words are here)."""
AdmissionCode = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]$")]
"""A type of admission, or a point of origin, as a bill has it: one character (UB-04 FL14, FL15)."""
BillType = Annotated[str, StringConstraints(pattern=r"^[0-9]{2}X$")]
"""Type of bill without the frequency digit, which is the consumer's to choose (contract 4)."""


NeedKey = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$", max_length=40)]
"""A need of the site's vocabulary, in code."""


class Part(BaseModel):
    """One mapping of the config: frozen; an unknown key is an error that names the nearest known one."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, given: Any) -> Any:
        known = [spec.alias or name for name, spec in cls.model_fields.items()]
        for key in given if isinstance(given, dict) else ():
            if key not in known:
                near = hint(difflib.get_close_matches(str(key), known, n=1))
                raise PydanticCustomError(
                    "unknown_key", "`{key}` is not known here{hint}", {"key": str(key), "hint": near}
                )
        return given


class ChargeCode(Part):
    """A code of the site's own charge table; no code list comes with Stepdown.

    `of`: whose days go with the code: those of the `period`, of the whole `stay`, or of each `leave` in the period, one
    code for each; absent: none. `value`: goes with the code as it stands here.
    """

    system: Name
    code: Name
    of: Literal["period", "stay", "leave"] | None = None
    value: Name | None = None


class Billing(Part):
    """How a level is billed at a facility, or by one program."""

    bill_type: BillType | None = None
    claim_form: ClaimForm = "institutional"
    codes: tuple[ChargeCode, ...] = ()


class Feed(Part):
    """A stream of messages, known by MSH-3 and MSH-4 (either may be absent), the field in which it names the facility,
    and whose zone its times are in."""

    name: Name
    sending_application: Name | None = None
    sending_facility: Name | None = None
    facility_from: tuple[Literal["MSH-4", "PV1-3.4"], ...] = Field(default=("MSH-4", "PV1-3.4"), min_length=1)
    zone: Literal["message", "facility"] | None = None
    """Of times without an offset, where MSH-7 has one; absent: MSH-7's where the facility's clock shows it then, else
    the facility's, with a warning."""
    visit_from: tuple[Literal["PV1-19", "PID-18"], ...] = Field(default=("PV1-19", "PID-18"), min_length=1)
    """The fields that name a visit; the first that is told decides (contract 6, Which visit)."""
    visit_numbers: Literal["facility", "patient"] = "facility"
    """How far a visit number counts: it is one visit of the facility's, or each patient has their own 1, 2, 3."""
    place_differs: Literal["listed", "transfer"] = "listed"
    """What a place or class told otherwise by A08, or by A01 again, does: it is listed, or it is a transfer too."""


class Hours(Part):
    """Opening hours of a program on some days of the week, facility's zone."""

    days: tuple[Weekday, ...] = Field(min_length=1)
    opens: time = Field(alias="from")
    closes: time = Field(alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> Hours:
        if self.closes <= self.opens:
            raise PydanticCustomError("hours", "`to` must be later than `from` on the same day")
        return self


OFFICE = Hours.model_validate({"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "17:00"})
"""Business hours of a program that says no others."""


class Answering(Part):
    """How a program answers offers: within so many business hours, which are those of `office`; `line`: a seat that
    comes free is offered down its waiting line by itself."""

    within_hours: int = Field(ge=1, le=240)
    office: tuple[Hours, ...] = Field(default_factory=lambda: (OFFICE,), min_length=1)
    line: bool = False


class Ages(Part):
    """Ages in whole years, both inclusive; without `to` there is no upper limit."""

    youngest: int = Field(alias="from", ge=0, le=120)
    oldest: int | None = Field(default=None, alias="to", ge=0, le=120)

    @model_validator(mode="after")
    def _in_order(self) -> Ages:
        if self.oldest is not None and self.oldest < self.youngest:
            raise PydanticCustomError("ages", "`to` must not be less than `from`")
        return self

    def hold(self, age: int) -> bool:
        """True when this age in whole years is within."""
        return self.youngest <= age and (self.oldest is None or age <= self.oldest)

    @property
    def words(self) -> str:
        """`18 and older`, `13 to 17`."""
        return f"{self.youngest} and older" if self.oldest is None else f"{self.youngest} to {self.oldest}"


class LevelRule(Part):
    """One rule that recommends a level; all conditions that it has must hold.

    `recommend`: a level; `assessed`: that of the latest assessment; `asked`: that of the referral; `next`: the next
    less intensive than the one that ended. Where that is not known the rule does not apply.
    """

    name: Name
    recommend: Level | Literal["assessed", "asked", "next"]
    because: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    after: tuple[Level, ...] = ()
    """Levels that ended; empty: whatever went before, or nothing."""
    ended: tuple[Literal["discharged", "completed", "discontinued"], ...] = ()
    disposition: tuple[DispositionKind, ...] = ()
    labels: tuple[Label, ...] = ()
    """One of them is on the episode."""
    ages: Ages | None = None

    @property
    def always_fits(self) -> bool:
        """True for a rule without conditions that names a level."""
        asked = (self.after, self.ended, self.disposition, self.labels, self.ages)
        return not any(asked) and self.recommend not in {"assessed", "asked", "next"}


ANYBODY = LevelRule(name="anybody", recommend=Level.OUTPATIENT, because="the site has no rule for this")


class Group(Part):
    """A group of a program; at most 10 people, the usual limit for process groups."""

    id: Name
    title: Name
    capacity: int = Field(ge=1, le=10)


class Price(Part):
    """What a program costs who pays alone."""

    amount: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,7}(\.[0-9]{2})?$")]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "USD"
    per: Literal["day", "session", "week", "program"]


class Program(Part):
    """A program: whom it takes, when it meets, how many it holds, how it is billed."""

    id: Name
    title: Name
    facility: Name
    level: Level
    capacity: int = Field(ge=1, le=1000)
    payers: tuple[Name, ...] = Field(min_length=1)
    ages: Ages
    modes: tuple[Mode, ...] = Field(default=("in-person",), min_length=1)
    tracks: tuple[Name, ...] = ()
    modalities: tuple[Name, ...] = ()
    languages: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")], ...] = Field(
        default=("en",), min_length=1
    )
    accreditation: tuple[Name, ...] = ()
    answers: dict[NeedKey, tuple[Name, ...]] = Field(default_factory=dict)
    """What the program says of the site's own needs: the values that it answers; `yes` where a need has none."""
    hours_week: float | None = Field(default=None, gt=0, le=168)
    days_week: int | None = Field(default=None, ge=1, le=7)
    schedule: tuple[Hours, ...] = ()
    groups: tuple[Group, ...] = ()
    answering: Answering | None = None
    """Absent: offers to it have no deadline but the one that is asked for."""
    labels: tuple[Label, ...] = ()
    self_pay: Price | None = None
    """Absent: nobody is told a price."""
    npi: Npi | None = None
    """Absent: the facility's."""
    billing: Billing | None = None
    """Absent: as the facility bills the level."""

    @model_validator(mode="after")
    def _days_are_offered(self) -> Program:
        offered = {day for hours in self.schedule for day in hours.days}
        if offered and self.days_week and self.days_week > len(offered):
            raise PydanticCustomError("days_week", "`days_week` is more than the days in `schedule`")
        return self


class SilentAfter(Part):
    """After how many hours without a message a facility that sends is silent: then its list and its alarm say so."""

    hours: int = Field(default=24, ge=1, le=8760)
    facilities: dict[Name, Annotated[int, Field(ge=1, le=8760)]] = Field(default_factory=dict)
    """Facility → its own hours: one that sends nothing at night or at weekends needs more."""


Days = Annotated[int, Field(ge=1, le=3650)]
_CLASSES: dict[VisitClass, int] = {"emergency": 3, "observation": 3, "crisis": 3}


class HangingAfter(Part):
    """After how many days without a message an open visit is listed as hanging (contract 6). Nothing closes it."""

    days: Days = 30
    """Of what the two tables do not name."""
    levels: dict[Level, Days] = Field(default_factory=dict)
    classes: dict[VisitClass, Days] = Field(default_factory=lambda: dict(_CLASSES))
    """Of visits without a level."""

    @property
    def by_place(self) -> dict[str, int]:
        """Each level, and each class of a visit without one → its days."""
        levels = {level.value: self.levels.get(level, self.days) for level in Level}
        return levels | {each: self.classes.get(each, self.days) for each in get_args(VisitClass)}


class Authority(Part):
    """Who assigns patient ids: the names in CX.4.1 and CX.4.2, and those of single facilities."""

    names: tuple[Name, ...] = Field(min_length=1)
    facility: Name | None = None
    """Whose own it is: of it are ids without an authority."""


NEVER_A_KEY = frozenset(
    {"SS", "SSN", "NI", "EI", "DL", "PPN", "MA", "MC", "MCD", "MCR", "MI", "HC", "SN", "MB", "PNT", "SL", "BC"}
    | {"AN", "ANC", "AND", "ANON", "ANT", "VN"}
)
"""HL7 table 0203: numbers of the state, insurers, accounts and visits, which name no patient (contract 6, Who)."""


def _may_be_key(text: str) -> str:
    if text.upper() in NEVER_A_KEY:
        raise PydanticCustomError("never_a_key", "a number of this type is never what a patient is known by")
    return text.upper()


KeyType = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,20}$"), AfterValidator(_may_be_key)]


class Placeholders(Part):
    """Texts that hospitals send where nothing is known: such ids belong to nobody, such birth dates are ignored."""

    values: tuple[Name, ...] = (
        *(digit * length for digit in "0123456789" for length in (9, 10)),
        "123456789", "987654321", "0", "NONE", "NA", "N/A", "UNK*", "TEMP", "TBD", "PENDING", "UNASSIGNED",
    )  # fmt: skip
    """Ids; case, blanks and hyphens don't matter, and `*` at the end stands for whatever follows."""
    birth_dates: tuple[date, ...] = (date(1800, 1, 1), date(1900, 1, 1), date(1901, 1, 1))


Ending = Literal["completed", "discharged", "discontinued"]


class AftercareStart(Part):
    """After which ends aftercare starts, and after how many days without a further level, counted from the leaving
    day."""

    after: Ending
    levels: tuple[Level, ...] = Field(min_length=1)
    wait_days: int = Field(default=0, ge=0, le=90)


class PlannedReferral(Part):
    """A referral that a plan begins with; due so many days after the leaving day."""

    kind: ReferralKind
    due_days: int = Field(ge=0, le=365)
    provider: Name | None = None


class PlannedContact(Part):
    """A call that a plan asks for, between two numbers of hours after the patient left for home."""

    name: Name
    from_hours: int = Field(default=0, ge=0, le=8760)
    to_hours: int = Field(ge=1, le=8760)

    @model_validator(mode="after")
    def _in_order(self) -> PlannedContact:
        if self.to_hours <= self.from_hours:
            raise PydanticCustomError("planned_contact", "`to_hours` must be more than `from_hours`")
        return self


class PlanTemplate(Part):
    """What an aftercare plan begins with; the first template that applies is taken."""

    name: Name
    after: tuple[Ending, ...] = Field(min_length=1)
    levels: tuple[Level, ...] = ()
    """Absent: any."""
    labels: tuple[Label, ...] = ()
    """One of them is enough; absent: any."""
    referrals: tuple[PlannedReferral, ...] = ()
    contacts: tuple[PlannedContact, ...] = ()


class Aftercare(Part):
    """When aftercare starts, with which plan, and how many missed contacts in a row are a sign of relapse."""

    starts: tuple[AftercareStart, ...] = ()
    templates: tuple[PlanTemplate, ...] = ()
    missed_contacts: int = Field(default=2, ge=1, le=20)
