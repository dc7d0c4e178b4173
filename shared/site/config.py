"""The site config: facilities, units, programs, dispositions, limits and measures, from YAML, checked, with look-ups.

Frozen. What differs between sites belongs here; what is the same everywhere does not (contract 7).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError

from shared.errors import SetUpError
from shared.events.base import Place
from shared.events.levels import Level
from shared.events.open_lists import DispositionKind
from shared.site.billed import STILL_A_PATIENT, BilledAs, BilledCode
from shared.site.contradictions import contradictions
from shared.site.dispositions import NOT_IN_TABLE, NOTHING_FOLLOWS, UNKNOWN, DispositionRow, Follows
from shared.site.likeness import Likeness
from shared.site.limits import Limits, Retention
from shared.site.marked_yaml import ConfigError, Location, Marked, YamlProblem, read
from shared.site.measures import FollowUpClock
from shared.site.names import norm, norm_code
from shared.site.needs import KNOWN, Need, WaitingLine
from shared.site.payers import NO_EDITS, Edits, Payer, PayerClock
from shared.site.recipients import Recipient
from shared.site.sign_in import SignIn
from shared.site.units import Facility, Unit, UnitOfVisit, VisitCodes
from shared.site.values import (
    ANYBODY,
    AdmissionCode,
    Aftercare,
    Authority,
    Billing,
    Feed,
    HangingAfter,
    KeyType,
    LevelRule,
    Name,
    Notice,
    Part,
    PatientStatus,
    Placeholders,
    Program,
    Setting,
    SilentAfter,
)

SAMPLE = Path(__file__).resolve().parents[2] / "config"
TREATS = "treating-provider"
"""The class of whoever gives treatment, a program of another legal entity too, as a consent names it."""


class Site(Part):
    """Everything particular to one site. Names are compared without regard to case and extra spaces."""

    name: Name
    facilities: tuple[Facility, ...] = Field(min_length=1)
    feeds: tuple[Feed, ...] = ()
    payers: tuple[Payer, ...] = Field(min_length=1)
    programs: tuple[Program, ...] = ()
    clocks: tuple[PayerClock, ...] = ()
    """What payers want to be told or signed while a stay goes on, by payer and level (contract 3.8)."""
    dispositions: dict[DispositionKind, tuple[Name, ...]] = Field(default_factory=dict)
    patient_status: dict[Name, PatientStatus] = Field(default_factory=dict)
    """What a bill says of an end: by a code of `dispositions`, else by its kind, or by the desk's word for it."""
    admission_types: dict[AdmissionCode, tuple[Name, ...]] = Field(default_factory=dict)
    """Type of admission on a bill → what PV1-4 says for it, beside the code itself."""
    admission_sources: dict[AdmissionCode, tuple[Name, ...]] = Field(default_factory=dict)
    """Point of origin on a bill → what PV1-14 says for it, beside the code itself."""
    what_follows: dict[Name, tuple[Follows, ...]] = Field(default_factory=dict)
    """What begins after an end: by a code of `dispositions`, else by its kind, or by the desk's word for it."""
    identifier_types: tuple[KeyType, ...] = ()
    """CX.5 of ids that patients are known by, besides MR, PI, PT and none."""
    authorities: tuple[Authority, ...] = ()
    """Who assigns patient ids, where one has several names; what is not here is known by each name it is sent with."""
    placeholders: Placeholders = Placeholders()
    limits: Limits = Limits()
    retention: Retention = Retention()
    """How long things are kept; it decides nothing of what is derived, so it is not part of the version."""
    silent_after: SilentAfter = SilentAfter()
    """When a feed has fallen silent; as `retention`, it is not part of the version."""
    hanging_after: HangingAfter = HangingAfter()
    """When an open visit hangs; as `retention`, it is not part of the version."""
    likeness: Likeness = Likeness()
    """What makes two records a probable match; as `retention`, it is not part of the version."""
    sign_in: SignIn = SignIn()
    """Which claims of an ID token give which roles and facilities; as `retention`, it is not part of the version."""
    follow_ups: tuple[FollowUpClock, ...] = ()
    recommendations: tuple[LevelRule, ...] = Field(default=(ANYBODY,), min_length=1)
    """The policy that recommends a level: the first rule that fits wins."""
    needs: tuple[Need, ...] = ()
    """What a patient may need of a program, besides what the code knows (contract 3.7.3)."""
    waiting_line: WaitingLine = WaitingLine()
    """Who is first in a program's waiting line (contract 3.7.5)."""
    aftercare: Aftercare = Aftercare()
    recipients: tuple[Recipient, ...] = ()
    """To whom facts go, each on a topic of its own (decision 0122)."""
    redisclosure_notice: Notice = "Protected under 42 CFR Part 2; see 42 CFR 2.32."
    """Goes with every record about Part 2 care; the statement that 42 CFR 2.32 asks for is the site's to put here."""

    def __repr__(self) -> str:
        return f"Site({self.name!r}, version {self.version})"

    @cached_property
    def version(self) -> str:
        """Twelve hex digits of a hash of the content, whatever its files, order of keys and comments."""
        content = json.dumps(
            self.model_dump(mode="json", exclude={"retention", "silent_after", "hanging_after", "likeness", "sign_in"}),
            sort_keys=True,
            ensure_ascii=True,
        )
        return hashlib.sha256(content.encode()).hexdigest()[:12]

    @cached_property
    def facility_names(self) -> frozenset[str]:
        """The names of all facilities."""
        return frozenset(each.name for each in self.facilities)

    def facility(self, name: str) -> Facility | None:
        """The facility by its name, or by a text that it is sent as; None for one that the site does not have."""
        return self._facilities.get(norm(name))

    @cached_property
    def may_receive(self) -> dict[str, str]:
        """Whom a consent may name: recipients, and the legal entities of the facilities; id → title."""
        entities = {each.entity_id: each.title for each in self.facilities}
        return entities | {each.id: each.title for each in self.recipients}

    @cached_property
    def classes_that_receive(self) -> frozenset[str]:
        """The classes that a consent may name: those of recipients, and of who gives treatment."""
        return frozenset(each.recipient_class for each in self.recipients) | {TREATS}

    def entity(self, facility: str) -> str:
        """The legal entity of a facility, as a consent names it; of one that the site does not have nobody's."""
        found = self.facility(facility)
        return found.entity_id if found else ""

    def silent_hours(self, facility: str) -> int:
        """After how many hours without a message a facility has fallen silent."""
        own = {norm(name): hours for name, hours in self.silent_after.facilities.items()}
        return own.get(norm(facility), self.silent_after.hours)

    def feed(self, sending_application: str, sending_facility: str) -> Feed:
        """The first feed whose MSH-3 and MSH-4 match; else a feed that takes the facility from MSH-4, then from
        PV1-3.4."""
        sent = (norm(sending_application), norm(sending_facility))
        for feed in self.feeds:
            wanted = (feed.sending_application, feed.sending_facility)
            if all(want is None or norm(want) == have for want, have in zip(wanted, sent, strict=True)):
                return feed
        return Feed(name="other")

    def facility_of(self, sending_application: str, sending_facility: str, location_facility: str) -> Facility | None:
        """The facility that a message (MSH-3, MSH-4, PV1-3.4) is about, from the field that its feed names (contract
        6)."""
        said = {"MSH-4": sending_facility, "PV1-3.4": location_facility}
        looked_up = (
            self.facility(said[place]) for place in self.feed(sending_application, sending_facility).facility_from
        )
        return next((facility for facility in looked_up if facility), None)

    def zone(self, facility: str) -> ZoneInfo:
        """The zone in which the facility's days begin. Raises SetUpError for a facility that the config does not
        have."""
        found = self.facility(facility)
        if found is None:
            known = ", ".join(each.name for each in self.facilities)
            raise SetUpError(f"a facility is asked for that site config {self.version} does not have; it has: {known}")
        return found.zone_info

    def unit(self, facility: str, code: str) -> Unit | None:
        """The unit by its point of care (PV1-3.1); None for one that is not mapped."""
        found = self.facility(facility)
        return self._units.get((found.name, norm(code))) if found else None

    def place(self, facility: str, code: str, told: VisitCodes) -> UnitOfVisit | None:
        """What a unit is for a visit with these codes; None where the unit is not mapped, or not for such visits."""
        unit = self.unit(facility, code)
        return unit.of_visit(told) if unit else None

    def setting(self, facility: str, unit: str | None, program: str | None) -> Setting | None:
        """The special setting of the unit; without a unit, of the unit that the program runs on."""
        found = self.facility(facility)
        if found is None:
            return None
        named = self._units.get((found.name, norm(unit))) if unit else None
        run = (each for each in found.units if program and each.program and norm(each.program) == norm(program))
        where = named or next(run, None)
        return where.setting if where else None

    def program(self, program: str) -> Program | None:
        """The program by its id; None for one that the site does not have."""
        return self._programs.get(norm(program))

    def payer(self, payer: str) -> Payer | None:
        """The payer by its id, or by a text that it is sent as; None for one that the site does not have."""
        return self._payers.get(norm(payer))

    def need(self, key: str) -> Need | None:
        """The need by its key, of the site's own vocabulary; None for one that it does not have."""
        return next((each for each in self.needs if each.key == key and key not in KNOWN), None)

    def plan(self, payer: Payer, plan: str) -> str | None:
        """The payer's plan as the site writes it; None for one that it does not have."""
        return next((known for known in payer.plans if norm(known) == norm(plan)), None)

    def disposition(self, facility: str, code: str | None) -> DispositionKind:
        """What a discharge disposition (PV1-36, code or local text) means at this facility; `1` and `01` are the same
        code."""
        return self.disposition_row(facility, code).kind

    def disposition_row(self, facility: str, code: str | None) -> DispositionRow:
        """The same with the code as the tables write it; the facility's own table goes before the site's."""
        found = self.facility(facility)
        own = self._dispositions.get(found.name, {}) if found else {}
        asked = norm_code(code or "")
        return own.get(asked) or self._dispositions[""].get(asked, NOT_IN_TABLE)

    def status_of(self, *words: str | None) -> PatientStatus | None:
        """The patient status of the first of these words that has one: a disposition's code, its kind, a desk's word
        for an end.

        A two-digit code of the tables is a patient status itself. None where no word has one.
        """
        for word in filter(None, words):
            if (found := self.statuses.get(norm_code(word))) is not None:
                return found
            if len(word) == len(self.unmapped_status) and word.isascii() and word.isdigit() and word != STILL_A_PATIENT:
                return word
        return None

    def begins(self, what: Follows, *words: str | None) -> bool:
        """True when a search or a plan begins after an end, by the first of these words that the table has."""
        for word in filter(None, words):
            if (found := self._what_follows.get(norm_code(word))) is not None:
                return what in found
        return True

    @property
    def unmapped_status(self) -> PatientStatus:
        """The patient status on a bill for an end that nothing describes; the bill then has a warning."""
        return self.patient_status.get(UNKNOWN, "01")

    def admission_type(self, code: str) -> str:
        """PV1-4 as a bill's type of admission; `unknown` for a code in no table."""
        return self._admission_types.get(norm(code), UNKNOWN)

    def admission_source(self, code: str) -> str:
        """PV1-14 as a bill's point of origin; `unknown` for a code in no table."""
        return self._admission_sources.get(norm(code), UNKNOWN)

    def labels(self, facility: str, places: Iterable[Place]) -> set[str]:
        """The labels of the units and programs that these places name."""
        found: set[str] = set()
        for place in places:
            unit = self.unit(facility, place.unit) if place.unit else None
            program = self.program(place.program) if place.program else None
            found.update(unit.labels if unit else (), program.labels if program else ())
        return found

    def needs_authorization(self, payer: str, level: str) -> bool:
        """True when the payer pays for this level only what it authorized; False for an unknown payer."""
        found = self._payers.get(norm(payer))
        return found is not None and level in found.authorizes

    def edits(self, payer: str) -> Edits:
        """What the payer looks at before it pays; nothing for an unknown payer."""
        found = self._payers.get(norm(payer))
        return found.edits if found else NO_EDITS

    def clock(self, payer: str, level: str) -> PayerClock | None:
        """What the payer wants while a stay at the level goes on; None where the site has no row for both."""
        found = self._payers.get(norm(payer))
        return self._clocks.get((norm(found.id), level)) if found else None

    def voids_changed(self, payer: str) -> bool:
        """True when the payer pays nothing of inpatient days that were changed to outpatient in the same bed."""
        found = self._payers.get(norm(payer))
        return found is not None and found.changed_to_outpatient == "void"

    def billed(self, facility: str, program: str | None, unit: str | None, level: str) -> BilledAs:
        """Who bills and how: by the program, else by the unit's program, else by the facility's row for the level."""
        where = self.facility(facility)
        mapped = self.unit(facility, unit) if unit else None
        who = self.program(program or (mapped.program if mapped and mapped.program else ""))
        by_level = where.billing.get(Level(level)) if where else None
        how = (who.billing if who else None) or by_level or Billing()
        npi = (who.npi if who else None) or (where.npi if where else None)
        codes = tuple(BilledCode(code.system, code.code, code.of, code.value) for code in how.codes)
        statuses = tuple(self.statuses.items())
        return BilledAs(
            how.claim_form, who.id if who else program, npi, how.bill_type, codes, statuses, self.unmapped_status
        )

    @cached_property
    def _facilities(self) -> dict[str, Facility]:
        return {norm(name): each for each in self.facilities for name in (each.name, *each.sent_as)}

    @cached_property
    def _units(self) -> dict[tuple[str, str], Unit]:
        return {(each.name, norm(unit.code)): unit for each in self.facilities for unit in each.units}

    @cached_property
    def _payers(self) -> dict[str, Payer]:
        return {norm(name): each for each in self.payers for name in (each.id, *each.sent_as)}

    @cached_property
    def _clocks(self) -> dict[tuple[str, str], PayerClock]:
        return {(norm(each.payer), each.level.value): each for each in self.clocks}

    @cached_property
    def _programs(self) -> dict[str, Program]:
        return {norm(each.id): each for each in self.programs}

    @cached_property
    def _dispositions(self) -> dict[str, dict[str, DispositionRow]]:
        tables = {"": self.dispositions} | {each.name: each.dispositions for each in self.facilities}
        return {
            where: {norm_code(code): DispositionRow(code, kind) for kind, codes in table.items() for code in codes}
            for where, table in tables.items()
        }

    @cached_property
    def statuses(self) -> dict[str, PatientStatus]:
        """Word for an end, in lower case → patient status."""
        return {norm_code(word): status for word, status in self.patient_status.items() if word != UNKNOWN}

    @cached_property
    def _what_follows(self) -> dict[str, tuple[Follows, ...]]:
        told = {norm_code(word): follows for word, follows in self.what_follows.items()}
        return {**NOTHING_FOLLOWS, **told}

    @cached_property
    def _admission_types(self) -> dict[str, str]:
        return _by_sent(self.admission_types)

    @cached_property
    def _admission_sources(self) -> dict[str, str]:
        return _by_sent(self.admission_sources)


