"""A facility leaves whose records were merged and moved: no number of it is left, and what its merges did stays."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from services.intake.keeping.leaving import facility as leaving
from services.intake.receiving.receive import Intake
from shared.storage.retired import Retirement, retire
from tests.intake.conftest import NOW
from tests.intake.records import Ward, broken_of
from tests.intake.test_facility_leaves import column, of

LEFT = "GOODHEALTH"
_NUMBERS = (
    "SELECT told FROM record_statements UNION ALL SELECT sealed FROM patient_identifiers WHERE facility = 'GOODHEALTH' "
    "UNION ALL SELECT sealed FROM deleted_persons"
)


async def leave(intake: Intake) -> dict[str, int]:
    """The facility leaves, as `stepdown facility retire` does it; returns what went."""
    async with intake.database.begin() as connection:
        await retire(connection, Retirement(LEFT, NOW, "cli:somebody"))
    return await leaving.Leaving(intake.database, LEFT, "cli:somebody", NOW).delete()


async def merged(ward: Ward) -> None:
    """Two records of the facility that leaves, merged, of one of whom another facility told, too; and a visit moved."""
    await ward.hears(
        ward.says("A01", "20260302090000", "B", visit="W1"),
        ward.says("A01", "20260305090000", "A", visit="W2", unit="RES"),
        of(ward.says("A01", "20260305100000", "B", visit="V1", unit="RB3")),
        ward.says("A40", "20260306090000", "A", retired="B"),
        ward.says("A01", "20260302090000", "X", visit="W3"),
        ward.says("A45", "20260307090000", "C", retired="X", visit="W3", mrg={5: "W3"}),
    )


@pytest.mark.parametrize("then", ["nothing", "a message of another facility", "another config"])
async def test_no_number_of_a_facility_that_left_is_in_its_merges_and_what_they_did_stays(
    own_intake: Intake, then: str
) -> None:
    ward = Ward(own_intake)
    await merged(ward)
    told = await ward.told("A B C X")
    assert {name for name, *_ in told} == {"admitted", "admitted*", "patients-merged"}
    numbers = [fact.as_json["patient"] for fact in await ward.standing("A B C X")]
    facts = await column(own_intake, "SELECT ce_id FROM facts ORDER BY 1")
    assert (await leave(own_intake))["identifiers"] == 6, "four numbers, and those of two statements"
    assert not any(ward.own.encode() in bytes(kept) and b'"mrn"' in kept for kept in await column(own_intake, _NUMBERS))
    if then == "a message of another facility":
        await ward.hears(of(ward.says("A08", "20260308090000", "B", visit="V1", unit="RB3")))
    if then == "another config":
        async with own_intake.database.begin() as connection:
            await connection.execute(sa.text("UPDATE visits SET mapping = 'another'"))
        while await own_intake.derive_again():
            pass
    assert await column(own_intake, "SELECT ce_id FROM facts ORDER BY 1") == facts
    assert len(numbers) == len(told)
    assert await broken_of(own_intake) == []


async def test_what_a_message_had_deleted_of_a_person_goes_too(own_intake: Intake) -> None:
    ward = Ward(own_intake)
    await ward.hears(ward.says("A01", "20260302090000", "B", visit="W1"))
    async with own_intake.database.begin() as connection:
        await connection.execute(
            sa.text("INSERT INTO deleted_persons SELECT 'm', patient_id, facility, sealed, stated_at FROM identities")
        )
    assert (await leave(own_intake))["names"] == 2
    assert await column(own_intake, "SELECT message_id FROM deleted_persons") == []
