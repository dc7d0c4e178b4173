"""How a stay ended, told by FHIR and read in again, is the same: every code of the site's table, both ways."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson
import pytest

from services.intake.fhir.bodies import body_of, read_told, told_in
from services.intake.hl7.mapping import FacilityMap, SiteRules
from services.intake.hl7.model import Adt
from services.intake.visits import codes as visits
from services.placement.engine.visible import part
from services.placement.fhir import stays
from services.placement.fhir.codes import DISPOSITION
from services.placement.fhir.episodes import SeenEpisode
from services.placement.rules import rules_of
from shared.events.base import Disposition
from shared.fhir.billed_codes import OF_STATUS, STATUS_OF
from shared.scope import Scope
from shared.site import config
from tests.builders import a_story, admitted, discharged
from tests.builders.folding import folded

SITE = config.load(config.SAMPLE)
RULES, FEEDS, MAPPED = rules_of(SITE), SiteRules(SITE), FacilityMap(SITE)
EVERYWHERE = Scope(None)
CODES = [code for kind in SITE.dispositions for code in SITE.dispositions[kind]]
R4 = {"home", "alt-home", "other-hcf", "hosp", "long", "aadvice", "exp", "psy", "rehab", "snf", "oth"}
"""The value set encounter-discharge-disposition of R4."""


def read_in(told: dict[str, Any] | None) -> Adt:
    """An Encounter that ended so, as it is read in."""
    resource = {
        "resourceType": "Encounter", "id": "e", "status": "finished", "class": {"code": "IMP"},
        "subject": {"identifier": {"system": "GH", "value": "M1"}}, "serviceProvider": {"display": "GOODHEALTH"},
        "period": {"start": "2026-03-02T10:00:00Z", "end": "2026-03-09T14:00:00Z"},
    }  # fmt: skip
    body = body_of(orjson.dumps({**resource, **({"hospitalization": told} if told else {})}))
    (one,) = told_in(body, own_id="e")
    return read_told(one, FEEDS, datetime(2026, 3, 20, tzinfo=UTC)).adt


def emitted(one: Disposition) -> dict[str, Any] | None:
    """What placement tells of a stay that ended so."""
    facts = a_story(admitted(), discharged(kind=one.kind, code=one.code, level="inpatient"))
    mine = part(facts, folded(*facts), EVERYWHERE, RULES)
    (encounter,) = stays.encounters(SeenEpisode("E1", "P1", mine, RULES))
    found: dict[str, Any] | None = msgspec.to_builtins(encounter).get("hospitalization")
    return found


def again(one: Disposition) -> Disposition:
    """The same, told and read in again."""
    return visits.disposition(read_in(emitted(one)), MAPPED)


@pytest.mark.parametrize("code", [*CODES, "in no table", ""])
def test_what_we_tell_is_read_in_as_the_same(code: str) -> None:
    told = MAPPED.disposition("GOODHEALTH", code or None)
    assert again(told) == told


def test_a_death_that_only_the_patient_told_of_is_one_again() -> None:
    assert again(Disposition(code=None, kind="deceased")).kind == "deceased"
    assert again(Disposition(code="unknown", kind="deceased")).kind == "deceased"


@pytest.mark.parametrize("code", sorted(R4))
def test_what_others_tell_is_told_as_the_same(code: str) -> None:
    told = visits.disposition(read_in({"dischargeDisposition": {"coding": [{"code": code}]}}), MAPPED)
    out = emitted(told)
    first = out["dischargeDisposition"]["coding"][0]["code"] if out else None
    assert first == {"alt-home": "home"}.get(code, code)


def test_every_code_of_the_value_set_is_read_and_none_that_is_not_in_it_is_told() -> None:
    assert set(STATUS_OF) == R4 - {"oth"}
    assert {*OF_STATUS.values(), *DISPOSITION.values()} <= R4
    for kind, code in DISPOSITION.items():
        if code != "oth" and kind != "elopement":
            assert SITE.disposition("GOODHEALTH", STATUS_OF[code]) == kind


@pytest.mark.parametrize(
    "system",
    ["https://www.nubc.org/CodeSystem/PatDischargeStatus", "http://terminology.hl7.org/CodeSystem/v2-0112"],
)
def test_a_patient_status_goes_before_the_code_of_fhir_wherever_it_stands(system: str) -> None:
    codings = [{"system": "http://terminology.hl7.org/CodeSystem/discharge-disposition", "code": "other-hcf"},
               {"system": system, "code": "02"}]  # fmt: skip
    assert read_in({"dischargeDisposition": {"coding": codings}}).disposition == "02"