def folder_of(path: Path | None) -> Path:
    """Where a site config is read from, as an absolute path; for None the sample site's."""
    return (path or SAMPLE).resolve()


def load(path: Path | None = None) -> Site:
    """The site config at `path`, a file or a folder; without one, at STEPDOWN_CONFIG, else the sample site.

    Raises ConfigError with file and line of every problem, SetUpError where there is nothing to read.
    """
    marked = read(path or Path(os.environ.get("STEPDOWN_CONFIG") or SAMPLE))
    try:
        site = Site.model_validate(marked.values)
    except ValidationError as wrong:
        raise ConfigError(_problems(wrong, marked)) from None
    if against := list(contradictions(site)):
        raise ConfigError([YamlProblem(marked.mark(at), f"{_words(at)}: {text}") for at, text in against])
    return site


def _problems(wrong: ValidationError, marked: Marked) -> list[YamlProblem]:
    """Each validation error as a problem with its file and line; for an unknown key, the line of the key."""
    found = []
    errors = wrong.errors(include_url=False, include_input=False)
    around = {error["loc"][:n] for error in errors for n in range(len(error["loc"]))}
    for error in errors:
        if error["type"] == "too_short" and error["loc"] in around:
            continue  # pydantic counts only the items that are right
        at: Location = tuple(part for part in error["loc"] if part != "[key]")
        key = error.get("ctx", {}).get("key")
        mark = marked.mark((*at, key) if key is not None and error["type"] == "unknown_key" else at)
        found.append(YamlProblem(mark, f"{_words(at)}: {error['msg']}" if at else error["msg"]))
    return found


def _words(at: Location) -> str:
    """`("programs", 3, "level")` → `programs[4].level`, counted from 1."""
    text = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in at)
    return text.removeprefix(".")


def _by_sent(table: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {norm(sent): code for code, texts in table.items() for sent in (code, *texts)}
