"""Whose a message is, by its numbers: found, or a new patient; and which numbers lead to whom from then on. Pure.

Two people never become one by themselves (contract 5.10, 6 Who): the first key decides; another one joins only where
nothing speaks against it. What is not joined is told apart as evidence that two patients may be one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from services.intake.people.identifiers import Number, clash
from services.intake.people.person import Fields

MOST_SHARE = 5
"""A number that more other patients have is typed where nobody knew: it speaks for nothing."""
Leads = Literal["everywhere", "here", "not"]
"""Whom a number leads to: for messages of every facility, for requests and messages of the facility that told it, or
for nobody: then it only speaks for two patients being one."""
Pair = tuple[tuple[str, str], tuple[str, str]]
"""Two (patient, facility), in the order of the patients."""
_SAYS_NOTHING = frozenset({"", "U", "O", "A", "N"})
"""HL7 table 0001: of these none speaks against another."""
OTHER_NUMBER, BORN, SEX, NAME = "other-number-of-same-authority", "birth-date-differs", "sex-differs", "name-differs"
AGAINST = frozenset({OTHER_NUMBER, BORN, SEX, NAME})
SAME_NAME, SAME_BORN = "same-name", "same-birth-date"


class NumberRow(NamedTuple):
    """A number of a patient, as a facility told it. `first`: as a message's first key, so it is the sender's own."""

    key: bytes
    patient_id: str
    facility: str
    authorities: frozenset[bytes]
    types: frozenset[str]
    leads: Leads
    first: bool

    def __repr__(self) -> str:
        return f"<Row {self.leads}>"


@dataclass(frozen=True, slots=True)
class Asking:
    """What somebody says of a person: its numbers, the surest first, and the fields of it that count here."""

    facility: str
    numbers: tuple[Number, ...]
    told: Mapping[str, Any]
    new_id: str
    sees: frozenset[str] | None = None
    """A request: of these facilities' patients alone. None: a message, which knew every number that it names."""
    is_request: bool = False


