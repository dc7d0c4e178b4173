"""What each trigger event (MSH-9.2) means: one row for each, which all other code reads.

Every event of table 0003 that ADT messages have is here. One that is neither here nor the site's own (Z…) is refused
with AR 201. What a row says of a visit is worked out in `visits`; a new trigger is a new row, and a rule only where it
means what none did before. No row has a message structure: nothing looks at MSH-9.3.

Sources: HL7 v2.5.1 table 0003 and chapter 3 (3.3.n is trigger A-n); IHE ITI-31; contract 3.6 and 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RecordChange = Literal[
    "link", "unlink", "merge-accounts", "merge-visits", "move-ids", "move-account", "move-visit", "rename-patient",
    "rename-account", "rename-visit",
]  # fmt: skip
"""What a statement says of records: of patients, their accounts and their visits."""
PlanKind = Literal["arrival", "discharge"]
StatementKind = Literal["start", "back", "move", "leave", "end"]
"""What a statement does to a stay."""
WHOLE_STAY = "stay"
"""What A11 cancels: the admission, or the visit's start, and with it all that was said of that stay."""


WHOLE_VISIT = "visit"
"""What A23 cancels: all that was said of the visit."""


class Rows(dict[str, "Trigger"]):
    """Trigger → its row. By `[]`, an event that begins with Z, as the site's own do, has the row LOCAL, and a resource
    of FHIR its row of RESOURCES, which no HL7 message may have."""

    def __missing__(self, trigger: str) -> Trigger:
        """The row of an event of the site, or of a resource. Raises KeyError for what is neither."""
        if is_local(trigger):
            return LOCAL
        if trigger in RESOURCES:
            return RESOURCES[trigger]
        raise KeyError(trigger)


def is_local(trigger: str) -> bool:
    """Whether an event is one of the site's own: Z and two letters or digits."""
    return len(trigger) == 3 and trigger[0] == "Z" and trigger.isascii() and trigger.isalnum()


@dataclass(frozen=True, slots=True)
class Trigger:
    """A row. Exactly one of the fields of MEANINGS says what the trigger is."""

    words: str
    """As HL7 names it, short."""
    states: StatementKind | None = None
    cancels: str | None = None
    """The trigger whose last statement it takes back, or WHOLE_STAY, or WHOLE_VISIT."""
    updates: bool = False
    """It corrects what was said of a visit before, and opens, moves and ends nothing."""
    merges: bool = False
    """A patient into a patient: it needs MRG-1, and is kept."""
    records: RecordChange | None = None
    """What it says of records: who is whom, and which number is whose. It is kept."""
    of_the_person: bool = False
    """It states nothing of a visit, and is kept."""
    plans: PlanKind | None = None
    """What the hospital expects of the visit; no stay begins or ends by it."""
    asks: bool = False
    """What it does not do by itself only a person may: then it is kept, and listed for one."""
    kept: bool = False
    """Nothing follows from it."""
    own_time: str | None = None
    """The field with its clinical time, before EVN-6, EVN-2 and MSH-7."""
    needs_visit: bool = False
    """A message that names no visit is one of the patient's visits' all the same, and waits for it (contract 6)."""
    moves_to: Literal["inpatient", "outpatient"] | None = None
    """The patient class that it changes to: after the end it begins a new stay (ITI-31); to outpatient, in a unit
    without level, it ends the level."""
    moves_too: bool = False
    """A cancel that names another unit is also a transfer there, at its own time."""
    like: str | None = None
    """The trigger as which it is taken back, where none cancels it."""
    two_patients: bool = False
    """It says the same of two patients, each in a group of segments of their own (PID, PV1)."""
    nobody: bool = False
    """Its structure has no patient: it is kept without one."""

    @property
    def corrects(self) -> bool:
        """Whether it changes what earlier messages said; then it may concern a visit that has ended."""
        return self.updates or self.cancels is not None

    @property
    def needs_time(self) -> bool:
        """Whether a time that can't be read is an error: not where nothing of a visit begins, moves or ends by it."""
        return self.states is not None or self.cancels is not None or (self.updates and self.needs_visit)


MEANINGS = ("states", "cancels", "updates", "merges", "records", "of_the_person", "plans", "asks", "kept")
"""The fields of a row of which exactly one is set; a cancel may ask for a person as well."""

