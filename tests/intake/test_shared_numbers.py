"""A visit number that another patient of the facility has: its messages wait until a person decides (contract 6)."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY

from services.intake import gauges
from services.intake.checks import broken
from services.intake.receiving import number_decisions
from services.intake.receiving.receive import Intake
from services.intake.receiving.shared_numbers import OTHERS_VISIT, NumberDecision
from shared.errors import Rejected
from shared.scope import EVERYTHING
from shared.site.config import Site
from tests.intake.conftest import Hospital

WAITS = ("waiting", "number-of-another-patient")


def of_number(hospital: Hospital, number: str, trigger: str, at: str, **more: str) -> bytes:
    """A message of this patient with a visit number that somebody else may have."""
    return hospital.message(trigger, at, pv1={19: number}, **more)


def said(one: Hospital, other: Hospital, number: str) -> list[bytes]:
    """An admission of the one; an update and a discharge with the same number told of the other, later."""
    return [
        of_number(one, number, "A01", "20260302090000"),
        of_number(other, number, "A08", "20260303090000"),
        of_number(other, number, "A03", "20260304090000"),
    ]


async def test_the_number_of_another_patient_is_warned_of_and_waits(another: Callable[[], Hospital]) -> None:
    one, other = another(), another()
    for message in said(one, other, f"N-{one.mrn}"):
        assert [answer.code for answer in await one.says(message)] == ["AA"]
    assert await one.names() == ["admitted"]
    assert await other.names() == []
    assert [note[1:] for note in await other.notes()] == [WAITS, WAITS]
    assert [list(row.warnings) for row in await one.rows("warnings")] == [[], [OTHERS_VISIT], [OTHERS_VISIT]]


@pytest.mark.parametrize("seed", range(10))
async def test_in_whatever_order_it_comes_the_number_is_his_of_whom_it_was_said_first(
    another: Callable[[], Hospital], seed: int
) -> None:
    one, other, dice = another(), another(), random.Random(seed)
    told = said(one, other, f"N-{one.mrn}")
    told += [
        of_number(other, f"N-{one.mrn}", "A01", "20260302120000"),
        of_number(one, f"N-{one.mrn}", "A03", "20260305090000"),
    ]
    told += dice.sample(told, 1)
    dice.shuffle(told)
    while told:
        await one.says(*[told.pop() for _ in range(min(len(told), dice.randint(1, 2)))])
    assert await one.standing() == {("admitted", "2026-03-02"), ("discharged", "2026-03-05")}
    assert await other.standing() == set()
    assert {note[1:] for note in await other.notes()} == {WAITS}


async def test_where_a_feed_counts_by_patient_each_has_their_own_visit_1(intake: Intake) -> None:
    feeds = tuple(feed.model_copy(update={"visit_numbers": "patient"}) for feed in intake.site.feeds)
    site: Site = intake.site.model_copy(update={"feeds": feeds})
    own = Intake(intake.database, site, intake.seal, intake.clock)
    one, other = Hospital(own), Hospital(own)
    for patient in (one, other):
        await patient.says(of_number(patient, "1", "A01", "20260302090000"))
        assert await patient.names() == ["admitted"]


async def test_what_verify_derives_is_what_stands(own_intake: Intake) -> None:
    one, other = Hospital(own_intake), Hospital(own_intake)
    for message in reversed(said(one, other, "N1")):
        await one.says(message)
    assert [what async for what in broken(own_intake.database, own_intake.site) if what.subject != "outbox"] == []


async def decided(intake: Intake, decision: NumberDecision | None) -> None:
    """A person of role identity says of the only such number what it is; None: takes it back."""
    async with intake.database.begin() as connection:
        [conflict] = await number_decisions.listed(connection, EVERYTHING, None, 10)
        assert await number_decisions.decide(connection, intake, EVERYTHING, conflict.conflict_id, decision)


async def test_a_person_says_that_the_visit_is_the_first_one_s_and_takes_it_back(own_intake: Intake) -> None:
    one, other = Hospital(own_intake), Hospital(own_intake)
    for message in said(one, other, "N1"):
        await one.says(message)
    await decided(own_intake, "holder")
    assert await one.standing() == {("admitted", "2026-03-02"), ("discharged", "2026-03-04")}
    await one.says(of_number(other, "N1", "A13", "20260304100000"))
    assert await one.standing() == {("admitted", "2026-03-02")}
    await decided(own_intake, None)
    assert await one.standing() == {("admitted", "2026-03-02")}
    assert {note[1:] for note in await other.notes()} == {WAITS}
    assert [what async for what in broken(own_intake.database, own_intake.site) if what.subject != "outbox"] == []


async def test_a_person_says_that_each_has_a_visit_of_that_number_and_takes_it_back(own_intake: Intake) -> None:
    one, other = Hospital(own_intake), Hospital(own_intake)
    await one.says(of_number(one, "N1", "A01", "20260302090000"))
    await one.says(of_number(other, "N1", "A01", "20260303090000"))
    await decided(own_intake, "own")
    assert await other.standing() == {("admitted", "2026-03-03")}
    await one.says(of_number(other, "N1", "A03", "20260305090000"))
    assert await other.standing() == {("admitted", "2026-03-03"), ("discharged", "2026-03-05")}
    await decided(own_intake, None)
    assert await other.standing() == set()
    assert await one.standing() == {("admitted", "2026-03-02")}


async def test_what_is_decided_is_not_decided_again(own_intake: Intake) -> None:
    one, other = Hospital(own_intake), Hospital(own_intake)
    for message in said(one, other, "N1"):
        await one.says(message)
    await decided(own_intake, "own")
    with pytest.raises(Rejected, match="decided"):
        await decided(own_intake, "holder")
    async with own_intake.database.read() as connection:
        await gauges.tell(connection)
        assert REGISTRY.get_sample_value("stepdown_visit_numbers_shared", {"facility": "GOODHEALTH"}) is None


async def test_open_numbers_are_counted_by_facility(own_intake: Intake) -> None:
    one, other = Hospital(own_intake), Hospital(own_intake)
    for message in said(one, other, "N1"):
        await one.says(message)
    async with own_intake.database.read() as connection:
        await gauges.tell(connection)
    assert REGISTRY.get_sample_value("stepdown_visit_numbers_shared", {"facility": "GOODHEALTH"}) == 1