@dataclass(slots=True)
class Register:
    """The patients whom numbers may mean, as they stand while messages are gone through one after the other."""

    rows: dict[tuple[bytes, str, str], NumberRow] = field(default_factory=dict)
    places: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Patient → the facilities that told of it, as far as requests need it."""
    persons: dict[str, dict[str, Fields]] = field(default_factory=lambda: defaultdict(dict))
    """Patient → facility → what it told."""
    born_never: frozenset[str] = frozenset()
    made: list[str] = field(default_factory=list)
    """Patients who are new."""
    changed: dict[tuple[bytes, str, str], tuple[NumberRow, Number]] = field(default_factory=dict)
    evidence: dict[Pair, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Two patients who may be one, each as one facility told of it → what speaks for it."""
    _by_key: dict[bytes, dict[tuple[bytes, str, str], NumberRow]] = field(default_factory=dict)
    _by_patient: dict[str, list[tuple[bytes, str, str]]] = field(default_factory=dict)

    def learn(self, rows: Iterable[NumberRow]) -> None:
        """Rows as they are stored."""
        for row in rows:
            if _place(row) not in self.rows:
                self._put(row)

    def whose(self, asking: Asking) -> str | None:
        """The patient, found or new; its numbers are written to it. None: a message without any key."""
        keys = [number for number in asking.numbers if number.is_key]
        if not keys and not asking.is_request:
            return None
        patient = self._found(asking, keys) or asking.new_id
        if patient == asking.new_id:
            self.made.append(patient)
        joins = not self._contrary(patient, asking)
        for nth, number in enumerate(asking.numbers):
            self._claim(number, patient, asking, joins=joins, first=nth == 0 and number.is_key)
        return patient

    def adopt(self, patient: str, asking: Asking) -> None:
        """Write numbers to a patient who has all of them already: the first version made them one person's."""
        for nth, number in enumerate(asking.numbers):
            self._claim(number, patient, asking, joins=True, first=nth == 0 and number.is_key)

    def several(self, asking: Asking) -> bool:
        """Whether the keys belong to more than one patient."""
        patients: set[str] = set()
        for number in asking.numbers:
            if number.is_key and (row := self._leading(number, asking)):
                patients.add(row.patient_id)
        return len(patients) > 1

    def plain(self, asking: Asking) -> bool:
        """True where all is known as it is told: nothing is to be decided or written."""
        keys = [number for number in asking.numbers if number.is_key]
        row = self._leading(keys[0], asking) if keys else None
        if row is None:
            return not keys and not asking.is_request
        for nth, number in enumerate(asking.numbers):
            mine = self._mine(number, row.patient_id, asking.facility)
            if mine is None or number.type not in mine.types or mine.leads == "here":
                return False
            if not (mine.first or nth > 0 or asking.is_request):
                return False
        return True

    def leading_nowhere(self, every: Iterable[Asking]) -> set[bytes]:
        """The keys that lead to nobody: whose they are is to be decided by one at a time."""
        numbers = [number for asking in every for number in asking.numbers if number.is_key]
        return {
            key for number in numbers if all(row.leads == "not" for row in self._rows_of(number)) for key in number.keys
        }

    def near(self, asking: Asking) -> set[str]:
        """The patients of whom anything of these numbers is known."""
        return {row.patient_id for number in asking.numbers for row in self._rows_of(number)}

    # ── who it is ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _found(self, asking: Asking, keys: Sequence[Number]) -> str | None:
        if not keys:
            return None
        first = self._leading(keys[0], asking)
        if first is not None:
            if asking.is_request or self._own(keys[0], first) or not self._contrary(first.patient_id, asking):
                return first.patient_id
            self._put(first._replace(leads="not"), keys[0])  # only ever told beside another's: its own sender decides
            return None
        others = {row.patient_id for number in keys[1:] if (row := self._leading(number, asking))}
        if len(others) != 1:
            return None
        [other] = others
        rows = self._numbers_of(other)
        against = any(clash(number, rows) for number in keys if not self._leads_to(number, other, asking))
        return None if against or self._contrary(other, asking) else other

    def _leading(self, number: Number, asking: Asking) -> NumberRow | None:
        found = self._rows_of(number)
        for row in found:
            if row.leads == "everywhere" and (asking.sees is None or self.places[row.patient_id] & asking.sees):
                return row
        here = {asking.facility} if asking.sees is None and not asking.is_request else asking.sees
        return next((row for row in found if row.leads == "here" and (here is None or row.facility in here)), None)

    def _own(self, number: Number, leading: NumberRow) -> bool:
        """Whether some sender told it as the first key of this patient."""
        return any(row.first for row in self._rows_of(number) if row.patient_id == leading.patient_id)

    def _contrary(self, patient: str, asking: Asking) -> bool:
        """Whether birth date and sex both say that this is somebody else."""
        if patient not in self.persons:
            return False
        known = list(self.persons[patient].values())
        born, sex = self._born(asking.told.get("birth_date")), _sex(asking.told.get("sex"))
        borns = {each for fields in known if (each := self._born(fields.get("birth_date", (None,))[0]))}
        sexes = {each for fields in known if (each := _sex(fields.get("sex", (None,))[0]))}
        return bool(born and sex and borns and sexes and born not in borns and sex not in sexes)

    def _born(self, told: Any) -> str | None:
        return None if not told or told in self.born_never else str(told)

    # ── what leads to it ──────────────────────────────────────────────────────────────────────────────────────────

    def _claim(self, number: Number, patient: str, asking: Asking, *, joins: bool, first: bool) -> None:
        """Write that the number was told of the patient; it leads there unless it leads elsewhere, or clashes."""
        mine = self._mine(number, patient, asking.facility)
        first = first and not asking.is_request
        leads = self._may_lead(number, patient, asking, joins=joins or first, mine=mine)
        key = mine.key if mine else self._written(number)
        before = mine or NumberRow(key, patient, asking.facility, frozenset(), frozenset(), "not", first=False)
        after = before._replace(
            authorities=before.authorities | frozenset(number.authorities),
            types=before.types | {number.type},
            leads=leads,
            first=before.first or first,
        )
        if after != mine:
            self._put(after, number)
        if mine is None:
            self._compare(number, after)

    def _may_lead(self, number: Number, patient: str, asking: Asking, *, joins: bool, mine: NumberRow | None) -> Leads:
        before: Leads = mine.leads if mine else "not"
        if not number.is_key or before == "everywhere":
            return before
        if asking.is_request:
            taken = self._leading(number, asking)
            return "here" if before == "here" or (taken is None and not self._clashes(number, patient)) else "not"
        if any(row.leads == "everywhere" for row in self._rows_of(number)):
            return before
        if before == "here" or self._leads_to(number, patient, asking):
            return "everywhere"
        return "everywhere" if joins and not self._clashes(number, patient, asking) else "not"

    def _clashes(self, number: Number, patient: str, asking: Asking | None = None) -> bool:
        """Whether the patient had another number of the same authority and type before this was told."""
        rows = self._numbers_of(patient)
        together = {key for each in (asking.numbers if asking else ()) for key in each.keys}
        if asking is not None and patient == asking.new_id:  # told together they are one person's
            rows = {key: told for key, told in rows.items() if key not in together}
        return clash(number, rows)

    def _numbers_of(self, patient: str) -> dict[bytes, tuple[frozenset[bytes], frozenset[str]]]:
        found: dict[bytes, tuple[frozenset[bytes], frozenset[str]]] = {}
        for row in (self.rows[place] for place in self._by_patient.get(patient, ())):
            if row.leads != "not":
                before = found.get(row.key, (frozenset(), frozenset()))
                found[row.key] = before[0] | row.authorities, before[1] | row.types
        return found

    def _leads_to(self, number: Number, patient: str, asking: Asking) -> bool:
        row = self._leading(number, asking)
        return row is not None and row.patient_id == patient

    def _mine(self, number: Number, patient: str, facility: str) -> NumberRow | None:
        for key in number.keys:
            if row := self.rows.get((key, patient, facility)):
                return row
        return None

    def _written(self, number: Number) -> bytes:
        """The hash that it is written under already, else the first."""
        return next((key for key in number.keys if self._by_key.get(key)), number.keys[0])

    def _rows_of(self, number: Number) -> list[NumberRow]:
        found: list[NumberRow] = []
        for key in number.keys:
            if key in self._by_key:
                found += self._by_key[key].values()
        return found

    def _put(self, row: NumberRow, number: Number | None = None) -> None:
        place = _place(row)
        if place not in self.rows:
            self._by_patient.setdefault(row.patient_id, []).append(place)
        self.rows[place] = self._by_key.setdefault(row.key, {})[place] = row
        if number is not None:
            self.changed[place] = row, number

    # ── what speaks for two being one ─────────────────────────────────────────────────────────────────────────────

    def _compare(self, number: Number, told: NumberRow) -> None:
        others = [row for row in self._rows_of(number) if row.patient_id != told.patient_id]
        if len({row.patient_id for row in others}) <= MOST_SHARE:
            for other in others:
                one, two = sorted([(told.patient_id, told.facility), (other.patient_id, other.facility)])
                self.evidence[one, two].add(number.reason)


