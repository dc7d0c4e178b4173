"""Two people never become one by themselves: whose a message is, by its numbers, birth date and sex. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.hl7.model import PatientId
from services.intake.people.identifiers import Authorities, Numbers
from services.intake.people.joining import IdentityQuery, Register
from services.intake.people.person import merged
from shared.site import config
from shared.site.config import Site

SITE = config.load(config.SAMPLE)
AT = datetime(2026, 3, 1, tzinfo=UTC)


def blind(text: str) -> bytes:
    """A hash without a key will do here."""
    return sha256(text.encode()).digest()


class Told(NamedTuple):
    """What a message says: PID-3 as HL7 text, birth date and sex, and where it came from."""

    ids: str
    born: str = ""
    sex: str = ""
    facility: str = "GOODHEALTH"
    request: bool = False
    sees: frozenset[str] | None = None


class World:
    """A register that outlives its messages, as the database does."""

    def __init__(self, site: Site = SITE) -> None:
        self.register = Register()
        self.numbers = Numbers(site, blind)
        self.register.born_never = self.numbers.born_never
        self.pairs: list[Any] = []
        self.site = site
        self._new = itertools.count(1)

    def hears(self, told: Told) -> str | None:
        """The patient whom the message is about."""
        ids = read(told.ids)
        authorities = Authorities(self.site, blind, self.pairs)
        self.pairs += [pair for each in ids if (pair := authorities.new_pair(each))]
        authorities = Authorities(self.site, blind, self.pairs)
        says = {name: value for name, value in (("birth_date", told.born), ("sex", told.sex)) if value}
        query = IdentityQuery(
            told.facility,
            self.numbers.of(ids, told.facility, authorities),
            says,
            f"P{next(self._new)}",
            told.sees,
            told.request,
        )
        patient = self.register.whose(query)
        if patient is not None:
            before = self.register.persons[patient].get(told.facility, {})
            self.register.persons[patient][told.facility] = merged(before, says, AT)
            self.register.places[patient].add(told.facility)
        return patient

    @property
    def listed(self) -> set[frozenset[str]]:
        """The pairs of patients that are listed."""
        return {frozenset({one[0], two[0]}) for one, two in self.register.evidence}

    def reasons(self) -> set[str]:
        """All that speaks for pairs."""
        return {reason for reasons in self.register.evidence.values() for reason in reasons}


def read(text: str) -> list[PatientId]:
    """`1^^^GH&1.2&ISO^MR~…` as a message tells it."""
    found = []
    for repetition in text.split("~"):
        number, _, _, authority, kind = [*repetition.split("^"), "", "", "", ""][:5]
        space, universal, *_ = [*authority.split("&"), ""]
        found.append(PatientId(number, space or universal or None, kind or None, universal or None))
    return found


def patients(*told: Told, site: Site = SITE) -> tuple[list[str | None], World]:
    """Whom each message is about."""
    world = World(site)
    return [world.hears(each) for each in told], world


ONE, TWO = True, False


@pytest.mark.parametrize(
    ("first", "second", "one"),
    [
        pytest.param("1^^^GH^MR", "1^^^GH^PI", ONE, id="the type is a label"),
        pytest.param("1^^^GH^MR", "1^^^GH", ONE, id="or not told"),
        pytest.param("1^^^GH^MR", "1", ONE, id="no authority is the facility's own"),
        pytest.param("1^^^&2.16.9&ISO^MR", "1^^^GH&2.16.9&ISO^MR", ONE, id="universal id, then both names"),
        pytest.param("1^^^GH&2.16.9&ISO^MR", "1^^^&2.16.9&ISO^MR", ONE, id="both names, then universal id"),
        pytest.param("1^^^GH^MR", "1^^^RB^MR", TWO, id="another authority"),
        pytest.param("1^^^GH^MR~9^^^X^PI", "9^^^X^PI", ONE, id="numbers told together are one person's"),
        pytest.param("1^^^GH^MR~9^^^X^PI", "2^^^GH^MR~9^^^X^PI", TWO, id="another number of the same authority"),
        pytest.param("1^^^GH^MR~999999999^^^USSSA^SS", "2^^^GH^MR~999999999^^^USSSA^SS", TWO, id="a placeholder"),
        pytest.param("1^^^GH^MR~123-45-6780^^^USSSA^SS", "2^^^RB^MR~123456780^^^^SS", TWO, id="a shared SSN"),
        pytest.param("1^^^GH^MR~D7^^^NY^DL", "2^^^RB^MR~D7^^^NY^DL", TWO, id="a shared driver's license"),
        pytest.param("1^^^GH^MR~A5^^^GH^AN", "2^^^RB^MR~A5^^^GH^AN", TWO, id="a shared account number"),
        pytest.param("1^^^GH^MR~000-00-0000^^^X^MR", "2^^^RB^MR~000000000^^^X^MR", TWO, id="a placeholder of any type"),
        pytest.param(
            "1^^^GH^MR~UNKNOWN77^^^X^PI", "2^^^RB^MR~UNKNOWN77^^^X^PI", TWO, id="unknown and whatever follows"
        ),
    ],
)
def test_two_messages_are_of_one_patient_or_of_two(first: str, second: str, one: bool) -> None:
    for order in ((first, second), (second, first)):
        found, _ = patients(*map(Told, order))
        assert (found[0] == found[1]) is one
        assert None not in found


def test_a_list_may_have_the_retired_number_but_joins_nobody_who_was_known_by_it_alone() -> None:
    both, retired = Told("1^^^GH^MR~2^^^GH^MR"), Told("2^^^GH^MR")
    found, world = patients(both, retired)
    assert (found[0] == found[1], world.listed) == (True, set())
    found, world = patients(retired, both)
    assert (found[0] == found[1], world.listed) == (False, {frozenset(map(str, found))})


@pytest.mark.parametrize(
    ("born", "sex", "one"),
    [
        ("1955-01-01", "M", TWO),
        ("1955-01-01", "F", ONE),
        ("1980-01-01", "M", ONE),
        ("1955-01-01", "", ONE),
        ("1955-01-01", "U", ONE),
        ("1955-01-01", "O", ONE),
        ("1955-01-01", "A", ONE),
        ("", "M", ONE),
        ("1900-01-01", "M", ONE),
    ],
)
def test_nobody_is_joined_where_birth_date_and_sex_both_say_otherwise(
    born: str,
    sex: str,
    one: bool,
) -> None:
    known = Told("1^^^GH^MR~9^^^X^PI", "1980-01-01", "F")
    for also in (Told("2^^^RB^MR~9^^^X^PI", born, sex, "RIVERBEND"), Told("9^^^X^PI", born, sex, "RIVERBEND")):
        for order in ((known, also), (also, known)):
            found, world = patients(*order)
            assert (found[0] == found[1]) is one
            assert world.listed == (set() if one else {frozenset(filter(None, found))})


def test_the_senders_own_number_decides_whatever_birth_date_and_sex_say() -> None:
    found, world = patients(Told("1^^^GH^MR", "1980-01-01", "F"), Told("1^^^GH^MR~9^^^X^PI", "1955-01-01", "M"))
    assert found[0] == found[1]
    assert world.hears(Told("9^^^X^PI", facility="RIVERBEND")) != found[0], "it was told of somebody else, it seems"


@pytest.mark.parametrize(
    ("told", "patient"),
    [
        ("9^^^X^PI~1^^^GH^MR", 0),
        ("1^^^GH~5^^^RB^MR", 0),
        ("5^^^RB^MR~9^^^X^PI~1^^^GH^MR", 0),
        ("9^^^X^PI", 1),
        ("5^^^RB^MR~9^^^X^PI", 1),
        ("6^^^RB^MR~9^^^X^PI", 1),
    ],
)
def test_the_facilitys_own_record_number_is_first_whatever_the_order_in_the_field(told: str, patient: int) -> None:
    (one, other, found), _ = patients(Told("1^^^GH^MR"), Told("9^^^X^PI"), Told(told))
    assert found == [one, other][patient]


def test_keys_of_several_people_join_none_of_them_and_are_listed() -> None:
    found, world = patients(Told("8^^^X^PI"), Told("9^^^Y^PI"), Told("1^^^GH^MR~8^^^X^PI~9^^^Y^PI"))
    assert len(set(found)) == 3
    assert world.listed == {frozenset({str(found[2]), str(other)}) for other in found[:2]}
    assert world.reasons() == {"same-identifier"}


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("123-45-6780^^^USSSA^SS", "same-ssn"),
        ("D7^^^NY^DL", "same-driver-license"),
        ("P7^^^US^PPN", "same-passport"),
        ("1EG4TE5MK73^^^CMS^MC", "same-other-number"),
    ],
)
def test_what_two_people_share_and_is_no_key_is_listed(told: str, reason: str) -> None:
    found, world = patients(Told(f"1^^^GH^MR~{told}"), Told(f"2^^^GH^MR~{told}"))
    assert (world.listed, world.reasons()) == ({frozenset(map(str, found))}, {reason})


@pytest.mark.parametrize("told", ["123456780^^^USSSA^SS", "A7^^^GH^AN", "V7^^^GH^VN", "999999999^^^GH^MR", "UNKNOWN"])
def test_a_message_without_a_key_is_nobodys(told: str) -> None:
    found, _ = patients(Told(told), Told(told))
    assert found == [None, None]


def test_one_universal_id_with_the_names_of_two_hospitals_does_not_make_their_numbers_one() -> None:
    found, _ = patients(Told("5^^^A&1.2.3&ISO^MR"), Told("5^^^B&1.2.3&ISO^MR"), Told("5^^^B^MR"), Told("5^^^A^MR"))
    assert found[0] != found[1]
    assert found[2:] == [found[1], found[0]]


def test_what_the_site_lists_is_a_key_too() -> None:
    site = SITE.model_copy(update={"identifier_types": ("MPI",)})
    told = (Told("7^^^X^MPI"), Told("7^^^X^MPI"))
    assert patients(*told, site=site)[0][0] is not None
    assert patients(*told)[0] == [None, None]


# ── requests ──────────────────────────────────────────────────────────────────────────────────────────────────────

HERE = frozenset({"RIVERBEND"})


def test_a_request_finds_and_makes_records_of_its_callers_facilities_alone() -> None:
    known, asked = Told("1^^^GH^MR"), Told("1^^^GH^MR", facility="RIVERBEND", request=True, sees=HERE)
    found, world = patients(known, asked, asked, known)
    assert found[0] == found[3] != found[1] == found[2]
    assert world.listed == {frozenset({str(found[0]), str(found[1])})}
    [(one, two)] = world.register.evidence
    assert {one[1], two[1]} == {"GOODHEALTH", "RIVERBEND"}


def test_what_a_request_named_first_is_not_whom_another_facilitys_messages_are_about() -> None:
    asked = Told("1^^^GH^MR", facility="RIVERBEND", request=True, sees=HERE)
    found, world = patients(asked, Told("1^^^GH^MR"), asked)
    assert found[0] == found[2] != found[1]
    assert world.listed == {frozenset({str(found[0]), str(found[1])})}


def test_a_referral_then_the_admission_at_the_same_facility_are_one_patients() -> None:
    asked = Told("7^^^RB^MR", facility="RIVERBEND", request=True, sees=HERE)
    found, world = patients(asked, Told("7^^^RB^MR", facility="RIVERBEND"), asked)
    assert len(set(found)) == 1
    assert not world.listed


def test_a_feed_that_names_another_facilitys_number_joins_it_knew_it() -> None:
    asked = Told("1^^^GH^MR", facility="RIVERBEND", request=True, sees=HERE)
    feed = Told("7^^^RB^MR~1^^^GH^MR", facility="RIVERBEND")
    found, world = patients(Told("1^^^GH^MR"), asked, feed)
    assert found[2] == found[0] != found[1]
    assert world.listed == {frozenset({str(found[0]), str(found[1])})}


def test_whoever_holds_both_facilities_asks_of_both() -> None:
    both = frozenset({"RIVERBEND", "GOODHEALTH"})
    found, _ = patients(Told("1^^^GH^MR"), Told("1^^^GH^MR", facility="RIVERBEND", request=True, sees=both))
    assert found[0] == found[1]


def test_a_request_with_no_key_is_about_somebody_new_and_what_it_shares_is_listed() -> None:
    ssn = "123456780^^^USSSA^SS"
    found, world = patients(Told(f"1^^^GH^MR~{ssn}"), Told(ssn, facility="RIVERBEND", request=True, sees=HERE))
    assert (world.listed, world.reasons()) == ({frozenset(map(str, found))}, {"same-ssn"})


# ── any order ─────────────────────────────────────────────────────────────────────────────────────────────────────

KEYS = st.sampled_from(["1^^^GH^MR", "2^^^GH^MR", "3^^^GH^PI", "1^^^RB^MR", "2^^^RB", "8^^^X^PI", "9^^^X^PI"])
MESSAGES = st.builds(
    Told,
    ids=st.lists(KEYS, min_size=1, max_size=3, unique=True).map("~".join),
    born=st.sampled_from(["", "1980-01-01", "1955-01-01"]),
    sex=st.sampled_from(["", "F", "M", "U"]),
    facility=st.sampled_from(["GOODHEALTH", "RIVERBEND"]),
    request=st.just(False),  # messages of hospitals, which see every number: else Hypothesis makes these up too
    sees=st.none(),
)


def together(told: Sequence[Told]) -> set[frozenset[int]]:
    """Which messages are of one patient, or of patients that are listed as perhaps one."""
    found, world = patients(*told)
    groups: list[set[str]] = [{str(each)} for each in set(found)]
    for pair in world.listed:
        touched = [group for group in groups if group & pair]
        groups = [group for group in groups if not group & pair] + [set(pair).union(*touched)]
    return {frozenset(n for n, each in enumerate(found) if str(each) in group) for group in groups} - {frozenset()}


@given(
    st.lists(MESSAGES, min_size=2, max_size=5, unique=True).flatmap(
        lambda all_: st.tuples(
            st.just(all_), st.permutations(range(len(all_))), st.lists(st.integers(0, len(all_) - 1), max_size=3)
        )
    )
)
def test_in_whatever_order_and_how_often_they_come_the_same_people_are_one_or_listed(
    given_: tuple[list[Told], list[int], list[int]],
) -> None:
    told, order, again = given_
    places = [*order, *again]
    groups = together([told[place] for place in places])
    assert {frozenset(places[n] for n in group) for group in groups} == together(told)


@given(st.lists(MESSAGES, max_size=6))
def test_nobody_has_two_numbers_of_one_authority_and_type_unless_one_message_told_them_together(
    told: list[Told],
) -> None:
    _, world = patients(*told)
    by_patient: dict[str, set[str]] = {}
    for row, number in world.register.changed.values():
        if row.leads == "everywhere":
            by_patient.setdefault(row.patient_id, set()).add(
                f"{number.told.id}^^^{number.told.authority}^{number.type}"
            )
    side_by_side = [set(each.ids.split("~")) for each in told]
    for numbers in by_patient.values():
        for one, other in itertools.combinations(sorted(numbers), 2):
            same = one.split("^")[3:] == other.split("^")[3:]
            assert not same or any(_told(one, each) and _told(other, each) for each in side_by_side)


def _told(number: str, ids: Iterable[str]) -> bool:
    wanted = number.split("^")
    return any(wanted[0] == each[0] and wanted[3] == each[3] for each in ([*one.split("^"), "", "", ""] for one in ids))
