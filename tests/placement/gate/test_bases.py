"""Which basis holds for whom, about what, on which day; an oracle that counts days says the same."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.placement.gate.bases import ORDER, Basis, DisclosureRequest, basis_for, obstacle

FIRST = date(2026, 3, 1)
LABELS = ("PSY", "SUD", "PART2")


def same(discloser: str, facility: str) -> bool:
    return discloser == facility


def asked(
    *labels: str, recipient: str = "clinic", purpose: str = "treatment", facility: str = "NORTH"
) -> DisclosureRequest:
    return DisclosureRequest(recipient, "treating-provider", purpose, facility, frozenset(labels))


def basis(**more: object) -> Basis:
    given_: dict[str, object] = {
        "kind": "consent", "id": "c", "scope": frozenset({"PSY"}), "begins": FIRST, "recipient": "clinic",
        "discloser": "NORTH", "purpose": "treatment",
    }  # fmt: skip
    return Basis(**(given_ | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("has", "wants", "day", "word"),
    [
        (basis(), asked("PSY"), FIRST, None),
        (basis(), asked(), FIRST, None),
        (basis(), asked("PSY", "PART2"), FIRST, "not-in-scope"),
        (basis(scope=frozenset(LABELS)), asked("PSY", "PART2"), FIRST, None),
        (basis(), asked("PSY"), FIRST - timedelta(days=1), "not-begun"),
        (basis(ends=FIRST), asked("PSY"), FIRST, None),
        (basis(ends=FIRST), asked("PSY"), FIRST + timedelta(days=1), "expired"),
        (basis(over="revoked"), asked("PSY"), FIRST, "revoked"),
        (basis(over="expired"), asked("PSY"), FIRST, "expired"),
        (basis(over="replaced"), asked("PSY"), FIRST, "cancelled"),
        (basis(), asked("PSY", recipient="board"), FIRST, "no-consent"),
        (basis(), asked("PSY", facility="SOUTH"), FIRST, "other-discloser"),
        (basis(discloser=None), asked("PSY", facility="SOUTH"), FIRST, None),
        (basis(), asked("PSY", purpose="payment"), FIRST, "other-purpose"),
        (basis(purpose="tpo"), asked("PSY", purpose="operations"), FIRST, None),
        (basis(purpose="tpo"), asked("PSY", purpose="research"), FIRST, "other-purpose"),
        (basis(recipient=None, recipient_class="treating-provider"), asked("PSY"), FIRST, None),
        (basis(recipient=None, recipient_class="payer"), asked("PSY"), FIRST, "no-consent"),
        (basis(recipient="board", recipient_class="treating-provider"), asked("PSY"), FIRST, "no-consent"),
        (basis(recipient=None), asked("PSY"), FIRST, "no-consent"),
        (basis(kind="emergency", purpose=None, discloser=None, ends=FIRST, scope=frozenset(LABELS)),
         asked(*LABELS), FIRST, None),
        (basis(kind="court-order", purpose=None, scope=frozenset()), asked("PART2"), FIRST, "not-in-scope"),
        (basis(kind="audit", purpose=None, ends=FIRST), asked("PSY"), FIRST + timedelta(days=1), "expired"),
    ],
)  # fmt: skip
def test_a_basis_holds_for_whom_what_and_when_it_says(
    has: Basis, wants: DisclosureRequest, day: date, word: str | None
) -> None:
    assert obstacle(has, wants, day, same) == word


def test_of_several_that_hold_the_one_that_asks_least_of_the_patient_is_taken() -> None:
    agreed = [basis(kind="service-agreement", id="q", discloser=None, purpose=None)]
    told = [basis(id="b"), basis(id="a"), basis(kind="emergency", id="e")]
    assert _id(basis_for(agreed, told, asked("PSY"), FIRST, same)) == "q"
    assert _id(basis_for([], told, asked("PSY"), FIRST, same)) == "a"
    assert _id(basis_for([], told[::-1], asked("PSY"), FIRST, same)) == "a"


def test_the_reason_is_how_far_the_nearest_consent_came_and_not_the_agreement() -> None:
    agreed = [basis(kind="service-agreement", id="q", scope=frozenset())]
    assert basis_for(agreed, [], asked("PSY"), FIRST, same) == "no-consent"
    told = [basis(over="revoked"), basis(recipient="board")]
    assert basis_for(agreed, told, asked("PSY"), FIRST, same) == "revoked"


def _id(found: object) -> str:
    assert isinstance(found, Basis)
    return found.id


DAYS = st.integers(0, 12).map(lambda n: FIRST + timedelta(days=n))


@st.composite
def bases(draw: st.DrawFn) -> Basis:
    begins = draw(DAYS)
    return basis(
        kind=draw(st.sampled_from(["consent", "emergency", "audit", "court-order", "service-agreement"])),
        id=draw(st.sampled_from("abc")),
        scope=frozenset(draw(st.sets(st.sampled_from(LABELS)))),
        begins=begins,
        ends=draw(st.none() | st.integers(0, 6).map(lambda n: begins + timedelta(days=n))),
        over=draw(st.sampled_from([None, None, None, "revoked", "expired", "cancelled", "replaced"])),
        recipient=draw(st.sampled_from(["clinic", "board"])),
        discloser=draw(st.sampled_from([None, "NORTH", "SOUTH"])),
        purpose=draw(st.sampled_from([None, "treatment", "payment", "tpo"])),
    )


def days_of(one: Basis) -> set[date]:
    """Every day on which it holds, one by one."""
    last = one.ends or FIRST + timedelta(days=40)
    return set() if one.over else {one.begins + timedelta(days=n) for n in range((last - one.begins).days + 1)}


@given(st.lists(bases(), max_size=5), st.sets(st.sampled_from(LABELS)), DAYS)
def test_there_is_a_basis_on_exactly_the_days_that_an_oracle_counts(
    told: list[Basis], labels: set[str], day: date
) -> None:
    holding = [
        one
        for one in told
        if day in days_of(one)
        and labels <= one.scope
        and one.recipient == "clinic"
        and one.discloser in {None, "NORTH"}
        and one.purpose in {None, "treatment", "tpo"}
    ]
    found = basis_for([], told, asked(*labels), day, same)
    if holding:
        assert found in holding
    else:
        assert found in ORDER


@given(st.lists(bases(), max_size=4), bases(), st.sets(st.sampled_from(LABELS)), DAYS)
def test_another_basis_never_takes_one_away_and_another_label_never_gives_one(
    told: list[Basis], more: Basis, labels: set[str], day: date
) -> None:
    before = basis_for([], told, asked(*labels), day, same)
    if isinstance(before, Basis):
        assert isinstance(basis_for([], [*told, more], asked(*labels), day, same), Basis)
    else:
        assert not isinstance(basis_for([], told, asked(*labels, *LABELS), day, same), Basis)