def differences(
    one: Fields, other: Fields, born_never: frozenset[str] = frozenset()
) -> tuple[frozenset[str], frozenset[str]]:
    """What birth date, sex and name of two people say for their being one, and what against."""
    speaks_for: set[str] = set()
    against: set[str] = set()
    told = [(_value(fields, "birth_date"), _sex(_value(fields, "sex")), _names(fields)) for fields in (one, other)]
    (born, sex, names), (other_born, other_sex, other_names) = told
    if born and other_born and not {born, other_born} & born_never:
        (speaks_for if born == other_born else against).add(SAME_BORN if born == other_born else BORN)
    if sex and other_sex and sex != other_sex:
        against.add(SEX)
    if names and other_names:
        (speaks_for if names & other_names else against).add(SAME_NAME if names & other_names else NAME)
    return frozenset(speaks_for), frozenset(against)


def _value(fields: Fields, name: str) -> Any:
    return fields[name][0] if name in fields else None


def _names(fields: Fields) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(part.casefold() for part in pair) for pair in _value(fields, "names") or ())


def _sex(told: Any) -> str | None:
    text = str(told or "").upper()
    return None if text in _SAYS_NOTHING else text


def _place(row: NumberRow) -> tuple[bytes, str, str]:
    return row.key, row.patient_id, row.facility


def other_number(one: Iterable[NumberRow], other: Iterable[NumberRow]) -> bool:
    """Whether two patients have keys of one authority and type that differ."""
    numbers = {row.key: (row.authorities, row.types) for row in other if row.leads != "not"}
    return any(
        not row.types <= {""} and row.key not in numbers and _differs(row, numbers) for row in one if row.leads != "not"
    )


def _differs(row: NumberRow, numbers: Mapping[bytes, tuple[frozenset[bytes], frozenset[str]]]) -> bool:
    return any(row.authorities & names and (row.types & types) - {""} for names, types in numbers.values())
