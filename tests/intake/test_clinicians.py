"""Who treats a patient is kept with the person, shown on the patient's page, and never on a topic by name."""

from __future__ import annotations

from typing import Any

import pytest

from services.intake.people.clinicians import told
from tests.intake.conftest import Hospital
from tests.intake.said import er7, only

DOE, ROE = ["1234567893", "Doe", "Jane"], ["77", "Roe", "Ann"]


@pytest.mark.parametrize(
    ("pv1_7", "more", "found"),
    [
        ("", (), {}),
        ("1234567893^Doe^Jane^^^Dr", (), {"attending": [DOE]}),
        ("1234567893^Doe&van^Jane~77^Roe^Ann", (), {"attending": [DOE, ROE]}),
        ("^Doe^Jane", (), {"attending": [["", "Doe", "Jane"]]}),
        ('""', (), {"attending": None}),
        ("", ("PD1||||77^Roe^Ann",), {"primary_care": [ROE]}),
        ("", ('PD1||||""',), {"primary_care": None}),
        ("", ("PD1|||Clinic|",), {}),
        ("", ("ROL|1|AD|AT|1234567893^Doe^Jane", "ROL|2|AD|PP|77^Roe^Ann"),
         {"attending": [DOE], "primary_care": [ROE]}),
        ("", ("ROL|1|AD|FHCP|77^Roe^Ann", "ROL|2|AD|CP|9^Consult"), {"primary_care": [ROE]}),
        ("", ("ROL|1|DE|AT|1234567893^Doe^Jane",), {"attending": None}),
        ("77^Roe^Ann", ("ROL|1|AD|AT|1234567893^Doe^Jane",), {"attending": [ROE]}),
    ],
)  # fmt: skip
def test_the_attending_and_primary_care_are_read(pv1_7: str, more: tuple[str, ...], found: dict[str, Any]) -> None:
    assert told(only(er7("A01", pv1={7: pv1_7}, more=more))) == found


async def test_their_names_are_sealed_and_on_no_topic(hospital: Hospital) -> None:
    raw = hospital.message("A01", pv1={7: "1234567893^QUARKDOE^Jane"})
    assert (await hospital.says(raw + b"PD1||||77^QUARKROE^Ann\r"))[0].code == "AA"
    kept = await hospital.identity()
    assert b"QUARKDOE" in kept
    assert b"QUARKROE" in kept
    (admitted,) = await hospital.facts()
    assert b"QUARK" not in admitted.body
    assert admitted.as_json["attending_npi"] == "1234567893"
    await hospital.tells("A08", "20260311090000", pv1={7: '""'})
    assert b"QUARKDOE" not in await hospital.identity()
    assert "attending_npi" not in (await hospital.facts())[-1].as_json
