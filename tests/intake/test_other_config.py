"""What another site config would make of the stored messages is what it makes of them once it is in force."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from services.intake.console.other_config import differing, patients_and_messages
from services.intake.hl7.mapping import FacilityMap
from services.intake.receiving.receive import Intake
from shared.events.levels import Level
from shared.site.config import SAMPLE, Site, load
from shared.site.values import Unit
from shared.storage.database import Database
from tests.databases import a_database, migrate
from tests.intake.conftest import Hospital
from tests.servers import DatabaseServer
from tools.site_diff.found import SiteDifference
from tools.site_diff.whole import compare, groups, stored_patients

FACTS = sa.text("SELECT ce_id, type, key, occurred_at, standing, convert_from(value, 'UTF8') AS value FROM facts")
ALL = "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} AS t"
TABLES = ("messages", "visits", "facts", "episodes", "patients", "outbox", "audit", "feeds")


async def stored(database: Database) -> dict[str, Any]:
    """ce_id → the fact as it is stored."""
    async with database.read() as connection:
        return {row.ce_id: row for row in (await connection.execute(FACTS)).all()}


async def whole(database: Database) -> list[str]:
    """A hash of each table."""
    async with database.read() as connection:
        return [(await connection.execute(sa.text(ALL.format(name)))).scalar_one() for name in TABLES]


def with_units(site: Site, change: Callable[[Unit], Unit | None], *more: Unit) -> dict[str, Any]:
    """The fields of a site in which the units of GOODHEALTH are otherwise."""
    first, *rest = site.facilities
    units = tuple(filter(None, map(change, first.units)))
    return {"facilities": (first.model_copy(update={"units": (*units, *more)}), *rest)}


def newly_mapped(site: Site) -> dict[str, Any]:
    return with_units(site, lambda unit: unit, Unit.model_validate({"code": "NEWWING", "level": "inpatient"}))


def another_level(site: Site) -> dict[str, Any]:
    return with_units(site, lambda u: u.model_copy(update={"level": Level.RESIDENTIAL}) if u.code == "3W" else u)


def gone(site: Site) -> dict[str, Any]:
    return with_units(site, lambda unit: None if unit.code == "PHP1" else unit)


def payers(site: Site) -> dict[str, Any]:
    acme, *rest = site.payers
    return {"payers": (acme.model_copy(update={"sent_as": (*acme.sent_as, "0815")}), *rest)}


def dispositions(site: Site) -> dict[str, Any]:
    return {"dispositions": {kind: [c for c in codes if c != "01"] for kind, codes in site.dispositions.items()}}


def nothing_that_counts(site: Site) -> dict[str, Any]:
    return {"limits": site.limits.model_copy(update={"parked_alarm_seconds": 61})}


async def some_stories(intake: Intake) -> None:
    """Stays in units that are mapped and not, transfers, ends, payers, a message that names no visit, a death."""
    for nth in range(4):
        hospital = Hospital(intake)
        paid = b"IN1|1|PPO|0815\r" if nth % 2 else b"IN1|1|PPO|ACME\r"
        await hospital.says(hospital.message("A01", unit=("3W", "NEWWING", "PHP1", "ED")[nth]) + paid)
        await hospital.says(hospital.message("A02", "20260311100000", unit=("PHP1", "3W", "NEWWING", "3W")[nth]))
        await hospital.says(hospital.message("A08", "20260311120000", visit="", unit="3W"))
        await hospital.says(hospital.message("A03", "20260312100000"))
        if nth == 2:
            died = hospital.message("A08", "20260313100000").replace(
                b"||19800101|F", b"||19800101|F" + b"|" * 22 + b"Y"
            )
            await hospital.says(died)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (newly_mapped, ("unit", "NEWWING")), (another_level, ("unit", "3W")), (gone, ("unit", "PHP1")),
        (payers, ("payer", "0815")), (dispositions, ("disposition", "01")), (nothing_that_counts, None),
    ],
)  # fmt: skip
async def test_what_is_shown_is_what_is_done_once_the_config_is_in_force(
    own_intake: Intake, change: Callable[[Site], dict[str, Any]], code: tuple[str, str] | None
) -> None:
    await some_stories(own_intake)
    site = Site.model_validate({**own_intake.site.model_dump(by_alias=True), **_dumped(change(own_intake.site))})
    other = replace(own_intake, site=site)
    patients = [patient for patient, _ in await patients_and_messages(own_intake.database)]
    before, tables = await stored(own_intake.database), await whole(own_intake.database)
    found = await differing(own_intake.database, patients, FacilityMap(own_intake.site), other)
    assert await whole(own_intake.database) == tables

    while await other.derive_again():
        pass
    after = await stored(own_intake.database)
    new = [row for ce_id, row in after.items() if ce_id not in before]
    shown = [fact for visit in found.visits for fact in visit.stated] + list(found.of_deaths)
    assert sorted(fact.name for fact in shown) == sorted(row.type for row in new)
    when = sorted((fact.name, fact.value.occurred_at) for fact in shown)
    assert when == sorted((row.type, row.occurred_at) for row in new)
    fell = {ce_id for ce_id, row in before.items() if row.standing and not after[ce_id].standing}
    assert {ce_id for visit in found.visits for ce_id in visit.fallen} == fell
    codes = {(each.kind, each.code) for visit in found.visits for each in visit.codes}
    assert codes == ({code} if code else set())
    assert bool(found.visits) is bool(code)


def _dumped(changed: dict[str, Any]) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if hasattr(value, "model_dump"):
            return value.model_dump(by_alias=True)
        return [plain(each) for each in value] if isinstance(value, tuple) else value

    return {name: plain(value) for name, value in changed.items()}


async def test_a_group_is_small_and_no_patient_is_left_out() -> None:
    patients = [(f"p{nth}", 900) for nth in range(5)] + [("long", 9000), ("last", 1)]
    found = list(groups(patients))
    assert found == [["p0", "p1"], ["p2", "p3"], ["p4"], ["long"], ["last"]]


def with_newwing(folder: Path) -> None:
    """The sample site with one unit more, in a folder."""
    shutil.copytree(SAMPLE, folder, dirs_exist_ok=True)
    units = folder / "facilities.yml"
    row = "- {code: CSU,"
    units.write_text(units.read_text().replace(row, f"- {{code: NEWWING, level: inpatient}}\n      {row}"))


async def test_processes_of_their_own_compare_two_folders(
    own_intake: Intake, tmp_path: Path, postgres: DatabaseServer
) -> None:
    await some_stories(own_intake)
    with_newwing(tmp_path)
    assert load(tmp_path).unit("GOODHEALTH", "NEWWING")
    url = own_intake.database.engine.url.render_as_string(hide_password=False)
    patients = await stored_patients(url)
    seen: list[int] = []
    async with a_database(postgres.url) as placement:
        await migrate(placement, "placement")
        place = placement.engine.url.render_as_string(hide_password=False)
        found = compare({"intake": url, "placement": place}, (SAMPLE, tmp_path), patients, seen.append)
    assert isinstance(found, SiteDifference)
    assert sum(seen) == len(patients) == 4
    told = found.as_json()
    assert told["visits"] == 2
    assert told["by_code"][0] == {
        "kind": "unit", "facility": "GOODHEALTH", "code": "NEWWING", "visits": 2, "facts": told["by_code"][0]["facts"],
        "periods": told["by_code"][0]["periods"],
    }  # fmt: skip
    assert told["periods"]["opened"] >= 1
