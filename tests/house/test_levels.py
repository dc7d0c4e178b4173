"""A level of care is one row of one table: what is true of it is read there, and a further level is a further row."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from shared.events.levels import RANK, Level
from tools.documents.compatibility import sets_incompatibilities
from tools.documents.schemas import schemas

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "shared/events/levels.py"
RECORD = ROOT / "docs/decisions/0175-one-row-a-trigger-one-row-a-level.md"
NAMES = {level.value for level in Level}
OF_THEIR_OWN = {
    "services/intake/hl7/triggers.py": "the patient class that A06 and A07 change to",
    "services/intake/visits/moves.py": "the patient class that A06 and A07 change to",
    "tools/documents/examples.py": "examples of published facts",
    "tools/simulator/chances.py": "how a simulated patient comes",
    "tools/simulator/lives.py": "a story of a simulated patient",
    "tools/simulator/care_scenes.py": "a morning of simulated patients",
    "tools/simulator/somebody.py": "a morning of simulated patients",
    "tools/simulator/oracle.py": "counts again what the services counted, from nothing of theirs",
    "tools/simulator/truth.py": "the units of the sample site where the simulated patients are",
}
"""Modules with words that are levels' names, and what they are there."""


@pytest.fixture(scope="module")
def further() -> Any:
    """What follows from `sober-living` as one row between residential and PHP."""
    run = [sys.executable, "-m", "tests.house.further_level"]
    return json.loads(subprocess.run(run, cwd=ROOT, capture_output=True, check=True, timeout=60).stdout)


def test_no_module_but_the_table_says_what_a_level_is() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("services", "shared", "tools")
        for path in (ROOT / folder).rglob("*.py")
        if path != TABLE and "migrations" not in path.parts
        for text in [path.read_text()]
        if any(name in text for name in NAMES)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and node.value in NAMES
    }
    assert found == set(OF_THEIR_OWN)


def test_the_fold_ranks_a_further_level(further: Any) -> None:
    assert further["ranks"] == ["inpatient", "residential", "sober-living", "php", "iop", "outpatient"]
    assert further["levels"] == ["residential", None, "sober-living", None, "iop"]
    assert further["round the clock"] == ["inpatient", "residential"]


def test_steps_and_periods_follow_from_it(further: Any) -> None:
    assert further["steps"] == [
        ["stepped-down", "residential", "sober-living"],
        ["stepped-down", "sober-living", "iop"],
    ]
    assert further["periods"] == [["residential", "03-02", "03-09"], ["sober-living", "03-09", "03-13"]]


def test_the_page_and_the_api_name_it(further: Any) -> None:
    assert further["words"] == ["Sober living", "sober living", "in care: sober living"]
    assert further["asked"] == further["ranks"]


def test_it_is_only_what_its_row_says(further: Any) -> None:
    assert "sober-living" not in {*further["keeps a window"], *chain(*further["ends a window"])}


def test_what_is_so_of_todays_levels_stays_so(further: Any) -> None:
    assert {level: further["next"][level] for level in RANK} == {
        "inpatient": "residential", "residential": "php", "php": "iop", "iop": "outpatient", "outpatient": None,
    }  # fmt: skip
    assert further["keeps a window"] == ["php", "iop", "outpatient"]
    assert further["ends a window"] == [["inpatient"], ["inpatient"], ["residential"]]


def test_the_published_types_that_would_need_a_v2_are_those_that_the_record_lists(further: Any) -> None:
    now = schemas()
    broken = {text.split(":")[0] for text in sets_incompatibilities(now, further["schemas"])}
    assert broken == {ce_type for ce_type, schema in now.items() if '"residential"' in json.dumps(schema)}
    assert sorted(broken) == re.findall(r"`((?:care|billing|out)\.[a-z-]+\.v1)`", RECORD.read_text())
