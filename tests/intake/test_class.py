"""What a unit is for a visit depends on its class: PV1-2, PV1-10, PV1-18 by the site's rows (contract 6)."""

from __future__ import annotations

import pytest

from services.intake.hl7.mapping import FacilityMap
from services.intake.receiving.receive import Intake
from services.intake.visits.derive import derive
from shared.events.levels import Level
from shared.site.config import SAMPLE, load
from shared.site.units import ByClass, Unit, UnitOfVisit, VisitCodes
from tests.intake.conftest import Hospital
from tests.intake.said import own, told

PLACES = FacilityMap(load(SAMPLE))
START, LATER, END = "20260105100000", "20260106090000", "20260107120000"


def facts(*said: object) -> list[tuple[str, object, object]]:
    """(name, level or class, unit) of what messages of one visit mean at the sample site."""
    found = []
    for fact in derive("V1", said, PLACES).facts:  # type: ignore[arg-type]
        value = own(fact)
        place = value.get("to", value)
        found.append((fact.value.TYPE, place.get("level") or place.get("class"), place.get("unit")))
    return found


def test_an_observation_patient_in_an_inpatient_bed_is_inpatient_from_the_a06_on() -> None:
    assert facts(
        told(1, "A04", START, pv1_2="O", pv1_44=START), told(2, "A06", LATER, pv1_2="I"), told(3, "A03", END)
    ) == [("visit-started", "observation", "3W"), ("admitted", "inpatient", "3W"), ("discharged", "inpatient", None)]


def test_an_a07_in_the_same_bed_ends_the_level() -> None:
    begun, changed = told(1, "A01", START, pv1_2="I", pv1_44=START), told(2, "A07", LATER, pv1_2="O")
    assert facts(begun, changed, told(3, "A03", END)) == [
        ("admitted", "inpatient", "3W"), ("transferred", None, "3W"), ("visit-ended", None, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("trigger", "patient_class", "level"),
    [("A06", "", "inpatient"), ("A06", "O", "inpatient"), ("A06", "E", "inpatient"), ("A01", "I", "inpatient")],
)
def test_after_an_a06_the_class_is_inpatient_whatever_pv1_2_says(trigger: str, patient_class: str, level: str) -> None:
    found = facts(
        told(1, "A04", START, pv1_2="E", pv1_44=START), told(2, trigger, LATER, pv1_2=patient_class, pv1_44=START)
    )
    assert found[-1] == ("admitted", level, "3W")


@pytest.mark.parametrize("code", ["I", "R", "B", "X", "IMP", ""])
def test_a_code_that_no_row_asks_leaves_the_unit_s_level(code: str) -> None:
    assert facts(told(1, "A01", START, pv1_2=code, pv1_44=START)) == [("admitted", "inpatient", "3W")]


def test_at_a_residential_unit_an_outpatient_class_leaves_the_level() -> None:
    assert facts(told(1, "A01", START, "RES", pv1_2="O", pv1_44=START)) == [("admitted", "residential", "RES")]


@pytest.mark.parametrize(("unit", "level"), [("3W", "inpatient"), ("RES", "residential")])
def test_an_arrival_is_expected_and_nothing_begins_until_the_start(unit: str, level: str) -> None:
    planned = told(1, "A01", START, unit, pv1_2="P", pv1_44=LATER)
    assert facts(planned) == [("arrival-expected", level, unit)]
    begun = told(2, "A01", LATER, unit, pv1_2="I", pv1_44=LATER)
    assert facts(planned, begun) == [("arrival-expected", level, unit), ("admitted", level, unit)]


def test_an_expected_arrival_is_taken_back_by_a11() -> None:
    planned, off = told(1, "A01", START, pv1_2="P", pv1_44=LATER), told(2, "A11", LATER)
    assert [name for name, _, _ in facts(planned, off)] == ["arrival-expected", "arrival-cancelled"]


def test_the_first_row_that_fits_all_that_it_asks_decides() -> None:
    rows = (
        ByClass(patient_class=("O",), hospital_service=("PSY",), visit_class="observation"),
        ByClass(patient_type=("DAY",), level="php"),
        ByClass(hospital_service=("PSY", "MED"), level="inpatient"),
    )
    unit = Unit(code="X", by_class=rows)
    assert unit.of_visit(VisitCodes("O", "psy")) == UnitOfVisit(None, "observation")
    assert unit.of_visit(VisitCodes("O", "MED", "DAY")) == UnitOfVisit(Level.PHP)
    assert unit.of_visit(VisitCodes("O", "MED")) == UnitOfVisit(Level.INPATIENT)
    assert unit.of_visit(VisitCodes("O", "SURG")) is None


async def test_a_class_that_hl7_does_not_have_is_warned_of_and_listed(own_intake: Intake) -> None:
    hospital = Hospital(own_intake)
    await hospital.says(hospital.message("A01", pv1={2: "IMP"}))
    assert await hospital.names() == ["admitted"]
    assert [list(row.warnings) for row in await hospital.rows("warnings")] == [["class-unmapped"]]
    async with own_intake.database.read() as connection:
        listed = (await connection.exec_driver_sql("SELECT unmapped FROM visits")).scalars().all()
    assert listed == [["class PV1-2 IMP"]]


async def test_a_visit_at_a_program_with_daily_accounts_has_no_level_of_its_own(hospital: Hospital) -> None:
    await hospital.says(hospital.message("A04", "20260310130000", unit="IOPD"))
    await hospital.says(hospital.message("A03", "20260310160000", unit="IOPD"))
    assert await hospital.names() == ["visit-started", "visit-ended"]
    (started, _) = [fact.as_json for fact in await hospital.facts()]
    assert (started["class"], started["unit"]) == ("other", "IOPD")


async def test_a_visit_that_is_a_day_of_a_stay_tells_its_admission_codes_as_they_were_corrected(
    hospital: Hospital,
) -> None:
    await hospital.says(hospital.message("A04", "20260310130000", unit="IOPD", pv1={4: "E", 14: "1"}))
    await hospital.says(hospital.message("A04", "20260310130000", unit="ED", visit="V2", pv1={4: "E"}))
    told = [fact.as_json for fact in await hospital.facts() if fact.name == "visit-started"]
    assert [one.get("admission") for one in told] == [{"type": "1", "source": "1"}, None]
    await hospital.says(hospital.message("A08", "20260310140000", unit="IOPD", pv1={4: "R"}))
    now = [fact.as_json for fact in await hospital.facts() if fact.name == "visit-started"][-1]
    assert now["replaces"]
    assert (now["unit"], now["admission"]["type"]) == ("IOPD", "3")