TRIGGERS: dict[str, Trigger] = Rows({
    "A01": Trigger("admission", states="start", own_time="PV1-44"),
    "A02": Trigger("transfer", states="move", needs_visit=True),
    "A03": Trigger("discharge", states="end", own_time="PV1-45", needs_visit=True),
    "A04": Trigger("registration", states="start", own_time="PV1-44"),
    "A05": Trigger("pre-admission", plans="arrival"),
    "A06": Trigger("outpatient to inpatient", states="move", needs_visit=True, moves_to="inpatient"),
    "A07": Trigger("inpatient to outpatient", states="move", needs_visit=True, moves_to="outpatient"),
    "A08": Trigger("update", updates=True, needs_visit=True),
    "A09": Trigger("patient departs, tracking", kept=True),
    "A10": Trigger("patient arrives, tracking", kept=True),
    "A11": Trigger("admission cancelled", cancels=WHOLE_STAY, needs_visit=True),
    "A12": Trigger("transfer cancelled", cancels="A02", needs_visit=True, moves_too=True),
    "A13": Trigger("discharge cancelled", cancels="A03", needs_visit=True, moves_too=True),
    "A14": Trigger("admission pending", plans="arrival"),
    "A15": Trigger("transfer pending", kept=True),
    "A16": Trigger("discharge pending", plans="discharge", needs_visit=True),
    "A17": Trigger("two patients change places", states="move", needs_visit=True, two_patients=True, like="A02"),
    "A18": Trigger("merge of patients", merges=True),
    "A19": Trigger("query about a patient", kept=True, nobody=True),
    "A20": Trigger("status of a bed", kept=True, nobody=True),
    "A21": Trigger("leave begins", states="leave", needs_visit=True),
    "A22": Trigger("back from leave", states="back", needs_visit=True),
    "A23": Trigger("visit deleted", cancels=WHOLE_VISIT, asks=True),
    "A24": Trigger("link of two patients", records="link"),
    "A25": Trigger("pending discharge cancelled", cancels="A16", needs_visit=True),
    "A26": Trigger("pending transfer cancelled", kept=True),
    "A27": Trigger("pending admission cancelled", cancels="A14", needs_visit=True),
    "A28": Trigger("person added", of_the_person=True),
    "A29": Trigger("person deleted", asks=True),
    "A30": Trigger("merge of persons", merges=True),
    "A31": Trigger("person updated", updates=True),
    "A32": Trigger("patient arrives, tracking cancelled", kept=True),
    "A33": Trigger("patient departs, tracking cancelled", kept=True),
    "A34": Trigger("merge of patient ids", merges=True),
    "A35": Trigger("merge of account numbers", records="merge-accounts"),
    "A36": Trigger("merge of patient ids and accounts", merges=True),
    "A37": Trigger("unlink of two patients", records="unlink"),
    "A38": Trigger("pre-admission cancelled", cancels="A05", needs_visit=True),
    "A39": Trigger("merge of persons by external id", merges=True),
    "A40": Trigger("merge of patients by id", merges=True),
    "A41": Trigger("merge of accounts", records="merge-accounts"),
    "A42": Trigger("merge of visits", records="merge-visits"),
    "A43": Trigger("move of patient ids", records="move-ids"),
    "A44": Trigger("move of an account", records="move-account"),
    "A45": Trigger("move of a visit", records="move-visit"),
    "A46": Trigger("change of external id", records="rename-patient"),
    "A47": Trigger("change of patient ids", records="rename-patient"),
    "A48": Trigger("change of alternate patient id", records="rename-patient"),
    "A49": Trigger("change of account number", records="rename-account"),
    "A50": Trigger("change of visit number", records="rename-visit"),
    "A51": Trigger("change of alternate visit id", records="rename-visit"),
    "A52": Trigger("leave cancelled", cancels="A21", needs_visit=True),
    "A53": Trigger("back from leave cancelled", cancels="A22", needs_visit=True),
    "A54": Trigger("change of attending doctor", updates=True, needs_visit=True),
    "A55": Trigger("change of attending doctor cancelled", cancels="A54", needs_visit=True),
    "A60": Trigger("update of allergies", updates=True),
    "A61": Trigger("change of consulting doctor", updates=True, needs_visit=True),
    "A62": Trigger("change of consulting doctor cancelled", cancels="A61", needs_visit=True),
})  # fmt: skip
AMENDING = frozenset(name for name, row in TRIGGERS.items() if row.updates)
"""The triggers that amend: what cancels one of them takes its amendment back."""
PLANNING = frozenset(name for name, row in TRIGGERS.items() if row.plans)
"""The triggers of plans: what cancels one of them calls a plan off (visits/plans.py)."""
LOCAL = Trigger("event of the site", kept=True)
"""What an event means that HL7 leaves to the site: it begins with Z (HL7 v2.5.1 2.17)."""

ENCOUNTER, PATIENT, COVERAGE, CONDITION = "FHIR Encounter", "FHIR Patient", "FHIR Coverage", "FHIR Condition"
ENCOUNTER_PART = "FHIR Encounter, a statement"
RESOURCES = {
    ENCOUNTER: Trigger("visit told whole", updates=True, needs_visit=True),
    PATIENT: Trigger("person told", updates=True),
    COVERAGE: Trigger("payer told", updates=True, needs_visit=True),
    CONDITION: Trigger("diagnosis told", updates=True, needs_visit=True),
    ENCOUNTER_PART: Trigger("one of the statements of a visit told whole", kept=True),
}
"""Resource of FHIR R4 → what it means. An Encounter tells how a visit stands; what it states follows from that and from
what was said before (visits/whole_visits.py)."""

UPDATED, PERSON_UPDATED, TO_INPATIENT, TO_OUTPATIENT = "A08", "A31", "A06", "A07"
DELETED = "A23"
TELLING = {
    "admitted": "A01",
    "visit-started": "A04",
    "transferred": "A02",
    "leave-started": "A21",
    "leave-ended": "A22",
    "discharged": "A03",
    "visit-ended": "A03",
    "arrival-expected": "A05",
    "arrival-cancelled": "A38",
    "discharge-planned": "A16",
    "discharge-plan-cancelled": "A25",
}
"""Type of a fact → the trigger that tells it most plainly: what a message that was lost is taken for (contract 5.8)."""


def cancelling(trigger: str) -> str:
    """The trigger that takes a statement of another one back."""
    taken = WHOLE_STAY if TRIGGERS[trigger].states == "start" else trigger
    return next(name for name, row in TRIGGERS.items() if row.cancels == taken)
