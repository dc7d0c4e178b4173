"""The tables of docs/read-by-fhir.md are those of the code: types with their parameters, states with their statuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

from services.aftercare.desk.fhir import resources as of_aftercare
from services.aftercare.desk.fhir import table as aftercare
from services.intake.api.fhir import persons as intake
from services.placement.fhir import codes as of_placement
from services.placement.fhir import table as placement
from services.placement.search.entry import STATES
from shared.events.episodes import EpisodeStateName
from shared.events.levels import Level
from shared.events.open_lists import DispositionKind, VisitClass
from tools.stack.front.fhir import SERVICES_OF

PAGE = (Path(__file__).resolve().parents[2] / "docs/read-by-fhir.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([^`]+)` \| ([^|`]+) \|$", re.MULTILINE)
TYPE = re.compile(r"^\| ([A-Z][A-Za-z]+) \| [^|]+ \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)
TABLES: Mapping[str, Mapping[Any, str]] = {
    "EpisodeOfCare": of_placement.EPISODE_STATUS,
    "Encounter": of_placement.STAY_STATUS,
    "Level": of_placement.CLASS_OF_LEVEL,
    "Visit without a level": of_placement.CLASS_OF_VISIT,
    "End": of_placement.DISPOSITION,
    "Offer": of_placement.OFFER_STATUS,
    "First day": of_placement.FIRST_DAY_STATUS,
    "Referral": of_aftercare.REFERRAL_STATUS,
    "Follow-up window": of_aftercare.WINDOW_STATUS,
    "Appointment of aftercare": of_aftercare.APPOINTMENT_STATUS,
    "Plan": of_aftercare.PLAN_STATUS,
    "Consent": intake.CONSENT_STATUS,
}


@pytest.mark.parametrize("heading", TABLES)
def test_a_table_of_the_page_is_the_codes(heading: str) -> None:
    section = PAGE.split(f"### {heading}\n", 1)[1].split("\n#", 1)[0]
    assert ROW.findall(section) == list(TABLES[heading].items())


def test_every_state_has_a_row() -> None:
    assert set(of_placement.EPISODE_STATUS) == set(get_args(EpisodeStateName))
    assert set(of_placement.CLASS_OF_LEVEL) == {each.value for each in Level}
    assert set(of_placement.CLASS_OF_VISIT) == set(get_args(VisitClass))
    assert set(of_placement.DISPOSITION) == set(get_args(DispositionKind))
    assert set(of_placement.OFFER_STATUS) == set(STATES["offer"])
    assert set(of_placement.FIRST_DAY_STATUS) == set(STATES["placement"])


def test_every_type_stands_on_the_page_with_what_can_be_asked_of_all_that_have_it() -> None:
    told: dict[str, list[set[str]]] = {}
    rows: list[tuple[str, Any, Any, Any]] = [*placement.ROWS, *aftercare.ROWS]
    rows += [(kind, parameters, (), ()) for kind, _, parameters in intake.ROWS]
    for kind, parameters, include, revinclude in rows:
        asked = [{each.name for each in parameters}, set(include), set(revinclude)]
        there = told.get(kind)
        told[kind] = [one & other for one, other in zip(there, asked, strict=True)] if there else asked
    found = {kind: [set(re.findall(r"`([^`]+)`", each)) for each in cells] for kind, *cells in TYPE.findall(PAGE)}
    assert found == told


def test_the_front_door_knows_who_has_a_type() -> None:
    own = {
        "placement": {kind for kind, *_ in placement.ROWS},
        "aftercare": {kind for kind, *_ in aftercare.ROWS},
        "intake": {kind for kind, *_ in intake.ROWS},
    }
    assert {kind: set(services) for kind, services in SERVICES_OF.items()} == {
        kind: {service for service, kinds in own.items() if kind in kinds} for kind in set().union(*own.values())
    }
