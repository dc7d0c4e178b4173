"""Decides, by the numbers in a message or request, which patient it is about, and whom each number identifies. Pure.

A key is a number by which a patient is known (identifiers.py). Two people never become one by themselves (contract
5.10, 6 Who): the first key decides, and another one joins only where nothing speaks against it. A number that is not
joined is kept as evidence that two patients may be one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from services.intake.people.identifiers import Number, clash
from services.intake.people.person import Fields

MOST_SHARE = 5
"""A number that more than so many other patients have was typed for want of a real one: it is no evidence."""
Leads = Literal["everywhere", "here", "not"]
"""For whom a number identifies the patient: `everywhere` for messages of every facility, `here` for requests and
messages of the facility that told it, `not` for nobody: then it is only evidence that two patients may be one."""
MatchPair = tuple[tuple[str, str], tuple[str, str]]
"""Two (patient, facility), in the order of the patients."""
_SAYS_NOTHING = frozenset({"", "U", "O", "A", "N"})
"""Sexes (HL7 table 0001) that contradict no other."""
OTHER_NUMBER, BORN, SEX, NAME = "other-number-of-same-authority", "birth-date-differs", "sex-differs", "name-differs"
AGAINST = frozenset({OTHER_NUMBER, BORN, SEX, NAME})
"""What may speak against two patients being one."""
SAME_NAME, SAME_BORN = "same-name", "same-birth-date"
TOLD_AS_ONE = "told-as-one"
"""The word for two patients of whom a hospital said that they are one."""


class NumberRow(NamedTuple):
    """A number of a patient, as a facility told it: `key` and `authorities` are keyed hashes, `types` are CX.5.

    `first`: it was a message's first key at least once, so it is that sender's own number of the patient.
    """

    key: bytes
    patient_id: str
    facility: str
    authorities: frozenset[bytes]
    types: frozenset[str]
    leads: Leads
    first: bool

    def __repr__(self) -> str:
        return f"<NumberRow {self.leads}>"


@dataclass(frozen=True, slots=True)
class IdentityQuery:
    """What a message or request says of a person: the numbers, the surest first, and the fields that are compared.

    `new_id`: the id of the patient, if it is a new one.
    """

    facility: str
    numbers: tuple[Number, ...]
    told: Mapping[str, Any]
    new_id: str
    sees: frozenset[str] | None = None
    """A request may find patients of these facilities alone. None: of all, as a message does."""
    is_request: bool = False


@dataclass(slots=True)
class Register:
    """The patients whom a batch's numbers may identify; each query that is decided changes what the next one finds.

    Rows are kept by (key, patient, facility).
    """

    rows: dict[tuple[bytes, str, str], NumberRow] = field(default_factory=dict)
    places: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Patient → the facilities that told of it; loaded for requests with a limited scope."""
    persons: dict[str, dict[str, Fields]] = field(default_factory=lambda: defaultdict(dict))
    """Patient → facility → what it told."""
    born_never: frozenset[str] = frozenset()
    """Birth dates (YYYY-MM-DD) that stand for an unknown one."""
    made: list[str] = field(default_factory=list)
    """Patients who are new."""
    changed: dict[tuple[bytes, str, str], tuple[NumberRow, Number]] = field(default_factory=dict)
    """Rows that are to be written."""
    evidence: dict[MatchPair, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Two patients who may be one, each as one facility told of it → what speaks for it."""
    _by_key: dict[bytes, dict[tuple[bytes, str, str], NumberRow]] = field(default_factory=dict)
    _by_patient: dict[str, list[tuple[bytes, str, str]]] = field(default_factory=dict)

    def learn(self, rows: Iterable[NumberRow]) -> None:
        """Add rows as they are stored; one that is here already stays as it is."""
        for row in rows:
            if _place(row) not in self.rows:
                self._put(row)

    def whose(self, query: IdentityQuery) -> str | None:
        """Find the patient, or make a new one, and give it the numbers. None for a message without any key."""
        keys = [number for number in query.numbers if number.is_key]
        if not keys and not query.is_request:
            return None
        patient = self._found(query, keys) or query.new_id
        if patient == query.new_id:
            self.made.append(patient)
        joins = not self._contrary(patient, query)
        for nth, number in enumerate(query.numbers):
            self._claim(number, patient, query, joins=joins, first=nth == 0 and number.is_key)
        return patient

    def adopt(self, patient: str, query: IdentityQuery) -> None:
        """Give a patient all these numbers without looking for others: the first version had made them one person's."""
        for nth, number in enumerate(query.numbers):
            self._claim(number, patient, query, joins=True, first=nth == 0 and number.is_key)

    def several(self, query: IdentityQuery) -> bool:
        """Whether the keys belong to more than one patient."""
        patients: set[str] = set()
        for number in query.numbers:
            if number.is_key and (row := self._leading(number, query)):
                patients.add(row.patient_id)
        return len(patients) > 1

    def nothing_new(self, query: IdentityQuery) -> bool:
        """True where nothing is to be decided or written: all numbers are known as told, or a message has no key."""
        keys = [number for number in query.numbers if number.is_key]
        row = self._leading(keys[0], query) if keys else None
        if row is None:
            return not keys and not query.is_request
        for nth, number in enumerate(query.numbers):
            mine = self._mine(number, row.patient_id, query.facility)
            if mine is None or number.type not in mine.types or mine.leads == "here":
                return False
            if not (mine.first or nth > 0 or query.is_request):
                return False
        return True

    def undecided_keys(self, every: Iterable[IdentityQuery]) -> set[bytes]:
        """Hashes of the keys that identify nobody yet: one transaction at a time may decide whose they are."""
        numbers = [number for query in every for number in query.numbers if number.is_key]
        return {
            key for number in numbers if all(row.leads == "not" for row in self._rows_of(number)) for key in number.keys
        }

    def near(self, query: IdentityQuery) -> set[str]:
        """The patients who have any of these numbers, whether it identifies them or not."""
        return {row.patient_id for number in query.numbers for row in self._rows_of(number)}

    # ── which patient it is ───────────────────────────────────────────────────────────────────────────────────────────

    def _found(self, query: IdentityQuery, keys: Sequence[Number]) -> str | None:
        """The patient whom the keys identify: by the first one, else by the others where these agree. None: nobody."""
        if not keys:
            return None
        first = self._leading(keys[0], query)
        if first is not None:
            if query.is_request or self._own(keys[0], first) or not self._contrary(first.patient_id, query):
                return first.patient_id
            self._put(first._replace(leads="not"), keys[0])  # only ever told beside another's: its own sender decides
            return None
        others = {row.patient_id for number in keys[1:] if (row := self._leading(number, query))}
        if len(others) != 1:
            return None
        [other] = others
        rows = self._numbers_of(other)
        against = any(clash(number, rows) for number in keys if not self._leads_to(number, other, query))
        return None if against or self._contrary(other, query) else other

    def _leading(self, number: Number, query: IdentityQuery) -> NumberRow | None:
        """The row by which a number identifies a patient for this query; None where it identifies nobody."""
        found = self._rows_of(number)
        for row in found:
            if row.leads == "everywhere" and (query.sees is None or self.places[row.patient_id] & query.sees):
                return row
        here = {query.facility} if query.sees is None and not query.is_request else query.sees
        return next((row for row in found if row.leads == "here" and (here is None or row.facility in here)), None)

    def _own(self, number: Number, leading: NumberRow) -> bool:
        """Whether any sender told the number as its first key of the patient of `leading`."""
        return any(row.first for row in self._rows_of(number) if row.patient_id == leading.patient_id)

    def _contrary(self, patient: str, query: IdentityQuery) -> bool:
        """Whether birth date and sex both differ from all that is known of the patient: this is somebody else."""
        if patient not in self.persons:
            return False
        known = list(self.persons[patient].values())
        born, sex = self._born(query.told.get("birth_date")), _sex(query.told.get("sex"))
        borns = {each for fields in known if (each := self._born(fields.get("birth_date", (None,))[0]))}
        sexes = {each for fields in known if (each := _sex(fields.get("sex", (None,))[0]))}
        return bool(born and sex and borns and sexes and born not in borns and sex not in sexes)

    def _born(self, told: Any) -> str | None:
        """A birth date; None for none, and for a placeholder."""
        return None if not told or told in self.born_never else str(told)

    # ── whom a number identifies ──────────────────────────────────────────────────────────────────────────────────────

    def _claim(self, number: Number, patient: str, query: IdentityQuery, *, joins: bool, first: bool) -> None:
        """Note that the number was told of the patient; it identifies them unless it identifies another, or clashes.

        `joins`: birth date and sex allow it; `first`: it is the first key.
        """
        mine = self._mine(number, patient, query.facility)
        first = first and not query.is_request
        leads = self._may_lead(number, patient, query, joins=joins or first, mine=mine)
        key = mine.key if mine else self._written(number)
        before = mine or NumberRow(key, patient, query.facility, frozenset(), frozenset(), "not", first=False)
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

    def _may_lead(
        self, number: Number, patient: str, query: IdentityQuery, *, joins: bool, mine: NumberRow | None
    ) -> Leads:
        """How far the number identifies the patient from now on; `mine` is its row until now."""
        before: Leads = mine.leads if mine else "not"
        if not number.is_key or before == "everywhere":
            return before
        if query.is_request:
            taken = self._leading(number, query)
            return "here" if before == "here" or (taken is None and not self._clashes(number, patient)) else "not"
        if any(row.leads == "everywhere" for row in self._rows_of(number)):
            return before
        if before == "here" or self._leads_to(number, patient, query):
            return "everywhere"
        return "everywhere" if joins and not self._clashes(number, patient, query) else "not"

    def _clashes(self, number: Number, patient: str, query: IdentityQuery | None = None) -> bool:
        """Whether the patient had another number of the same authority and type before this was told."""
        rows = self._numbers_of(patient)
        together = {key for each in (query.numbers if query else ()) for key in each.keys}
        if query is not None and patient == query.new_id:  # told together they are one person's
            rows = {key: told for key, told in rows.items() if key not in together}
        return clash(number, rows)

    def _numbers_of(self, patient: str) -> dict[bytes, tuple[frozenset[bytes], frozenset[str]]]:
        """Key → (authority's names, types) of the numbers that identify a patient."""
        found: dict[bytes, tuple[frozenset[bytes], frozenset[str]]] = {}
        for row in (self.rows[place] for place in self._by_patient.get(patient, ())):
            if row.leads != "not":
                before = found.get(row.key, (frozenset(), frozenset()))
                found[row.key] = before[0] | row.authorities, before[1] | row.types
        return found

    def _leads_to(self, number: Number, patient: str, query: IdentityQuery) -> bool:
        """Whether the number identifies this patient."""
        row = self._leading(number, query)
        return row is not None and row.patient_id == patient

    def _mine(self, number: Number, patient: str, facility: str) -> NumberRow | None:
        """The row of a number of the patient, as the facility told it before."""
        for key in number.keys:
            if row := self.rows.get((key, patient, facility)):
                return row
        return None

    def _written(self, number: Number) -> bytes:
        """The hash under which the number is stored already, else its first."""
        return next((key for key in number.keys if self._by_key.get(key)), number.keys[0])

    def _rows_of(self, number: Number) -> list[NumberRow]:
        """The rows with this number."""
        found: list[NumberRow] = []
        for key in number.keys:
            if key in self._by_key:
                found += self._by_key[key].values()
        return found

    def _put(self, row: NumberRow, number: Number | None = None) -> None:
        """Add or change a row; it is to be written where its `number` is given."""
        place = _place(row)
        if place not in self.rows:
            self._by_patient.setdefault(row.patient_id, []).append(place)
        self.rows[place] = self._by_key.setdefault(row.key, {})[place] = row
        if number is not None:
            self.changed[place] = row, number

    # ── evidence that two patients are one ────────────────────────────────────────────────────────────────────────────

    def _compare(self, number: Number, told: NumberRow) -> None:
        """Note as evidence which other patients have the number, unless too many have it."""
        others = [row for row in self._rows_of(number) if row.patient_id != told.patient_id]
        if len({row.patient_id for row in others}) <= MOST_SHARE:
            for other in others:
                one, two = sorted([(told.patient_id, told.facility), (other.patient_id, other.facility)])
                self.evidence[one, two].add(number.reason)


def differences(
    one: Fields, other: Fields, born_never: frozenset[str] = frozenset()
) -> tuple[frozenset[str], frozenset[str]]:
    """(for, against): what in birth date, sex and name of two people speaks for and against their being one."""
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
    """A sex in upper case; None for one that contradicts no other."""
    text = str(told or "").upper()
    return None if text in _SAYS_NOTHING else text


def _place(row: NumberRow) -> tuple[bytes, str, str]:
    """The key of a row in `Register.rows`."""
    return row.key, row.patient_id, row.facility


def other_number(one: Iterable[NumberRow], other: Iterable[NumberRow]) -> bool:
    """Whether two patients have different numbers of one authority and type that identify them."""
    numbers = {row.key: (row.authorities, row.types) for row in other if row.leads != "not"}
    return any(
        not row.types <= {""} and row.key not in numbers and _differs(row, numbers) for row in one if row.leads != "not"
    )


def _differs(row: NumberRow, numbers: Mapping[bytes, tuple[frozenset[bytes], frozenset[str]]]) -> bool:
    """Whether any of `numbers` is of the row's authority and type."""
    return any(row.authorities & names and (row.types & types) - {""} for names, types in numbers.values())
