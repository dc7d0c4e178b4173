"""Records that share no number are listed as one person's maybe, by names, birth date, telephone and address."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from services.intake.people.finding.likely import Likely
from services.intake.people.likeness import compared, points
from services.intake.people.person import Fields
from services.intake.receiving.receive import Intake
from shared.site.likeness import Likeness
from tests.intake.records import Ward

JANE: dict[str, Any] = {
    "names": [["Müller-Smith", "Jane"]],
    "birth_date": "1980-02-14",
    "sex": "F",
    "home": [{"system": "phone", "value": "(607) 555-0101"}],
    "address": ["12 Elm St", "", "Lima", "NY", "14485"],
}


def person(**told: Any) -> Fields:
    """Fields as they are kept."""
    return {name: (value, "2026-03-01T09:00:00+00:00") for name, value in told.items()}


@pytest.mark.parametrize(
    ("other", "speaks_for", "against", "listed"),
    [
        (JANE, {"same-name", "same-birth-date", "same-telephone", "same-address"}, set(), True),
        ({**JANE, "names": [["MULLER SMITH", "JANE"]]}, {"same-name"}, set(), True),
        ({"names": [["Muller-Smyth", "Jane"]], "birth_date": "1980-02-14"}, {"similar-name"}, set(), True),
        ({"names": [["Muller-Smyth", "Jane"]]}, {"similar-name"}, set(), False),
        ({"names": [["Muller-Smyth", "Jane"]], "home": [{"system": "phone", "value": "607 555 0101"}]},
         {"similar-name", "same-telephone"}, set(), False),
        ({"names": [["Alpha", "Bert"]], "birth_date": "1980-02-14", "sex": "M"},
         {"same-birth-date"}, {"name-differs", "sex-differs"}, False),
        ({**JANE, "birth_date": "1955-01-01"}, {"same-name"}, {"birth-date-differs"}, False),
    ],
)  # fmt: skip
def test_what_speaks_for_and_against_is_weighed(
    other: dict[str, Any], speaks_for: set[str], against: set[str], *, listed: bool
) -> None:
    rules = Likeness()
    found, not_so = compared(person(**JANE), person(**other), frozenset(), rules)
    assert speaks_for <= found
    assert not_so == against
    assert (points(found, not_so, rules) >= rules.listed_from) == listed


async def listed(intake: Intake, ward: Ward) -> list[set[str]]:
    """The reasons of the matches between A and B, once all that changed was compared."""
    await Likely(intake).run()
    patients = sorted([str(await ward.patient(name)) for name in ("A", "B")])
    query = sa.text(
        "SELECT e.reasons FROM matches AS m JOIN match_evidence AS e USING (match_id) "
        "WHERE m.one = :one AND m.other = :two"
    )
    async with intake.database.read() as connection:
        rows = await connection.execute(query, {"one": patients[0], "two": patients[1]})
        return [set(each) for each in rows.scalars()]


async def test_two_records_without_a_common_number_are_found_by_name_and_birth_date(own_intake: Intake) -> None:
    ward = Ward(own_intake)
    for name, at, written in (("A", "20260302090000", b"SMITH^JANE"), ("B", "20260303090000", b"Smyth^Jane")):
        raw = ward.says("A01", at, name, visit=f"W{name}").replace(b"TESTER^CASE", written)
        await ward.hears(raw.replace(b"19800101", b"19800214"))
    assert await listed(own_intake, ward) == [{"similar-name", "same-birth-date"}]


async def test_people_who_share_a_name_alone_are_not_listed(own_intake: Intake) -> None:
    ward = Ward(own_intake)
    for name, day in (("A", b"19800214"), ("B", b"19550101")):
        await ward.hears(ward.says("A01", "20260302090000", name, visit=f"W{name}").replace(b"19800101", day))
    assert await listed(own_intake, ward) == []


async def test_a_record_is_compared_again_when_it_changes(own_intake: Intake) -> None:
    ward = Ward(own_intake)
    for name, day in (("A", b"19800214"), ("B", b"19550101")):
        await ward.hears(ward.says("A01", "20260302090000", name, visit=f"W{name}").replace(b"19800101", day))
    assert await listed(own_intake, ward) == []
    await ward.hears(ward.says("A08", "20260303090000", "B", visit="WB").replace(b"19800101", b"19800214"))
    assert await listed(own_intake, ward) == [{"same-name", "same-birth-date"}]


def weighing(intake: Intake, **weights: int) -> Intake:
    """The same intake, started with other weights."""
    site = intake.site.model_copy(update={"likeness": Likeness(**weights)})
    return Intake(intake.database, site, intake.seal, intake.clock, prepared=True)


async def test_after_a_change_of_the_weights_every_record_is_compared_anew_once(own_intake: Intake) -> None:
    ward = Ward(own_intake)
    for name in ("A", "B"):
        await ward.hears(ward.says("A01", "20260302090000", name, visit=f"W{name}"))
    both = [{"same-name", "same-birth-date"}]
    assert await listed(own_intake, ward) == both
    assert await listed(weighing(own_intake, listed_from=7), ward) == []
    assert await listed(weighing(own_intake, listed_from=6), ward) == both
    again = Likely(weighing(own_intake, listed_from=6))
    await again.run()
    assert (again.again, again.whole) == (0, True)


async def test_what_somebody_decided_stays_whatever_the_weights(own_intake: Intake) -> None:
    ward = Ward(own_intake)
    for name in ("A", "B"):
        await ward.hears(ward.says("A01", "20260302090000", name, visit=f"W{name}"))
    both = await listed(own_intake, ward)
    async with own_intake.database.begin() as connection:
        await connection.execute(sa.text("UPDATE matches SET state = 'different', decided_by = 'somebody'"))
    assert await listed(weighing(own_intake, listed_from=100), ward) == both
