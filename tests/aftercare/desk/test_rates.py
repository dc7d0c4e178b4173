"""Measures and rates over HTTP: which discharges count, and why others do not."""

from __future__ import annotations

from shared.storage.database import Database
from tests.aftercare.builders import day, document, inpatient, stay
from tests.aftercare.desk.conftest import Desk
from tests.aftercare.test_handlers import take_in


async def test_rates_are_those_of_the_discharges_that_count_and_say_why_the_others_do_not(
    desk: Desk, database: Database
) -> None:
    """Detox, a child of three and a medical stay open no window; days attended keep that of a same-day step-down."""
    attended = {"attended": [{"date": day(n).date().isoformat(), "mode": "in-person"} for n in (1, 2, 3, 4)]}
    cases = [
        (inpatient(), stay("php", day(0, 13), id="S") | attended),
        (inpatient() | {"setting": "withdrawal-management", "labels": ["SUD"]},),
        (inpatient() | {"age_years": 3},),
        (inpatient() | {"diagnosis": {"system": "I10", "code": "J18.9"}},),
        (inpatient(), stay("inpatient", day(4), id="V2")),
        (inpatient(), stay("residential", day(1), id="S")),
        (inpatient(), stay("residential", day(9), id="S")),
        (inpatient(kind="transfer"),),
        (inpatient(),),
    ]
    await take_in(database, *(document(*stays, episode_id=f"E{n}") for n, stays in enumerate(cases)))
    asked = {"from": "2026-04-01", "to": "2026-04-01"}
    for row in (await desk.get("/api/measures", query=asked)).json()["items"]:
        assert (row["numerator"], row["denominator"], row["rate"], row["due"]) == (1, 2, 0.5, 1)
        assert row["excluded_by"] == {"non-acute-stay": 2, "readmitted": 1, "transferred": 1}
    excluded = (await desk.get("/api/follow-ups", query={"state": "excluded"})).json()["items"]
    assert {row["reason"] for row in excluded} == {"non-acute-stay", "readmitted", "transferred"}


async def test_measures_count_kept_of_those_not_excluded_by_facility(desk: Desk, database: Database) -> None:
    await take_in(
        database,
        document(inpatient(), stay("php", day(1), id="S"), episode_id="E1"),
        document(inpatient(), episode_id="E2"),
        document(inpatient(kind="deceased"), episode_id="E3"),
        document(inpatient(facility="RIVERBEND"), episode_id="E4"),
        document(inpatient(day(40)), episode_id="E5"),
    )
    asked = {"from": "2026-04-01", "to": "2026-04-30", "measure": "FUH-7"}
    found = (await desk.get("/api/measures", query=asked)).json()["items"]
    shown = [(row["facility"], row["numerator"], row["denominator"], row["excluded"], row["rate"]) for row in found]
    assert shown == [("GOODHEALTH", 1, 2, 1, 0.5), ("RIVERBEND", 0, 1, 0, 0.0)]
    scoped = await desk.get("/api/measures", "auditor", facilities=("RIVERBEND",), query=asked)
    assert [row["facility"] for row in scoped.json()["items"]] == ["RIVERBEND"]
